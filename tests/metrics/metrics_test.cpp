// What Prometheus is told: numbers of the right kind under names that never change their meaning, whatever
// runs and files are called.
#include <cmath>

#include "daemon/metrics/exposition.h"
#include "daemon/metrics/metrics_text.h"
#include "tests/metrics/builders.h"
#include "tests/metrics/exposition.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;

namespace {

const std::string kBad = R"({run="api.wandb.ai/ent/proj/abc123",name="full_ft_sst2_seed999_failed"})";
const std::string kGood = R"({run="api.wandb.ai/ent/proj/def456",name="lora_rte_seed42"})";

Exposition scraped(const Overview& overview, const OwnHealth& own = sound_health(),
                   MetricsLimits limits = {}) {
  return read_exposition(metrics_text(overview, own, limits));
}

}  // namespace

TEST_CASE("Live runs have their metrics, ended ones are only counted", "[metrics]") {
  const Exposition read = scraped(busy_overview());
  CHECK(read.samples.at("redflag_run_step" + kGood) == 700);
  CHECK(read.samples.at("redflag_run_train_loss" + kGood) == 0.25);
  CHECK(read.samples.at("redflag_run_eval_loss" + kGood) == 0.31);
  CHECK(read.samples.at("redflag_run_learning_rate" + kGood) == 2e-05);
  CHECK(read.samples.at("redflag_run_steps_per_second" + kGood) == 2.5);
  CHECK(read.samples.at("redflag_run_last_row_age_seconds" + kGood) == 20);
  CHECK(read.samples.at(R"(redflag_runs{state="finished"})") == 1);
  for (const auto& [sample, value] : read.samples) {
    INFO(sample);
    CHECK(sample.find("/fff\"") == std::string::npos);
  }
}

TEST_CASE("NaN and infinities arrive as such, what is not known is left out", "[metrics]") {
  const std::string text = metrics_text(busy_overview(), sound_health());
  CHECK_THAT(text, ContainsSubstring("redflag_run_train_loss" + kBad + " NaN\n"));
  CHECK_THAT(text, ContainsSubstring("redflag_run_gradient_norm" + kBad + " +Inf\n"));
  Overview overview = busy_overview();
  overview.runs[0].latest.clear();
  overview.runs[0].step = -1;
  overview.runs[0].last_row_at = Time{};
  const Exposition read = scraped(overview);
  CHECK_FALSE(read.samples.contains("redflag_run_train_loss" + kBad));
  CHECK_FALSE(read.samples.contains("redflag_run_step" + kBad));
  CHECK_FALSE(read.samples.contains("redflag_run_last_row_age_seconds" + kBad));
  CHECK(read.types.contains("redflag_run_train_loss"));
  CHECK(daemon::metrics::sample_value(-std::numeric_limits<double>::infinity()) == "-Inf");
}

TEST_CASE("The daemon's own health is told", "[metrics]") {
  const Exposition read = scraped(busy_overview());
  CHECK(read.samples.at("redflag_uptime_seconds") == 1800);
  CHECK(read.samples.at("redflag_store_commits_total") == 321);
  CHECK(read.samples.at("redflag_store_durable") == 1);
  CHECK(read.samples.at("redflag_event_loop_lag_max_seconds") == 0.04);
  CHECK(read.samples.at(R"(redflag_deliveries_total{channel="slack",outcome="sent"})") == 12);
  CHECK(read.samples.at(R"(redflag_outbox_messages{channel="slack",state="queued"})") == 1);
  CHECK(read.samples.at(R"(redflag_source_up{source="wandb:api.wandb.ai/ent/other",kind="wandb"})") == 0);
  CHECK(read.samples.at(R"(redflag_source_lag_seconds{source="wandb:api.wandb.ai/ent/proj",kind="wandb"})") ==
        12.5);
  CHECK(read.samples.at(R"(redflag_alerts{state="firing",severity="critical"})") == 1);
  CHECK(read.samples.at(R"(redflag_alerts{state="pending",severity="info"})") == 0);
  CHECK(read.samples.at(R"(redflag_results_missing_steps{root="/data/results"})") == 4);
  CHECK(read.types.at("redflag_deliveries_total") == "counter");
  CHECK(read.types.at("redflag_run_step") == "gauge");
  OwnHealth own = sound_health();
  own.failing_since = at(10);
  CHECK(scraped(busy_overview(), own).samples.at("redflag_store_durable") == 0);
}

