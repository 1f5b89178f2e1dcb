// What redflag-forward says of checkpoints, on a model small enough to compute by hand.
#include "daemon/forward/logits.h"

#include <cmath>
#include <limits>

#include "tests/forward/run.h"
#include "tests/support/catch.h"

using namespace redflag::test;

TEST_CASE("A model that does nothing gives its normalised embeddings times its output matrix", "[forward]") {
  const TempDir dir;
  IdleLlama model;
  model.write(dir, "model");
  const Answer answer = forward("logits " + dir / "model" + " --ids 3,5");
  REQUIRE(answer.status() == "ok");
  CHECK(answer.json["architecture"] == "LlamaForCausalLM");
  const auto& format = answer.json["formats"][0];
  CHECK(format["shape"] == nlohmann::json({1, 2, 8}));
  CHECK(answer.json["between_formats"].is_null());
  const auto& embedding = model.at("model.embed_tokens.weight").values;
  const auto& output = model.at("lm_head.weight").values;
  for (const std::size_t token : {0U, 1U}) {
    const std::size_t row = (token == 0 ? 3 : 5) * 4;
    double square = 0;
    for (std::size_t k = 0; k < 4; ++k) square += embedding[row + k] * embedding[row + k] / 4.0;
    for (std::size_t v = 0; v < 8; ++v) {
      double logit = 0;
      for (std::size_t k = 0; k < 4; ++k)
        logit += output[v * 4 + k] * embedding[row + k] / std::sqrt(square + 1e-6);
      CHECK(format["sample"][token * 8 + v].get<double>() == Approx(logit).margin(1e-5));
    }
  }
}

TEST_CASE("Logits that are not finite are bad, and written as words", "[forward]") {
  const TempDir dir;
  IdleLlama model;
  model.at("lm_head.weight").values[0] = std::numeric_limits<float>::quiet_NaN();
  model.at("lm_head.weight").values[4] = std::numeric_limits<float>::infinity();
  model.write(dir, "model");
  const Answer answer = forward("logits " + dir / "model");
  CHECK(answer.status() == "bad");
  CHECK_THAT(answer.message("forward_nonfinite"), ContainsSubstring("the first arise in the output head"));
  CHECK(answer.json["formats"][0]["finite"] == false);
  CHECK(answer.json["formats"][0]["sample"][0] == "NaN");
  CHECK(answer.json["formats"][0]["reload_difference"] == 0.0);
}

TEST_CASE("Logits kept earlier are compared with those of now", "[forward]") {
  const TempDir dir;
  IdleLlama model;
  model.write(dir, "model");
  dir.write("kept.json", forward("logits " + dir / "model").text);
  const std::string again = "logits " + dir / "model" + " --compare " + dir / "kept.json";
  const Answer same = forward(again);
  CHECK(same.status() == "ok");
  CHECK(same.severity("forward_changed").empty());

  SECTION("a weight that changed is critical") {
    model.at("model.norm.weight").values[2] = 1.01F;
    model.write(dir, "model");
    const Answer changed = forward(again);
    CHECK(changed.status() == "bad");
    CHECK(changed.severity("forward_changed") == "critical");
  }
  SECTION("another input is not comparable, and said so") {
    const Answer other = forward(again + " --ids 1,2");
    CHECK(other.status() == "ok");
    CHECK(other.severity("forward_changed") == "info");
  }
  SECTION("a report that is none is said so") {
    dir.write("kept.json", "[1, 2");
    const Answer other = forward(again);
    CHECK(other.status() == "ok");
    CHECK(other.severity("forward_changed") == "info");
  }
}

TEST_CASE("Differences count NaN as equal to NaN, and anything else against it as infinite", "[forward]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  using redflag::forward::largest_difference;
  CHECK(largest_difference({1, nan, -infinity}, {1.5F, nan, -infinity}) == 0.5);
  CHECK(largest_difference({1, 2}, {1, nan}) == infinity);
  CHECK(largest_difference({infinity}, {-infinity}) == infinity);
  CHECK(largest_difference({1, 2}, {1}) == infinity);
}

TEST_CASE("What does not fit the memory limit is refused with figures", "[forward]") {
  const TempDir dir;
  IdleLlama().write(dir, "model");
  const Answer answer = forward("logits " + dir / "model" + " --memory 20000000");
  CHECK(answer.status() == "not_checked");
  CHECK_THAT(answer.reason(), ContainsSubstring("needs about ") && ContainsSubstring("limit 20 MB"));
}

