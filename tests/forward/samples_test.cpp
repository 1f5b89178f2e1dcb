// The optional samples, where they lie beside the sources: TorchScript archives with their known output.
#include <cmath>

#include "tests/forward/run.h"
#include "tests/support/catch.h"

using namespace redflag::test;

TEST_CASE("The TorchScript samples run, and give what was written down when they were made",
          "[forward][script][samples]") {
  const std::string samples = REDFLAG_SOURCE_DIR "/../shared/samples/torch/";
  if (!std::filesystem::exists(samples + "torchscript/tiny_expected.json")) {
    WARN("skipped: no samples beside the sources");
    return;
  }
  const auto expected = nlohmann::json::parse(read_file(samples + "torchscript/tiny_expected.json"));
  for (const char* name : {"tiny_script.pt", "tiny_trace.pt"}) {
    const Answer answer = forward("script " + samples + "torchscript/" + name);
    INFO(name << " " << answer.reason());
    REQUIRE(answer.status() == "ok");
    // 500 numbers, sampled: the first, and the third from the fourth of the sample's places on.
    const auto& sample = answer.json["outputs"][0]["sample"];
    CHECK(sample[0].get<double>() == Approx(expected[0].get<double>()).margin(1e-5));
    CHECK(sample[1].get<double>() == Approx(expected[1].get<double>()).margin(1e-5));
    CHECK(sample[2].get<double>() == Approx(expected[3].get<double>()).margin(1e-5));
  }
  const Answer mlp = forward("script " + samples + "torchscript/mlp_script.pt");
  CHECK(mlp.status() == "ok");
  CHECK(mlp.json["input"] == "float32 [1, 16]");
}

TEST_CASE("Files that are no TorchScript are not checked, in one line", "[forward][script]") {
  const TempDir dir;
  dir.write("a.pt", std::string(5000, 'x'));
  dir.write("b.pt", "");
  for (const char* name : {"a.pt", "b.pt", "missing.pt"}) {
    const Answer answer = forward("script " + dir / name);
    CHECK(answer.code == 0);
    CHECK(answer.status() == "not_checked");
    CHECK_FALSE(answer.reason().empty());
    CHECK(answer.reason().find('\n') == std::string::npos);
    CHECK(answer.reason().find("frame #") == std::string::npos);
  }
}