TEST_CASE("Names of metrics keep Prometheus' conventions", "[metrics]") {
  const Exposition read = scraped(busy_overview());
  CHECK(read.types.size() > 40);
  for (const auto& [name, type] : read.types) {
    INFO(name);
    CHECK((name.starts_with("redflag_") || name.starts_with("process_")));
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
    CHECK((type == "counter") == name.ends_with("_total"));
    CHECK(read.helps.at(name).ends_with('.'));
    for (const char* unit : {"_ms", "_milliseconds", "_mb", "_kb", "_percent"})
      CHECK_FALSE(name.ends_with(unit));
  }
}

TEST_CASE("No name of a run, root, source or alert can break the page or forge a sample",
          "[metrics][hostile]") {
  std::vector<std::string> names = alerts::test::hostile_names();
  names.push_back("x\"} 1\nredflag_up 1\n# HELP");
  names.push_back(std::string("nul\0nul", 7));
  names.push_back("back\\slash\\\"");
  names.push_back(std::string(100'000, 'x') + "a");
  names.push_back(std::string(100'000, 'x') + "b");
  Overview overview = busy_overview();
  overview.runs.clear();
  overview.alerts.clear();
  for (const std::string& name : names) {
    RunView run = run_view("id", name, RunState::running);
    run.info.key = name;
    run.info.task = name;
    overview.runs.push_back(run);
    AlertLine alert;
    alert.id = alert.rule = alert.about = alert.run = name;
    alert.state = "firing";
    overview.alerts.push_back(alert);
    overview.sources.push_back({name, name, true, name, at(1), 1.0, 1, 1});
    ResultsView root;
    root.root = name;
    overview.results.push_back(root);
  }
  OwnHealth own = sound_health();
  own.channels[0].channel = names[0];
  const std::string text = metrics_text(overview, own);
  const Exposition read = read_exposition(text);
  CHECK_FALSE(read.samples.contains("redflag_up"));
  std::size_t steps = 0;
  for (const auto& [sample, value] : read.samples) {
    steps += sample.starts_with("redflag_run_step{") ? 1 : 0;
    CHECK(sample.size() < 8000);
  }
  CHECK(steps == names.size());
}

TEST_CASE("However many runs and alerts there are, the page is bounded and says what it left out",
          "[metrics]") {
  Overview overview = busy_overview();
  overview.runs.clear();
  for (int i = 0; i < 1000; ++i)
    overview.runs.push_back(run_view(std::to_string(i), "run" + std::to_string(i), RunState::running));
  overview.runs_total = overview.running = 5000;
  for (int i = 0; i < 2000; ++i) {
    overview.alerts.push_back(overview.alerts[0]);
    overview.alerts.back().id = std::to_string(i);
  }
  const Exposition read = scraped(overview);
  CHECK(read.samples.at("redflag_runs_left_out") == 4800);
  CHECK(read.samples.at("redflag_alerts_left_out") == 1501);
  CHECK(read.samples.at(R"(redflag_alerts{state="firing",severity="critical"})") == 2001);
  CHECK(read.samples.size() < 4000);
  const Exposition few = scraped(busy_overview());
  CHECK(few.samples.at("redflag_runs_left_out") == 0);
  CHECK(few.samples.at("redflag_alerts_left_out") == 0);
}

TEST_CASE("An empty daemon has a page, too", "[metrics]") {
  const Exposition read = scraped(Overview{}, OwnHealth{});
  CHECK(read.samples.at(R"(redflag_runs{state="running"})") == 0);
  CHECK_FALSE(read.samples.contains("process_start_time_seconds"));
}
