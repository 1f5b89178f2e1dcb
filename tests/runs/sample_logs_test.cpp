// Real trainer_state.json files, read when they are present (REDFLAG_SHARED, or ../shared next to the
// repository).
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "daemon/runs/attempt_tracker.h"
#include "daemon/runs/relaxed_json.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;

fs::path sample_runs() {
  const char* shared = std::getenv("REDFLAG_SHARED");
  const fs::path base =
      shared != nullptr ? fs::path(shared) : fs::path(__FILE__).parent_path() / "../../../shared";
  std::error_code ignored;
  return fs::is_directory(base / "samples/runs", ignored) ? base / "samples/runs" : fs::path{};
}

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Totals {
  std::size_t rows = 0;
  std::size_t summaries = 0;
  std::size_t nan_gradients = 0;
  std::uint32_t attempts = 1;
};

Totals read(const nlohmann::json& state) {
  static const MetricNames names;
  const RowBuilder builder(names);
  AttemptTracker tracker;
  Totals totals;
  for (const auto& entry : state.value("log_history", nlohmann::json::array())) {
    auto row = builder.build(entry, {{SubjectKind::run, "x"}, "x", "trainer_state"});
    if (!row) continue;
    tracker.place(*row);
    ++(row->observation.kind == ObservationKind::summary ? totals.summaries : totals.rows);
    for (const auto& sample : row->observation.samples) {
      if (sample.metric == "gradient_norm_total" && std::isnan(sample.value)) ++totals.nan_gradients;
    }
  }
  totals.attempts = tracker.attempt();
  return totals;
}

}  // namespace

TEST_CASE("every real trainer log is read whole, in one attempt", "[runs][samples]") {
  const fs::path folder = sample_runs();
  if (folder.empty()) return;
  std::size_t files = 0;
  Totals all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    INFO(entry.path().filename().string());
    const auto state = parse_relaxed_json(contents(entry.path()), "reading");
    if (entry.path().filename() == "131.json") {
      CHECK_FALSE(state);
      continue;
    }
    REQUIRE(state);
    ++files;
    const Totals totals = read(*state);
    if (state->contains("log_history"))
      CHECK(totals.rows + totals.summaries == (*state)["log_history"].size());
    CHECK(totals.attempts == 1);
    CHECK(totals.summaries <= 1);
    all.rows += totals.rows;
    all.summaries += totals.summaries;
  }
  CHECK(files >= 50);
  CHECK(all.summaries == 12);
  CHECK(all.rows > 16000);
}

TEST_CASE("the log whose loss hides NaN still shows it in the gradient", "[runs][samples]") {
  const fs::path folder = sample_runs();
  if (folder.empty()) return;
  const auto state = parse_relaxed_json(contents(folder / "093.json"), "reading");
  REQUIRE(state);
  CHECK(read(*state).nan_gradients >= 100);
}

}  // namespace redflag::daemon