TEST_CASE("Input that the model cannot take is not checked", "[forward]") {
  const TempDir dir;
  IdleLlama().write(dir, "model");
  CHECK_THAT(forward("logits " + dir / "model" + " --ids 7,8").reason(),
             ContainsSubstring("the vocabulary has 8 tokens"));
}

TEST_CASE("Of two tied embeddings a file may hold either one", "[forward]") {
  const TempDir dir;
  IdleLlama model;
  model.config["tie_word_embeddings"] = true;
  std::erase_if(model.tensors, [](const SmallTensor& tensor) { return tensor.name == "lm_head.weight"; });
  model.write(dir, "input");
  model.at("model.embed_tokens.weight").name = "lm_head.weight";
  model.write(dir, "output");
  const Answer input = forward("logits " + dir / "input");
  const Answer output = forward("logits " + dir / "output");
  REQUIRE(input.status() == "ok");
  REQUIRE(output.status() == "ok");
  CHECK(input.json["formats"][0]["hash"] == output.json["formats"][0]["hash"]);

  SECTION("untied, the output embedding has to be there") {
    model.config["tie_word_embeddings"] = false;
    model.at("lm_head.weight").name = "model.embed_tokens.weight";
    model.write(dir, "untied");
    CHECK_THAT(forward("logits " + dir / "untied").message("forward_missing_tensor"),
               ContainsSubstring("lm_head.weight is missing"));
  }
}

TEST_CASE("Damaged and hostile directories are answered in one object", "[forward]") {
  const TempDir dir;
  IdleLlama model;
  model.write(dir, "model");
  const auto look = [&] {
    const Answer answer = forward("logits " + dir / "model");
    CHECK(answer.code == 0);
    REQUIRE(answer.json.is_object());
    CHECK(answer.json["formats"].empty());
    return answer;
  };
  SECTION("no directory") {
    CHECK(forward("logits " + dir / "nowhere").status() == "not_checked");
  }
  SECTION("truncated weights") {
    const std::string whole = read_file(dir / "model/model.safetensors");
    dir.write("model/model.safetensors", whole.substr(0, whole.size() - 9));
    CHECK(look().status() != "ok");
  }
  SECTION("no weights") {
    std::filesystem::remove(dir / "model/model.safetensors");
    CHECK(look().reason() == "there are no weights in the directory");
  }
  SECTION("config.json is none") {
    dir.write("model/config.json", "{\"architectures\": [");
    CHECK(look().status() == "bad");
  }
  SECTION("sizes that overflow") {
    model.config["hidden_size"] = std::int64_t{1} << 62;
    model.write(dir, "model");
    CHECK_THAT(look().reason(), ContainsSubstring("hidden_size is 4611686018427387904"));
  }
  SECTION("heads that do not divide") {
    model.config["num_key_value_heads"] = 3;
    model.write(dir, "model");
    CHECK(look().status() == "bad");
  }
  SECTION("ten thousand layers that are not there") {
    model.config["num_hidden_layers"] = 10000;
    model.write(dir, "model");
    const Answer answer = look();
    CHECK(answer.status() == "bad");
    CHECK(answer.json["findings"].size() == 21);
    CHECK_THAT(answer.json["findings"].back()["message"].get<std::string>(),
               ContainsSubstring("more of this kind"));
  }
  SECTION("an index that leads out of the directory") {
    std::filesystem::rename(dir / "model/model.safetensors", dir / "outside.safetensors");
    dir.write("model/model.safetensors.index.json",
              R"({"weight_map": {"model.norm.weight": "../outside.safetensors"}})");
    CHECK_THAT(look().reason(), ContainsSubstring("no file name"));
  }
  SECTION("names that are no UTF-8") {
    std::string file = read_file(dir / "model/model.safetensors");
    file.replace(file.find("model.norm"), 5, "\xff\xfe\x80\x81\n", 5);
    dir.write("model/model.safetensors", file);
    CHECK(look().status() != "ok");
  }
}

TEST_CASE("A mistake on the command line is answered with exit code 3 and no object", "[forward]") {
  for (const char* arguments : {"", "think", "logits", "logits a b", "logits a --rows 3",
                                "logits a --ids 1,,2", "drift a --rows 0"}) {
    const Answer answer = forward(arguments);
    INFO(arguments);
    CHECK(answer.code == 3);
    CHECK(answer.text.empty());
  }
  std::string ids = "1";
  for (int i = 1; i < 512; ++i) ids += ",1";
  CHECK(forward("logits /nowhere --ids " + ids).code == 0);
  CHECK(forward("logits /nowhere --ids " + ids + ",1").code == 3);
  CHECK(forward("--help").code == 0);
}
