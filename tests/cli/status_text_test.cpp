// `redflag status` as it looks: complete, in one screen, and safe whatever things are called.
#include "daemon/cli/status_text.h"

#include <algorithm>
#include <sstream>

#include "alerts/text/utf8.h"
#include "daemon/overview/advice.h"
#include "tests/alerts/builders.h"
#include "tests/overview/sample_overview.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using daemon::test::moment;
using daemon::test::sample_alert;
using daemon::test::sample_run;

namespace {

/// Five runs, four tasks, a results tree: the mission's usual case.
Overview usual() {
  Overview all;
  all.now = moment(0);
  all.daemon.version = "0.1.0";
  all.daemon.started_at = moment(-7200);
  all.sources = {{"wandb:api.wandb.ai/ent/proj", "wandb", true, "", moment(-12), 3.5, 5, 1},
                 {"results:/data/results", "results", true, "", Time{}, std::nullopt, 0, 0},
                 {"contents", "contents", true, "", Time{}, std::nullopt, 0, 0}};
  for (const char* name : {"full_ft_sst2_seed999_failed", "full_ft_mrpc_seed42", "full_ft_sst2_seed42",
                           "full_ft_rte_seed1337", "full_ft_squad_v2_seed2024"}) {
    RunView run = sample_run(name);
    run.info.state = RunState::finished;
    run.alerts = {};
    run.latest = {{"train_loss", 0.4123, 480}};
    run.loss = {2.0, 1.5, 1.0, 0.8, 0.6, 0.5, 0.45, 0.43, 0.42, 0.41};
    all.runs.push_back(run);
  }
  all.runs[0].info.state = RunState::crashed;
  all.runs[0].alerts.critical = 2;
  all.runs[0].loss = {0.7, 1.0, 2.0, 4.0, 8.0, std::numeric_limits<double>::quiet_NaN()};
  all.runs[1].info.state = RunState::running;
  all.runs_total = 5;
  all.running = 1;
  all.finished = 3;
  all.failed = 1;
  const auto task = [](const char* name, const char* metric, double low, double high, double critical,
                       double value, ScoreVerdict verdict) {
    TaskView view{name, metric, low, high, critical, {}, value, value, verdict};
    view.methods = {{"full_finetune", {{"k", "n", 42, value}}}};
    return view;
  };
  all.tasks = {task("mrpc", "accuracy", 0.85, 0.9, 0.75, 0.87, ScoreVerdict::in_range),
               task("rte", "accuracy", 0.65, 0.75, 0.55, 0.52, ScoreVerdict::critical),
               task("squad_v2", "F1", 0.75, 0.85, 0.65, 0.86, ScoreVerdict::above),
               {"sst2", "accuracy", 0.9, 0.93, 0.8, {}, std::nullopt, std::nullopt, ScoreVerdict::none}};
  ResultsView tree;
  tree.root = "/data/results";
  tree.present = tree.listed = true;
  tree.watching = "inotify";
  tree.summary.experiments = 4;
  tree.summary.checkpoints = 6;
  tree.summary.log_files = 4;
  using State = StepCell::State;
  for (const char* name : {"mrpc", "rte", "squad_v2", "sst2"}) {
    SeriesView series;
    series.dir = std::string("/data/results/representations/full_finetune_") + name;
    for (int step = 100; step <= 400; step += 100) series.cells.push_back({step, State::ok, ""});
    tree.representations.push_back(series);
    tree.summary.series.push_back({});
  }
  tree.representations[1].cells.erase(tree.representations[1].cells.begin() + 1);
  tree.representations[1].missing = {200};
  tree.representations[1].missing_count = 1;
  tree.representations[1].regular = false;
  SeriesView checkpoints;
  checkpoints.dir = "/data/results/full_ft_mrpc_seed42";
  checkpoints.cells = {
      {500, State::ok, ""}, {1000, State::bad, "NaN in model.safetensors"}, {-1, State::ok, ""}};
  tree.checkpoints = {checkpoints};
  tree.disk_total_bytes = 500'000'000'000;
  tree.disk_free_bytes = 123'456'789'012;
  all.results = {tree};
  all.host = {"vm-1", 64'000'000'000, 12'000'000'000};
  all.alerts = {sample_alert("full_ft_sst2_seed999_failed")};
  all.alerts[0].acknowledged = false;
  all.alerts[0].muted_by = "";
  all.firing = {1, 0, 0};
  return all;
}

/// Folded lines made one again.
std::string unfolded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const char one = c == '\n' ? ' ' : c;
    if (one != ' ' || out.empty() || out.back() != ' ') out += one;
  }
  return out;
}

