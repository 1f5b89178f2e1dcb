// Steps against one another.
#include "daemon/checks/series_check.h"
#include "tests/checks/directory_builder.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::checks;
using namespace redflag::checks::test;

namespace {

DirectoryReport check(const std::vector<Directory>& steps) {
  return check_series("/r/representations/full_finetune_mrpc", {steps.begin(), steps.end()});
}

std::vector<Directory> healthy_series() {
  return {healthy_step(100), healthy_step(200), healthy_step(300), healthy_step(400)};
}

void copy_layer(const Directory& from, Directory& to, const std::string& file) {
  Directory source = from;
  to.at(file).tensors = source.at(file).tensors;
}

}  // namespace

TEST_CASE("nothing is said of steps that differ as training steps do", "[series]") {
  const DirectoryReport report = check(healthy_series());
  CHECK(report.findings.empty());
  CHECK(report.verdict == Verdict::ok);
  CHECK(check({}).findings.empty());
}

TEST_CASE("a step with all layers of another is identical, with one or two it is not", "[series]") {
  auto steps = healthy_series();
  copy_layer(steps[1], steps[2], "layer_0.pt");
  copy_layer(steps[1], steps[2], "layer_1.pt");
  CHECK(check(steps).findings.empty());
  copy_layer(steps[1], steps[2], "layer_2.pt");
  const DirectoryReport report = check(steps);
  REQUIRE(codes(report.findings) == "identical_step");
  CHECK_THAT(report.findings[0].message,
             ContainsSubstring("step 300 is identical to step 200: all 3 layers"));
  CHECK_THAT(report.findings[0].where, ContainsSubstring("step_300"));
}

TEST_CASE("three equal steps are one finding", "[series]") {
  auto steps = healthy_series();
  for (const char* file : {"layer_0.pt", "layer_1.pt", "layer_2.pt"}) {
    copy_layer(steps[0], steps[1], file);
    copy_layer(steps[0], steps[3], file);
  }
  const DirectoryReport report = check(steps);
  REQUIRE(report.findings.size() == 1);
  CHECK_THAT(report.findings[0].message,
             ContainsSubstring("step 200 and step 400 are identical to step 100"));
}

TEST_CASE("the same bytes in another shape are another step", "[series]") {
  auto steps = healthy_series();
  for (const char* file : {"layer_0.pt", "layer_1.pt", "layer_2.pt"}) {
    copy_layer(steps[0], steps[1], file);
    steps[1].at(file).tensors[0].shape = {200, 256};
  }
  CHECK(find(check(steps).findings, "identical_step") == nullptr);
}

TEST_CASE("steps whose layers were not hashed are not called identical", "[series]") {
  auto steps = healthy_series();
  for (Directory& step : steps) {
    for (const char* file : {"layer_0.pt", "layer_1.pt", "layer_2.pt"}) step.at(file).tensors[0].hash = 0;
  }
  CHECK(check(steps).findings.empty());
}

TEST_CASE("the base model's steps may be identical", "[series]") {
  auto steps = healthy_series();
  for (const char* file : {"layer_0.pt", "layer_1.pt", "layer_2.pt"}) copy_layer(steps[0], steps[1], file);
  CHECK(codes(check(steps).findings) == "identical_step");
  for (Directory& step : steps) step.edit().place.method = "base_pretrained";
  CHECK(check(steps).findings.empty());
}

TEST_CASE("a layer of another shape than at most other steps is told with both", "[series]") {
  auto steps = healthy_series();
  steps[0].at("layer_1.pt").tensors[0] = tensor("", {96, 512});
  const DirectoryReport report = check(steps);
  REQUIRE(codes(report.findings) == "shape_differs");
  CHECK(report.findings[0].message ==
        "step 100: layer_1 is float32 96 x 512, at other steps float32 100 x 512");
}

TEST_CASE("of two steps that differ the later one is named", "[series]") {
  std::vector<Directory> steps{healthy_step(200), healthy_step(100)};
  steps[1].at("layer_1.pt").tensors[0] = tensor("", {96, 512});
  const DirectoryReport report = check(steps);
  REQUIRE(codes(report.findings) == "shape_differs");
  CHECK_THAT(report.findings[0].where, ContainsSubstring("step_200"));
}

TEST_CASE("a layer that other steps have and neither this one nor its metadata.json does", "[series]") {
  auto steps = healthy_series();
  steps[3].remove("layer_2.pt");
  CHECK(check(steps).findings.empty());  // its own metadata.json lists it: told of the step
  steps[3].unset("metadata.json", "layer_names.2");
  const DirectoryReport report = check(steps);
  REQUIRE(codes(report.findings) == "missing_layer");
  CHECK(report.findings[0].message == "step 400 lacks 1 layer that other steps have: layer_2");
}

TEST_CASE("a step that is being written is left out", "[series]") {
  auto steps = healthy_series();
  steps[3].remove("layer_2.pt").unset("metadata.json", "layer_names.2");
  steps[3].at("layer_1.pt").verdict = Verdict::in_progress;
  CHECK(check(steps).findings.empty());
}

TEST_CASE("hundreds of bad steps do not make hundreds of findings", "[series]") {
  std::vector<Directory> steps;
  for (int i = 0; i < 300; ++i) {
    steps.push_back(healthy_step(100 * i));
    if (i >= 160)
      steps.back().at("layer_1.pt").tensors[0] = tensor("", {96, 512}, "float32", std::to_string(i));
  }
  CHECK(check(steps).findings.size() == 20);
}
