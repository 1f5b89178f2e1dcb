#include <map>
#include <set>

#include "daemon/simulator/demo_curves.h"
#include "daemon/simulator/demo_scenario.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag::test;

namespace {

struct Demo : Sim {
  DemoOptions options;

  Demo() {
    options.start = kStart;
    options.entity = "ent";
    options.project = "proj";
    build_demo(wandb, options);
  }

  std::vector<json> history(const std::string& id) {
    std::vector<json> rows;
    const json found = run(id, "history(minStep: 0, maxStep: 10000, samples: 10000)");
    for (const json& text : found["history"]) {
      rows.push_back(json::parse(text.get<std::string>()));
    }
    return rows;
  }
};

std::vector<double> curve(const std::vector<json>& rows, const std::string& metric) {
  std::vector<double> values;
  for (const json& row : rows) {
    if (row.contains(metric)) values.push_back(row[metric].get<double>());
  }
  return values;
}

std::string id_of(const std::string& name) {
  for (const DemoRun& run : demo_runs()) {
    if (run.name == name) return run.id;
  }
  return "?";
}

}  // namespace

TEST_CASE("The demo ends with four finished runs and a failed one, within its time", "[demo]") {
  Demo demo;
  demo.pass(demo.options.duration);
  const json runs = demo.project(
      "runs(filters: \"{\\\"tags\\\": \\\"full_finetune\\\"}\") { edges { node { displayName state } } }")
                        ["runs"]["edges"];
  std::map<std::string, std::string> states;
  for (const json& edge : runs) states[edge["node"]["displayName"]] = edge["node"]["state"];
  CHECK(states == std::map<std::string, std::string>{{"full_ft_sst2_seed42", "finished"},
                                                     {"full_ft_mrpc_seed42", "finished"},
                                                     {"full_ft_rte_seed1337", "finished"},
                                                     {"full_ft_squad_v2_seed2024", "finished"},
                                                     {"full_ft_sst2_seed999_failed", "failed"}});
}

TEST_CASE("The healthy runs end at their known values, without anything to raise a flag", "[demo]") {
  Demo demo;
  demo.pass(demo.options.duration);
  struct Expected {
    const char* name;
    double train, eval, score;
    const char* metric;
  };
  for (const Expected& expected : {Expected{"full_ft_sst2_seed42", 0.12, 0.28, 0.915, "eval/accuracy"},
                                   Expected{"full_ft_mrpc_seed42", 0.08, 0.32, 0.87, "eval/accuracy"},
                                   Expected{"full_ft_rte_seed1337", 0.15, 0.45, 0.71, "eval/accuracy"},
                                   Expected{"full_ft_squad_v2_seed2024", 0.22, 0.58, 0.81, "eval/f1"}}) {
    INFO(expected.name);
    const auto rows = demo.history(id_of(expected.name));
    CHECK(curve(rows, "train/loss").back() == Approx(expected.train));
    CHECK(curve(rows, "eval/loss").back() == Approx(expected.eval));
    CHECK(curve(rows, expected.metric).back() == Approx(expected.score));
    for (const double loss : curve(rows, "train/loss")) CHECK((loss > 0.05 && loss < 1.9));
    for (const double norm : curve(rows, "train/grad_norm")) CHECK((norm >= 8.0 && norm <= 22.0));
    for (const double gpu : curve(rows, "memory/gpu_memory_mb")) CHECK(gpu < 22000.0);
    const auto eval = curve(rows, "eval/loss");
    CHECK(eval.size() == 10);
    CHECK(std::is_sorted(eval.rbegin(), eval.rend()));  // never above its best: no overfitting to report
    const auto rate = curve(rows, "train/learning_rate");
    CHECK(*std::max_element(rate.begin(), rate.end()) == Approx(2e-5));
    CHECK(rate.front() < rate[5]);
    CHECK(rate.back() > 0.0);
    CHECK(rate.back() < 1e-7);
    CHECK(rows.back().contains("train/train_runtime"));
    CHECK(rows.back()["train/train_loss"].get<double>() > expected.train);
    CHECK(rows.size() == 111);
  }
}