Look plain(std::size_t width = 80) {
  Look look;
  look.width = width;
  return look;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void check_fits(const std::string& text, std::size_t width) {
  for (const std::string& line : lines_of(text)) {
    INFO(line);
    CHECK(alerts::utf16_units(line) <= width);
  }
}

}  // namespace

TEST_CASE("The usual case is one screen with everything that the mission asks for", "[cli][status]") {
  const std::string text = status_text(usual(), plain());
  INFO(text);
  CHECK(lines_of(text).size() <= 25);
  check_fits(text, 80);
  for (const char* part : {"1 critical alert",
                           "W&B api.wandb.ai/ent/proj",
                           "5 runs, 1 active",
                           "5: 1 live, 3 finished, 1 failed",
                           "full_ft_mrpc_seed42",
                           "48% of 1000",
                           "ETA 7 min",
                           "avg 0.870",
                           "in range",
                           "(0.65-0.75)",
                           "CRITICAL <0.55",
                           "above",
                           "no score yet",
                           "4 experiments",
                           "6 checkpoints",
                           "4 representation dirs",
                           "4 logs",
                           "NOT regular",
                           "missing 200",
                           "NaN in model.safe",
                           "123 GB of 500 GB free (75 % used)",
                           "memory 12.0 GB of 64.0 GB free",
                           "train loss 8.45 > 5",
                           "redflag alerts show 9f3c0a4b"}) {
    INFO(part);
    CHECK(unfolded(text).find(part) != std::string::npos);
  }
}

TEST_CASE("Status fits every width and every terminal", "[cli][status]") {
  for (const std::size_t width : {40U, 60U, 72U, 80U, 132U, 250U}) {
    Look look = plain(width);
    check_fits(status_text(usual(), look), width);
    look.unicode = false;
    const std::string ascii = status_text(usual(), look);
    check_fits(ascii, width);
    CHECK(
        std::all_of(ascii.begin(), ascii.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
  }
  Look narrower = plain(10);
  check_fits(status_text(usual(), narrower), 40);
  Look colored = plain();
  colored.color = true;
  CHECK(status_text(usual(), colored).find("\033[1;31m") != std::string::npos);
  CHECK(status_text(usual(), plain()).find('\033') == std::string::npos);
}

TEST_CASE("Names that come from outside neither move the cursor nor forge a line", "[cli][status]") {
  for (const std::string& name : alerts::test::hostile_names()) {
    Overview all = usual();
    for (RunView& run : all.runs) run.info.name = name;
    all.alerts[0].about = all.alerts[0].message = all.alerts[0].hint = name;
    all.sources[0].key = "wandb:" + name;
    all.sources[0].reachable = false;
    all.sources[0].trouble = name;
    all.results[0].root = name;
    all.results[0].representations[1].dir = "/x/" + name;
    all.results[0].checkpoints[0].cells[1].detail = name;
    all.tasks[0].task = name;
    const std::string text = status_text(all, plain());
    CHECK(lines_of(text).size() <= 60);
    for (const std::string& line : lines_of(text)) {
      CHECK(line.find('\033') == std::string::npos);
      CHECK(line.find('\r') == std::string::npos);
      CHECK(line.find("\xE2\x80\xAE") == std::string::npos);
    }
  }
}

TEST_CASE("What cannot be reached, and what is not there, is said outright", "[cli][status]") {
  Overview all = usual();
  all.sources[0].reachable = false;
  all.sources[0].trouble = "connection refused";
  all.sources[0].last_success = moment(-7200);
  all.results[0].present = false;
  all.daemon.once = true;
  all.daemon.as_of = moment(-600);
  const std::string text = unfolded(status_text(all, plain(120)));
  INFO(text);
  for (const char* part :
       {"DOWN W&B", "connection refused", "last answer 2 h 00 min ago", "no daemon, looked once",
        "a daemon's last word was 10 min ago", "/data/results is not there"})
    CHECK(text.find(part) != std::string::npos);
}

TEST_CASE("Nothing at all, and thousands of runs, still read well", "[cli][status]") {
  const std::string nothing = status_text(Overview{}, plain());
  INFO(nothing);
  CHECK(lines_of(nothing).size() < 15);
  CHECK(nothing.find("none known") != std::string::npos);
  CHECK(nothing.find("redflag setup") != std::string::npos);
  Overview many = usual();
  many.runs_total = 5000;
  many.finished = 4998;
  many.alerts.resize(300, many.alerts[0]);
  many.firing.critical = 300;
  const std::string text = status_text(many, plain());
  CHECK(lines_of(text).size() <= 28);
  CHECK(text.find("5 shown (--runs N)") != std::string::npos);
  CHECK(text.find("and 297 more: redflag alerts") != std::string::npos);
}
