// redflag-forward against computations that share nothing with it: plain PyTorch and NumPy (reference.py).
#include "tests/forward/reference.h"

#include <cmath>

using namespace redflag::test;

namespace {

/// Up to 256 of the values, evenly spaced, as the program samples them.
std::vector<double> sample_of(const nlohmann::json& values) {
  std::vector<double> all = values.get<std::vector<double>>();
  if (all.size() <= 256) return all;
  std::vector<double> sample;
  for (std::size_t i = 0; i < 256; ++i) sample.push_back(all[i * (all.size() - 1) / 255]);
  return sample;
}

double difference(const std::vector<double>& a, const nlohmann::json& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i].get<double>()));
  return largest;
}

}  // namespace

TEST_CASE("The logits of every family, head and adapter are those of an independent computation",
          "[forward][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  REQUIRE(reference->expected().at("logits").size() == 21);
  for (const auto& [name, expected] : reference->expected().at("logits").items()) {
    DYNAMIC_SECTION(name) {
      const Answer answer = forward("logits " + (*reference / name));
      INFO(answer.text.substr(0, 600));
      REQUIRE(answer.status() == "ok");
      CHECK(answer.json["findings"].empty());
      const auto& formats = answer.json["formats"];
      CHECK(formats.size() == (name == "llama_views" ? 1 : 2));
      for (const auto& format : formats) {
        CHECK(format["shape"] == expected.at("shape"));
        CHECK(difference(sample_of(expected.at("values")), format["sample"]) < 1e-4);
        CHECK(format["reload_difference"] == 0.0);
        CHECK(format["finite"] == true);
      }
      if (formats.size() == 2) CHECK(answer.json["between_formats"] == 0.0);
    }
  }
}

TEST_CASE("What is wrong with a checkpoint is found and named", "[forward][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  struct Case {
    const char* name;
    const char* status;
    const char* code;
    const char* severity;
    const char* words;
  };
  const Case each = GENERATE(
      Case{"nan_weight", "bad", "forward_nonfinite", "critical", "the first arise in layer 1 of 3"},
      Case{"swapped_shards", "bad", "forward_missing_tensor", "critical", "the two shards are swapped"},
      Case{"missing_tensor", "bad", "forward_missing_tensor", "critical",
           "model.layers.2.self_attn.k_proj.weight is missing"},
      Case{"unexpected_tensor", "ok", "forward_unexpected_tensor", "warning",
           "model.layers.3.mlp.up_proj.weight [80, 48]"},
      Case{"wrong_shape", "bad", "forward_shape", "critical", "is [97, 48], config.json makes it [98, 48]"},
      Case{"wrapped_names", "bad", "forward_missing_tensor", "critical", "module.model.embed_tokens.weight"},
      Case{"formats_differ", "bad", "forward_formats_differ", "critical", "the limit is 1e-05"},
      Case{"lora_incomplete", "bad", "forward_missing_tensor", "critical", "has no lora_A and lora_B"});
  DYNAMIC_SECTION(each.name) {
    const Answer answer = forward("logits " + (*reference / each.name));
    INFO(answer.text.substr(0, 800));
    CHECK(answer.code == 0);
    CHECK(answer.status() == each.status);
    CHECK(answer.severity(each.code) == each.severity);
    CHECK_THAT(answer.message(each.code), ContainsSubstring(each.words));
  }
}

TEST_CASE("What is not known is not checked, and never a pass", "[forward][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  const auto reason_of = [&](const std::string& name) {
    const Answer answer = forward("logits " + (*reference / name));
    CHECK(answer.code == 0);
    CHECK(answer.status() == "not_checked");
    CHECK(answer.json["formats"].empty());
    return answer.reason();
  };
  CHECK(reason_of("unknown_architecture") == "unknown architecture MambaForCausalLM");
  CHECK_THAT(reason_of("quantised"), ContainsSubstring("quantised"));
  CHECK_THAT(reason_of("lora_without_base"),
             ContainsSubstring("\"somebody/llama\" is no directory on this machine"));
}

TEST_CASE("The base model of an adapter can be named on the command line", "[forward][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  const Answer found = forward("logits " + (*reference / "lora_llama"));
  const Answer named =
      forward("logits " + (*reference / "lora_without_base") + " --base " + (*reference / "llama"));
  REQUIRE(named.status() == "ok");
  CHECK(named.json["formats"][0]["hash"] == found.json["formats"][0]["hash"]);
  // It is the adapter that is looked at: without it, the logits are others.
  CHECK(named.json["formats"][0]["hash"] !=
        forward("logits " + (*reference / "llama")).json["formats"][0]["hash"]);
}