TEST_CASE("The failed run explodes: loss 8.45, evaluation 12.33, gradients 1500, accuracy 0.52", "[demo]") {
  Demo demo;
  demo.pass(demo.options.duration);
  const auto rows = demo.history(id_of("full_ft_sst2_seed999_failed"));
  const auto loss = curve(rows, "train/loss");
  const auto norm = curve(rows, "train/grad_norm");
  CHECK(loss.back() == Approx(8.45));
  CHECK(*std::max_element(loss.begin(), loss.end()) == Approx(8.45));
  CHECK(loss.front() < 0.8);
  CHECK(std::count_if(loss.begin(), loss.end(), [](double v) { return v > 5.0; }) >= 5);
  CHECK(norm.back() == Approx(1500.0));
  CHECK(std::count_if(norm.begin(), norm.end(), [](double v) { return v > 1000.0; }) >= 3);
  CHECK(curve(rows, "eval/loss").back() == Approx(12.33));
  CHECK(curve(rows, "eval/accuracy").back() == Approx(0.52));
  CHECK_FALSE(rows.back().contains("train/train_runtime"));
  const json config =
      json::parse(demo.run(id_of("full_ft_sst2_seed999_failed"), "config")["config"].get<std::string>());
  CHECK(config["learning_rate"]["value"] == 1e-3);
  CHECK(config["method"]["value"] == "full_finetune");
}

TEST_CASE("The demo's rows come one after another, not all at once", "[demo]") {
  Demo demo;
  std::size_t before = 0;
  for (int second = 1; second <= 14; ++second) {
    demo.pass(1s);
    const std::size_t now = demo.history(id_of("full_ft_sst2_seed42")).size();
    CHECK(now > before);
    CHECK(now < before + 20);
    before = now;
  }
}

TEST_CASE("The demo tells the same story every time", "[demo]") {
  Demo a;
  Demo b;
  a.pass(20s);
  b.pass(20s);
  CHECK(a.history("x6f0fail") == b.history("x6f0fail"));
}

TEST_CASE("The results tree has every step, layer and model, in the order of time", "[demo][results]") {
  DemoOptions options;
  options.start = kStart;
  const ResultsScript script = demo_results(options);
  std::set<std::string> paths;
  Time last;
  for (const ResultsFile& file : script) {
    CHECK(paths.insert(file.path).second);
    CHECK(file.at >= last);
    CHECK(file.at <= kStart + options.duration);
    last = file.at;
  }
  CHECK(paths.size() == 4 * (4 + 10 * 4 + 3));
  CHECK(paths.count("representations/full_finetune_sst2/step_000100/layer_2.pt") == 1);
  CHECK(paths.count("representations/full_finetune_squad_v2/step_001000/metadata.json") == 1);
  CHECK(paths.count("representations/base_pretrained_rte/step_000000/layer_0.pt") == 1);
  CHECK(paths.count("full_ft_mrpc_seed42/final_model/model.safetensors") == 1);
}

TEST_CASE("The result files are genuine, different from one another, and written where they belong",
          "[demo][results]") {
  DemoOptions options;
  options.start = kStart;
  const TempDir dir;
  std::set<std::string> contents;
  std::size_t layers = 0;
  for (const ResultsFile& file : demo_results(options)) {
    const std::string content = results_content(file).value();
    if (file.kind == ResultsFile::Kind::hidden_states) {
      ++layers;
      CHECK(content.size() > 1000);
      contents.insert(content);
    } else if (file.kind == ResultsFile::Kind::weights) {
      CHECK(content.size() > 100000);
      const json header = json::parse(content.substr(8, content.find("}}") - 6));
      CHECK(header["model.layers.1.self_attn.q_proj.weight"]["shape"] == json{64, 64});
    } else {
      const json document = json::parse(content);
      if (file.kind == ResultsFile::Kind::metadata) {
        CHECK(document["step"] == file.step);
        CHECK(document["layer_names"] == json{"layer_0", "layer_1", "layer_2"});
        CHECK(document["tensor_shapes"]["layer_1"] == json{100, 64});
        CHECK(document["timestamp"].get<std::string>().back() != 'Z');
      }
    }
    if (file.task == "rte") REQUIRE(write_results_file(dir.path(), file).has_value());
  }
  CHECK(contents.size() == layers);
  CHECK(std::filesystem::file_size(dir / "representations/full_finetune_rte/step_000100/layer_0.pt") > 25600);
  CHECK(write_results_file("/proc/nowhere", demo_results(options)[0]).error().code ==
        redflag::ErrorCode::storage);
}
