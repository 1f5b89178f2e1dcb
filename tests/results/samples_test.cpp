// The checks on real files: torch 1.13 and 2.x of every kind, safetensors, and damaged ones. Skipped where
// there are none.
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "daemon/results/file_check.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
namespace fs = std::filesystem;

namespace {

std::string samples() {
  if (const char* shared = std::getenv("REDFLAG_SHARED")) return std::string(shared) + "/samples";
  const fs::path beside = fs::path(REDFLAG_SOURCE_DIR) / ".." / "shared" / "samples";
  std::error_code error;
  return fs::exists(beside, error) ? fs::canonical(beside, error).string() : std::string();
}

CheckResult check(const fs::path& path, const DirPlace& place) {
  const auto kind = classify_file(place.role, path.filename().string());
  const auto result = check_file(system_files(), path.string(), fs::file_size(path),
                                 {kind, place.step, place.method, place.task});
  REQUIRE(result);
  if (std::getenv("REDFLAG_SHOW_TABLE") != nullptr) {
    std::cout << path.parent_path().filename().string() << '/' << path.filename().string() << " | "
              << to_string(result->verdict) << " | " << result->detail << '\n';
  }
  return *result;
}

}  // namespace

TEST_CASE("no valid sample is called damaged or truncated", "[samples]") {
  const std::string root = samples();
  if (root.empty() || !fs::exists(root)) return;
  DirPlace place;
  place.role = DirRole::final_model;
  for (const char* folder : {"/torch/ok", "/torch/safetensors", "/torch/torchscript"}) {
    for (const auto& entry : fs::directory_iterator(root + folder)) {
      if (classify_file(place.role, entry.path().filename().string()) == FileKind::other &&
          entry.path().extension() == ".json") {
        continue;  // a test's expectations, not a file of a checkpoint
      }
      const auto result = check(entry.path(), place);
      INFO(entry.path() << ": " << result.detail);
      const bool fine = result.verdict == Verdict::ok || result.verdict == Verdict::tiny;
      CHECK(fine);
    }
  }
  for (const auto& entry : fs::recursive_directory_iterator(root + "/results")) {
    if (!entry.is_regular_file()) continue;
    const auto result =
        check(entry.path(), place_below(root + "/results", entry.path().parent_path().string()));
    INFO(entry.path() << ": " << result.detail);
    CHECK(result.verdict == Verdict::ok);
  }
}

TEST_CASE("damage that can be seen at the ends of a sample is seen", "[samples]") {
  const std::string root = samples();
  if (root.empty() || !fs::exists(root)) return;
  DirPlace place;
  place.role = DirRole::step;
  for (const auto& entry : fs::directory_iterator(root + "/torch/bad")) check(entry.path(), place);
  CHECK(check(root + "/torch/bad/empty.pt", place).verdict == Verdict::empty);
  CHECK(check(root + "/torch/bad/garbage.pt", place).verdict == Verdict::damaged);
  CHECK(check(root + "/torch/bad/trunc_100.pt", place).verdict == Verdict::truncated);
  CHECK(check(root + "/torch/bad/trunc_2703.pt", place).verdict == Verdict::truncated);
  CHECK(check(root + "/torch/bad/st_trunc.safetensors", place).verdict == Verdict::truncated);
}
