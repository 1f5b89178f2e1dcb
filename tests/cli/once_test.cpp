// What the commands tell without a daemon: from a tree and a configuration, leaving nothing behind.
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/cli/said.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using nlohmann::json;

namespace {

/// A training whose loss became NaN, and a configuration that points to it.
struct Project {
  explicit Project(const std::string& last_loss) {
    std::filesystem::create_directories(dir / "results/full_ft_sst2_seed42");
    std::string history;
    for (int i = 1; i <= 10; ++i) {
      const std::string loss = i == 10 ? last_loss : std::to_string(1.0 - 0.01 * i);
      history += (i == 1 ? "" : ",") + std::string("{\"loss\":") + loss +
                 ",\"grad_norm\":1.0,\"step\":" + std::to_string(10 * i) + "}";
    }
    std::ofstream(dir / "results/full_ft_sst2_seed42/trainer_state.json")
        << "{\"global_step\":100,\"max_steps\":200,\"log_history\":[" << history << "]}";
    std::ofstream(dir / "redflag.yaml")
        << "wandb: {enabled: false}\nhost: {enabled: false}\napi: {socket: none}\n"
        << "results: {roots: [" << (dir / "results") << "]}\n"
        << "store: {state_directory: " << (dir / "state") << "}\n";
  }
  Said ask(std::vector<std::string> words) const {
    words.push_back("--once");
    words.push_back("--config=" + (dir / "redflag.yaml"));
    return run_redflag(words);
  }
  TempDir dir;
};

}  // namespace

TEST_CASE("status --once reads the sources now, and leaves nothing behind", "[cli][once]") {
  const Project project("NaN");
  const Said said = project.ask({"status"});
  CHECK(said.code == 0);
  CHECK(said.err.empty());
  CHECK_THAT(said.out, ContainsSubstring("no daemon, looked once"));
  CHECK_THAT(said.out, ContainsSubstring("loss is not a number at ste"));
  CHECK_FALSE(std::filesystem::exists(project.dir / "state"));

  const Said as_json = project.ask({"status", "--json"});
  const json overview = json::parse(as_json.out);
  REQUIRE(overview["runs"].size() == 1);
  CHECK(overview["runs"][0]["name"] == "results/full_ft_sst2_seed42");
  CHECK(overview["runs"][0]["step"] == 100);
}

TEST_CASE("flags --once lists what fires now, and --check answers by its exit code", "[cli][once]") {
  const Project sick("NaN");
  const Said said = sick.ask({"flags"});
  CHECK(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("loss-nan"));
  CHECK_THAT(said.out, ContainsSubstring("step 100"));
  CHECK(sick.ask({"flags", "--check"}).code == 1);
  CHECK(sick.ask({"flags", "--check", "--severity=critical", "--json"}).code == 1);

  const Project healthy("0.9");
  CHECK(healthy.ask({"flags", "--check"}).code == 0);
  CHECK_THAT(healthy.ask({"flags"}).out, ContainsSubstring("No red flags"));
}

TEST_CASE("validate --once judges what is there, and passes nothing that is not", "[cli][once]") {
  const Project project("NaN");
  const Said said = project.ask({"validate"});
  CHECK(said.code == 1);
  CHECK(said.out.starts_with("FAIL: "));
  CHECK_THAT(said.out, ContainsSubstring(" 0 pass."));
}

TEST_CASE(
    "a directory that is not there, and a configuration that is wrong, are said, each with its exit code",
    "[cli][once]") {
  const Project project("0.9");
  const Said nowhere = project.ask({"status", "--results=" + (project.dir / "nowhere")});
  CHECK(nowhere.code == 0);
  CHECK_THAT(nowhere.out, ContainsSubstring("is not there"));
  std::ofstream(project.dir / "redflag.yaml") << "resluts: {}\n";
  // Of validate 2 means that something was not checked.
  for (const auto& [command, code] : {std::pair{"status", 2}, {"flags", 2}, {"validate", 3}}) {
    const Said wrong = project.ask({command});
    CHECK(wrong.code == code);
    CHECK_THAT(wrong.err, ContainsSubstring("resluts"));
    CHECK_THAT(wrong.err, ContainsSubstring("results"));  // what was meant
  }
}
