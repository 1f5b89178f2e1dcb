// A local source on real files and simulated time, with an intake that keeps what it is given over restarts.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/base/simulated_clock.h"
#include "daemon/follow/joined_intake.h"
#include "daemon/follow/local_source.h"
#include "tests/local/log_writers.h"
#include "tests/support/temp_dir.h"

namespace redflag::test {

using namespace redflag::daemon;
using namespace redflag::daemon::follow;

class KeptIntake final : public Intake {
 public:
  std::vector<Observation> rows;
  std::map<std::string, std::map<std::string, Attribute>> facts;  // by subject's key
  std::map<std::string, std::string> runs_of_facts;               // by subject's key
  std::map<std::string, std::vector<std::string>> states;         // of runs, in order, as told
  std::map<std::string, RunInfo> runs;
  std::map<std::string, Time> marks;
  std::map<std::pair<std::string, std::string>, std::string> cursors;
  std::map<std::string, std::map<std::string, double>> totals;
  std::size_t batches = 0;

  asio::awaitable<Result<void>> submit(SourceBatch batch) override {
    ++batches;
    for (auto& input : batch.inputs) {
      if (const auto* mark = std::get_if<Watermark>(&input)) marks[mark->subject.key] = mark->complete_up_to;
      auto* one = std::get_if<Observation>(&input);
      if (one == nullptr) continue;
      if (one->kind == ObservationKind::row) rows.push_back(*one);
      if (one->kind == ObservationKind::summary)
        for (const Sample& sample : one->samples) totals[one->subject.key][sample.metric] = sample.value;
      if (one->kind == ObservationKind::facts) runs_of_facts[one->subject.key] = one->run;
      for (const auto& [name, value] : one->attributes) {
        facts[one->subject.key][name] = value;
        if (name == "state" && one->subject.kind == SubjectKind::run) {
          auto& told = states[one->subject.key];
          if (told.empty() || told.back() != std::get<std::string>(value))
            told.push_back(std::get<std::string>(value));
        }
      }
    }
    for (RunInfo& run : batch.runs) runs.insert_or_assign(run.key, run);
    for (const CursorUpdate& update : batch.cursors) {
      if (update.value.empty()) {
        cursors.erase({update.source, update.key});
      } else {
        cursors[{update.source, update.key}] = update.value;
      }
    }
    co_return Result<void>{};
  }
  std::optional<std::string> cursor(const std::string& source, const std::string& key) const override {
    const auto found = cursors.find({source, key});
    return found == cursors.end() ? std::nullopt : std::optional(found->second);
  }
  const RunInfo* run(const std::string& key) const override {
    const auto found = runs.find(key);
    return found == runs.end() ? nullptr : &found->second;
  }
  std::string text(const std::string& key, const std::string& name) {
    const auto found = facts[key].find(name);
    const auto* value = found == facts[key].end() ? nullptr : std::get_if<std::string>(&found->second);
    return value == nullptr ? std::string() : *value;
  }
  std::vector<std::int64_t> steps(const std::string& run, const std::string& metric) const {
    std::vector<std::int64_t> found;
    for (const Observation& row : rows) {
      if (row.subject.key != run) continue;
      for (const Sample& sample : row.samples) {
        if (sample.metric == metric) found.push_back(row.step);
      }
    }
    return found;
  }
};

class Followed {
 public:
  explicit Followed(Time now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()))
      : clock(now) {
    settings.root = directory / "";
    while (settings.root.ends_with('/')) settings.root.pop_back();
    settings.wandb_host = "api.wandb.ai";
    settings.projects = {{"ent", "proj"}};
  }
  ~Followed() { stop(); }
  Followed(const Followed&) = delete;
  Followed& operator=(const Followed&) = delete;

  void start() {
    context = std::make_unique<asio::io_context>(1);
    joined = std::make_unique<JoinedIntake>(intake, clock);
    for (const Observation& row : intake.rows) {
      const RunInfo* run = intake.run(row.subject.key);
      if (run == nullptr || !has_ended(run->state)) joined->recall(row);
    }
    source = std::make_unique<LocalSource>(context->get_executor(), clock, *joined, system_files(), inotify,
                                           names, settings);
    asio::co_spawn(*context, source->run(), asio::detached);
    run_for(std::chrono::seconds{3});
  }
  void stop() {
    context = nullptr;
    source = nullptr;
    joined = nullptr;
  }
  void run_for(Duration duration) { clock.run_for(*context, duration); }
  void tell_service(SourceBatch batch) {
    asio::co_spawn(
        *context,
        [this, batch = std::move(batch)]() mutable -> asio::awaitable<void> {
          co_await joined->service().submit(std::move(batch));
        },
        asio::detached);
    run_for(Duration{1});
  }

  std::string path(const std::string& name) const { return settings.root + "/" + name; }
  void put(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << content;
  }
  void add(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary | std::ios::app) << content;
  }
  void make_old(const std::string& name, Duration age) {
    std::filesystem::last_write_time(path(name), std::filesystem::file_time_type::clock::now() - age);
  }

  TempDir directory;
  SimulatedClock clock;
  MetricNames names;
  SystemInotify inotify;
  KeptIntake intake;
  LocalSettings settings;
  std::unique_ptr<asio::io_context> context;
  std::unique_ptr<JoinedIntake> joined;
  std::unique_ptr<LocalSource> source;
};

/// A run file of W&B: who it is, rows, how it ended.
class RunFile {
 public:
  explicit RunFile(const std::string& id, const std::string& entity = "ent",
                   const std::string& project = "proj") {
    writer.record(17, local::bytes_field(1, id) + (entity.empty() ? "" : local::bytes_field(2, entity)) +
                          (project.empty() ? "" : local::bytes_field(3, project)) +
                          local::bytes_field(8, "name of " + id));
  }
  void row(int seq, int step, double loss) {
    writer.history({{"train/loss", std::to_string(loss)},
                    {"train/global_step", std::to_string(step)},
                    {"_step", std::to_string(seq)},
                    {"_timestamp", std::to_string(1.7e9 + seq)}});
  }
  void exit(int code) {
    writer.record(18, code == 0 ? std::string() : local::number_field(1, static_cast<std::uint64_t>(code)));
  }
  const std::string& bytes() { return writer.bytes(); }
  /// What came since the last call.
  std::string news() {
    std::string tail = writer.bytes().substr(told_);
    told_ = writer.bytes().size();
    return tail;
  }
  local::WandbWriter writer;

 private:
  std::size_t told_ = 0;
};

}  // namespace redflag::test
