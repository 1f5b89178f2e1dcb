// Real directories, read by the real reader, when they are there: what the checks make of reports not written
// by hand.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "daemon/checks/checkpoint_check.h"
#include "daemon/checks/series_check.h"
#include "daemon/checks/step_check.h"
#include "daemon/tensors/inspect.h"
#include "tests/checks/report_builder.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::checks;
using tensors::test::codes;

namespace {

namespace fs = std::filesystem;

/// The files of one directory, inspected.
struct Inspected {
  explicit Inspected(const fs::path& root, const fs::path& path) {
    for (const auto& each : fs::directory_iterator(path)) {
      if (each.is_regular_file()) reports.push_back(tensors::inspect_file(each.path().string()));
    }
    input.path = path.string();
    input.place = daemon::place_below(root.string(), path.string());
    for (const FileReport& each : reports) input.files.push_back(&each);
  }
  std::vector<FileReport> reports;
  DirectoryInput input;
};

}  // namespace

TEST_CASE("the sample results are whole but for a model that is none", "[samples]") {
  const fs::path root = fs::path(REDFLAG_SOURCE_DIR) / "../shared/samples/results";
  if (!fs::exists(root)) return;
  for (const char* series : {"full_finetune_mrpc", "base_pretrained_mrpc"}) {
    const fs::path path = root / "representations" / series;
    std::vector<std::unique_ptr<Inspected>> steps;
    std::vector<DirectoryInput> inputs;
    for (const auto& each : fs::directory_iterator(path)) {
      steps.push_back(std::make_unique<Inspected>(root, each.path()));
      inputs.push_back(steps.back()->input);
      const DirectoryReport report = check_step(steps.back()->input);
      INFO(to_json(report));
      CHECK(report.verdict == Verdict::ok);
      CHECK(codes(report.findings).empty());
    }
    const DirectoryReport report = check_series(path.string(), inputs);
    INFO(to_json(report));
    CHECK(report.findings.empty());
  }
  const Inspected model(root, root / "full_ft_mrpc_seed42" / "final_model");
  const DirectoryReport report = check_checkpoint(model.input);
  INFO(to_json(report));
  CHECK(codes(report.findings) == "missing_tensor missing_file");
  CHECK_THAT(report.findings[0].message,
             ContainsSubstring("none of the 24 layers' tensors of config.json is in it"));
}

TEST_CASE("a checkpoint that the environment names is judged as it is", "[samples]") {
  const char* path = std::getenv("REDFLAG_CHECKPOINT");  // for trials by hand: a healthy checkpoint-N
  if (path == nullptr) return;
  const Inspected checkpoint(fs::path(path).parent_path(), path);
  const DirectoryReport report = check_checkpoint(checkpoint.input);
  INFO(to_json(report));
  CHECK(report.verdict == Verdict::ok);
  CHECK(codes(report.findings, Severity::info).empty());
}
