// `redflag inspect` as a person and a script see it: what is said, and the exit code.
#include <array>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace redflag {
namespace {

namespace fs = std::filesystem;

struct Ran {
  std::string out;
  int code = -1;
};

Ran run(const std::string& arguments) {
  Ran ran;
  FILE* pipe = ::popen((std::string(REDFLAG_PROGRAM) + " inspect " + arguments + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    ran.out.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return ran;
}

const std::string kFixtures = std::string(REDFLAG_SOURCE_DIR) + "/tests/tensors/fixtures/";

}  // namespace

TEST_CASE("inspect of a sound file shows its tensors and ends with 0", "[cli][inspect]") {
  const Ran ran = run(kFixtures + "ok/types_all.pt");
  INFO(ran.out);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.out, ContainsSubstring("torch.save file"));
  CHECK_THAT(ran.out, ContainsSubstring("bfloat16"));
  CHECK_THAT(ran.out, ContainsSubstring(": ok"));
}

TEST_CASE("inspect of a damaged file says what is wrong and ends with 1", "[cli][inspect]") {
  const Ran ran = run(kFixtures + "bad/checksum_wrong_one.pt");
  INFO(ran.out);
  CHECK(ran.code == 1);
  CHECK_THAT(ran.out, ContainsSubstring("damaged"));
  CHECK_THAT(ran.out, ContainsSubstring("data/0"));
}

TEST_CASE("a sound container with NaN in it is ok by verdict, and ends with 1", "[cli][inspect]") {
  const Ran ran = run("--json " + kFixtures + "findings/nan_float32.pt");
  CHECK(ran.code == 1);
  const auto report = nlohmann::json::parse(ran.out);
  CHECK(report["verdict"] == "ok");
  CHECK(report["kind"] == "torch_zip");
  CHECK(report["findings"][0]["code"] == "nan");
  CHECK(report["path"].get<std::string>() == fs::canonical(kFixtures + "findings/nan_float32.pt").string());
}

TEST_CASE("what was not read on purpose, or is not there, ends with 2", "[cli][inspect]") {
  CHECK(run(kFixtures + "refused/byteorder_big.pt").code == 2);
  const Ran absent = run("/nonexistent/x.pt");
  CHECK(absent.code == 2);
  CHECK_THAT(absent.out, ContainsSubstring("No such file"));
}

TEST_CASE("wrong usage ends with 3", "[cli][inspect]") {
  CHECK(run("").code == 3);
  CHECK(run("--threads 0 x").code == 3);
  CHECK(run("--no-such-option x").code == 3);
  CHECK(run("--help").code == 0);
}

TEST_CASE("a directory is told file by file and as what it is, each a line of JSON", "[cli][inspect]") {
  test::TempDir dir;
  const std::string step = dir / "representations/full_finetune_mrpc/step_100";
  fs::create_directories(step);
  fs::copy_file(kFixtures + "findings/nan_float32.pt", step + "/layer_0.pt");
  dir.write(
      "representations/full_finetune_mrpc/step_100/metadata.json",
      R"({"step": 100, "task_name": "mrpc", "method": "full_finetune", "timestamp": "t", "num_samples": 8,
                "layer_names": ["layer_0", "layer_1"], "tensor_shapes": {"layer_0": [8, 8], "layer_1": [8, 8]}})");
  const Ran ran = run("--json " + dir.path());
  INFO(ran.out);
  CHECK(ran.code == 1);
  std::istringstream lines(ran.out);
  std::size_t count = 0;
  nlohmann::json last;
  for (std::string line; std::getline(lines, line); ++count) {
    last = nlohmann::json::parse(line);
    CHECK(last.contains("path"));
    CHECK(last.contains("kind"));
    CHECK(last.contains("verdict"));
    CHECK(last.contains("findings"));
  }
  CHECK(count == 3);
  CHECK(last["kind"] == "representation_step");
  CHECK_THAT(last.dump(), ContainsSubstring("missing_layer"));
  // The NaN is told once, by the directory.
  const Ran text = run(dir.path());
  CHECK_THAT(text.out, ContainsSubstring("layer_1"));
  CHECK(text.out.find("holds 1 NaN") == text.out.rfind("holds 1 NaN"));
}

TEST_CASE("names with control characters reach the terminal escaped", "[cli][inspect]") {
  test::TempDir dir;
  dir.write("x\x1b[31m.pt", "no tensors");
  const Ran ran = run(dir.path());
  CHECK(ran.code == 1);
  CHECK(ran.out.find('\x1b') == std::string::npos);
}

}  // namespace redflag
