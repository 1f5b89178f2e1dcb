// The inspector with the real redflag-inspect in its sandbox, on files written here and on the samples when
// they are there.
#include <filesystem>
#include <limits>

#include <boost/asio/io_context.hpp>

#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "daemon/inspection/inspector.h"
#include "tests/inspection/support.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using tensors::FileReport;
using tensors::Verdict;

namespace {

std::vector<FileReport> read_with_redflag_inspect(const std::string& root,
                                                  const std::vector<std::string>& paths) {
  asio::io_context context;
  SystemClock clock;
  SystemLauncher launcher(context.get_executor());
  redflag::daemon::test::Memory memory;
  InspectorSettings settings;
  settings.program = REDFLAG_INSPECT;
  settings.roots = {root};
  Inspector inspector(clock, launcher, memory, settings);
  std::vector<InspectionRequest> batch;
  for (const std::string& path : paths) batch.push_back({path, 1});
  std::vector<FileReport> reports;
  const Result<void> done = redflag::test::run_to_end(
      context,
      inspector.inspect(batch, [&](InspectionAnswer each) { reports.push_back(std::move(each.report)); }));
  INFO((done ? std::string() : done.error().text()));
  REQUIRE(done.has_value());
  return reports;
}

std::string safetensors(float value) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  text += header;
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
  return text;
}

}  // namespace

TEST_CASE("the real reader answers about good, damaged and absent files below its root", "[reader]") {
  const redflag::test::TempDir dir;
  dir.write("good.safetensors", safetensors(1.5F));
  dir.write("nan.safetensors", safetensors(std::numeric_limits<float>::quiet_NaN()));
  dir.write("cut.safetensors", safetensors(1.5F).substr(0, 20));
  dir.write("odd \xff\n name.safetensors", safetensors(1.5F));
  const auto reports = read_with_redflag_inspect(
      dir.path(), {dir / "good.safetensors", dir / "nan.safetensors", dir / "cut.safetensors",
                   dir / "odd \xff\n name.safetensors", dir / "absent.pt"});
  REQUIRE(reports.size() == 5);
  CHECK(reports[0].verdict == Verdict::ok);
  CHECK(reports[0].findings.empty());
  CHECK(daemon::test::has_finding(reports[1], "nan"));
  CHECK(reports[2].verdict == Verdict::damaged);
  CHECK(reports[3].verdict == Verdict::ok);
  CHECK(reports[4].verdict == Verdict::unknown);
}

TEST_CASE("no sample file, however damaged, brings the real reader down", "[reader][samples]") {
  const std::string root = std::string(REDFLAG_SOURCE_DIR) + "/../shared/samples";
  std::vector<std::string> paths;
  std::error_code absent;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root, absent)) {
    if (entry.is_regular_file() && entry.path().string().find("/torch/") != std::string::npos)
      paths.push_back(std::filesystem::canonical(entry.path()).string());
  }
  if (paths.empty()) {
    WARN("no samples here: nothing was checked");
    return;
  }
  const auto reports = read_with_redflag_inspect(std::filesystem::canonical(root).string(), paths);
  REQUIRE(reports.size() == paths.size());
  for (const FileReport& report : reports) {
    for (const tensors::Finding& finding : report.findings) {
      INFO(report.path);
      CHECK(finding.code.find("inspector_") == std::string::npos);
    }
  }
}
