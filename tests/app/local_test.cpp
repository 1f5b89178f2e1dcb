// The whole daemon beside files of runs: W&B's service far behind, and a table of log patterns of the user's
// own.
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/app/simulated_daemon.h"
#include "tests/local/log_writers.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

/// A directory that training writes to, by the simulated clock.
class TrainingDirectory {
 public:
  explicit TrainingDirectory(SimulatedDaemon& daemon) : daemon_(daemon) {
    daemon.config.local.directories.push_back({path("")});
    std::filesystem::create_directories(path(""));
  }
  std::string path(const std::string& name) const { return daemon_.directory / ("training/" + name); }
  void add(const std::string& name, const std::string& bytes) {
    const std::filesystem::path file(path(name));
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::app) << bytes;
    const auto now = std::chrono::time_point_cast<std::chrono::system_clock::duration>(daemon_.clock.now());
    std::filesystem::last_write_time(file, std::chrono::file_clock::from_sys(now));
  }

 private:
  SimulatedDaemon& daemon_;
};

/// What the SDK writes for the run while the service has it from the script.
class RunFile {
 public:
  RunFile(const std::string& id, Time created) : id_(id), created_(created) {
    writer_.record(17, local::bytes_field(1, id) + local::bytes_field(2, "ent") +
                           local::bytes_field(3, "proj") +
                           local::bytes_field(8, "full_ft_sst2_seed42_" + id));
  }
  std::string name() const { return "wandb/run-20261123_000000-" + id_ + "/run-" + id_ + ".wandb"; }
  void row(int step, const RunScript::Row& row) {
    local::WandbWriter::Values values;
    for (const auto& [key, value] : row.values.items()) values.emplace_back(key, value.dump());
    values.emplace_back("_step", std::to_string(step));
    values.emplace_back("_timestamp", std::to_string(to_unix_seconds(created_ + *row.happened)));
    writer_.history(values);
  }
  void exit() { writer_.record(18, std::string()); }
  /// What came since the last call.
  std::string news() {
    std::string tail = writer_.bytes().substr(told_);
    told_ = writer_.bytes().size();
    return tail;
  }

 private:
  std::string id_;
  Time created_;
  local::WandbWriter writer_;
  std::size_t told_ = 0;
};

}  // namespace

TEST_CASE(
    "a run seen on disk and at W&B, which is 30 s behind and away for two minutes, has each point once, and "
    "its alert comes from disk",
    "[local]") {
  constexpr int kRows = 120;
  constexpr int kExploded = 60;
  SimulatedDaemon daemon;
  TrainingDirectory training(daemon);
  RunScript script = healthy_run("r1", kStart, kRows);
  for (int i = 0; i < kRows; ++i) {
    RunScript::Row& row = script.rows[static_cast<std::size_t>(i)];
    row.happened = i * 5s;
    row.visible = i * 5s + 30s;
    if (i >= kExploded) row.values["train/grad_norm"] = 5000.0;
  }
  script.states = {{kRows * 5s + 30s, "finished"}};
  daemon.wandb.add_run("ent", "proj", script);
  // Half a minute before the explosion until long after.
  daemon.wandb.faults().during(kStart + 270s, kStart + 390s, {.kind = FaultKind::unreachable});
  daemon.start();

  RunFile file("r1", kStart);
  Duration told_after = 1h;
  for (int i = 0; i < kRows; ++i) {
    // Ten rows never reach the disk: W&B has them.
    if (i < 90 || i >= 100) file.row(i, script.rows[static_cast<std::size_t>(i)]);
    training.add(file.name(), file.news());
    for (int second = 0; second < 5; ++second) {
      daemon.run_for(1s);
      if (told_after == 1h && daemon.count("gradient-explosion") > 0)
        told_after = daemon.clock.now() - (kStart + kExploded * 5s);
    }
  }
  file.exit();
  training.add(file.name(), file.news());
  daemon.run_for(5min);

  // A second for the rest of the burst (alerts.group_wait); W&B would have told of it 90 s later.
  CHECK(told_after <= 3s);
  std::size_t fired = 0;
  for (const SlackMessage& message : daemon.slack.messages()) {
    if (message.plain.find("rule gradient-explosion") != std::string::npos &&
        !message.text.starts_with("RESOLVED"))
      ++fired;
  }
  CHECK(fired == 1);
  std::map<std::int64_t, std::map<std::string, int>> told;  // by step
  std::size_t from_disk = 0;
  for (const Observation& point : daemon.points("r1")) {
    if (point.kind != ObservationKind::row) continue;
    if (point.source != "wandb") ++from_disk;
    for (const Sample& sample : point.samples) ++told[point.step][sample.metric];
  }
  CHECK(told.size() == kRows);
  for (const auto& [step, metrics] : told) {
    CAPTURE(step);
    CHECK(metrics.contains("train_loss"));
    for (const auto& [metric, times] : metrics) {
      CAPTURE(metric);
      CHECK(times == 1);
    }
  }
  CHECK(from_disk >= kRows - 10 - 3);  // but what W&B had before its file was found
  CHECK(daemon.count("run-silent") == 0);
}

TEST_CASE("a text of the user's own table is told at its severity, and taken back when training goes on",
          "[local]") {
  SimulatedDaemon daemon;
  TrainingDirectory training(daemon);
  const std::string table = daemon.directory / "patterns.yaml";
  std::ofstream(table)
      << "patterns:\n  - kind: licence_lost\n    severity: critical\n    any: [\"lmgrd*refused\"]\n";
  daemon.config.local.patterns.push_back({table});
  daemon.start();
  RunFile file("r1", kStart);
  RunScript script = healthy_run("r1", kStart, 60);
  const std::string console = "wandb/run-20261123_000000-r1/files/output.log";
  for (int i = 0; i < 10; ++i) {
    file.row(i, script.rows[static_cast<std::size_t>(i)]);
    training.add(file.name(), file.news());
    if (i == 5) training.add(console, "lmgrd: the connection was refused\n");
    if (i > 5)
      training.add(console, "\r 1" + std::to_string(i) + "%|#         | 1" + std::to_string(i) +
                                "/100 [10:00<1:10:00, 42.0s/it]");
    daemon.run_for(i == 5 ? 3s : 1min);
    if (i == 4) CHECK(daemon.count("licence_lost") == 0);
    if (i == 5) CHECK(daemon.count("CRITICAL") == 1);
  }
  daemon.run_for(2min);
  CHECK(daemon.count("licence_lost: lmgrd: the connection was refused") >= 1);
  for (const SlackMessage& message : daemon.slack.messages()) UNSCOPED_INFO(message.text);
  CHECK(daemon.count("RESOLVED") == 1);
}

TEST_CASE("a mistake in a table of log patterns keeps the daemon from starting, with file and line",
          "[local]") {
  SimulatedDaemon daemon;
  const std::string table = daemon.directory / "patterns.yaml";
  daemon.config.local.patterns.push_back({table});
  const auto reason = [&]() -> std::string {
    try {
      daemon.start();
    } catch (const std::exception& error) {
      return error.what();
    }
    return "started";
  };
  CHECK_THAT(reason(), ContainsSubstring("reading the log patterns " + table));
  std::ofstream(table) << "patterns:\n  - kind: licence_lost\n    any: [\"abc\"]\n";
  CHECK_THAT(reason(), ContainsSubstring(table + ":3") && ContainsSubstring("four characters"));
}