TEST_CASE("Any number of threads gives the same logits to the last bit", "[forward][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  const Answer one = forward("logits " + (*reference / "llama"));
  const Answer four = forward("logits " + (*reference / "llama") + " --threads 4");
  REQUIRE(four.status() == "ok");
  CHECK(one.json["formats"][0]["hash"] == four.json["formats"][0]["hash"]);
}

TEST_CASE("Cosine, CKA and spectrum are those of NumPy", "[forward][drift][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  for (const auto& [step, layers] : reference->expected().at("drift").items()) {
    const Answer answer = forward("drift " + (*reference / step) + " --base " +
                                  (*reference / "representations/base_pretrained_mrpc"));
    INFO(answer.text.substr(0, 600));
    REQUIRE(answer.status() == "ok");
    REQUIRE(answer.json["layers"].size() == layers.size());
    CHECK(answer.json["sampled"] == false);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto& got = answer.json["layers"][i];
      CHECK(got["collapsed"] == false);
      for (const auto& [key, value] : layers[i].items()) {
        INFO(layers[i].at("layer") << " " << key);
        if (key == "layer") CHECK(got[key] == value);
        if (key != "layer") CHECK(std::abs(got[key].get<double>() - value.get<double>()) < 1e-6);
      }
      CHECK(got["drift_base"].get<double>() == Approx(1 - got["cosine_base"].get<double>()));
    }
  }
}

TEST_CASE("A layer in one direction, or with equal rows, has collapsed; a healthy one has not",
          "[forward][drift][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  const Answer answer = forward("drift " + (*reference / "collapsed/step_20"));
  INFO(answer.text.substr(0, 600));
  REQUIRE(answer.status() == "bad");
  CHECK_THAT(answer.json["previous"].get<std::string>(), ContainsSubstring("collapsed/step_9"));
  const auto& layers = answer.json["layers"];
  const std::vector<bool> collapsed = {true, true, false, false, false};
  const std::vector<bool> identical = {false, false, false, true, false};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(layers[i]["collapsed"] == collapsed[i]);
    CHECK(layers[i]["identical_previous"] == identical[i]);
  }
  CHECK(layers[1]["cka_previous"].is_null());
  CHECK(answer.severity("layer_collapsed") == "critical");
  CHECK_THAT(answer.message("drift_shape_mismatch"), ContainsSubstring("layer_4 has 40 rows of 20"));
  CHECK(forward("drift " + (*reference / "collapsed/step_20") + " --previous none")
            .json["layers"][3]["cosine_previous"]
            .is_null());
}

TEST_CASE("A TorchScript archive is run on token ids, or on what its first weight takes",
          "[forward][script][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  const Answer tokens = forward("script " + (*reference / "script/tokens.pt"));
  REQUIRE(tokens.status() == "ok");
  const auto expected = reference->expected().at("script").at("tokens").get<std::vector<double>>();
  CHECK(difference(expected, tokens.json["outputs"][0]["sample"]) < 1e-5);
  const Answer numbers = forward("script " + (*reference / "script/numbers.pt"));
  CHECK(numbers.status() == "ok");
  CHECK(numbers.json["input"] == "float32 [1, 7]");
  CHECK(numbers.json["outputs"].size() == 2);
  const Answer nan = forward("script " + (*reference / "script/nan.pt"));
  CHECK(nan.status() == "bad");
  CHECK(nan.severity("forward_nonfinite") == "critical");
}

TEST_CASE("A TorchScript archive can neither write files, nor run for ever, nor take all memory",
          "[forward][script][reference]") {
  const Reference* reference = Reference::get();
  if (reference == nullptr) return;
  SECTION("files") {
    const Answer answer = forward("script " + (*reference / "script/writes.pt"));
    CHECK(answer.json["confined"] == true);
    CHECK_FALSE(std::filesystem::exists(*reference / "script/written"));
  }
  SECTION("time") {
    const Answer answer = forward("script " + (*reference / "script/endless.pt") + " --cpu-seconds 2");
    CHECK(answer.code == 0);
    CHECK(answer.status() == "not_checked");
    CHECK_THAT(answer.reason(), ContainsSubstring("more CPU time"));
  }
#if !defined(__SANITIZE_ADDRESS__)
  SECTION("memory") {
    const Answer answer = forward("script " + (*reference / "script/bomb.pt") + " --memory 600000000");
    CHECK(answer.code == 0);
    CHECK(answer.status() == "not_checked");
    CHECK_THAT(answer.reason(), ContainsSubstring("more memory"));
    CHECK(answer.json["peak_bytes"].get<double>() < 1.2e9);
  }
#endif
}
