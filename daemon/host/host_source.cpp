// What changed is told at once, figures that crept once a minute: every telling is a commit on disk.
#include "daemon/host/host_source.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/base/log.h"
#include "daemon/base/timed.h"
#include "daemon/host/host_facts.h"
#include "daemon/host/memory.h"
#include "daemon/monitor/submit.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTellEvery = 1min;
constexpr Duration kShortestLook = 1s;
constexpr Duration kLongestHorizon = std::chrono::hours{24 * 14};
constexpr const char* kSource = "host";

ProcessTable::Settings table_settings(const HostProbes& probes, const HostSettings& settings) {
  return {probes.proc, settings.processes, probes.own_pid, probes.ticks_per_second, probes.page_bytes};
}

std::string counted(std::size_t number, const char* one, const char* many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

/// Worth telling before the minute is over: a word or a flag that changed, or a share that moved by a point.
bool is_news(const Attributes& before, const Attributes& now) {
  if (before.size() != now.size()) return true;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (before[i].first != now[i].first) return true;
    const auto* was = std::get_if<double>(&before[i].second);
    const auto* is = std::get_if<double>(&now[i].second);
    if (was == nullptr || is == nullptr) {
      if (before[i].second != now[i].second) return true;
    } else if (now[i].first.ends_with("_percent")) {
      if (now[i].first != "gpu_utilisation_percent" && std::abs(*was - *is) >= 1.0) return true;
    } else if (now[i].first == "gpu_ecc_uncorrected" && *was != *is) {
      return true;
    }
  }
  return false;
}

Duration horizon_of(const std::vector<LiveRun>& runs, Duration otherwise) {
  Duration longest{};
  bool sure = !runs.empty();
  for (const LiveRun& run : runs) {
    if (run.remaining) longest = std::max(longest, *run.remaining);
    sure = sure && run.remaining.has_value();
  }
  return std::min(sure ? longest : std::max(longest, otherwise), kLongestHorizon);
}

}  // namespace

HostSource::HostSource(Clock& clock, Intake& intake, HostProbes probes, HostSettings settings)
    : clock_(clock),
      intake_(intake),
      probes_(std::move(probes)),
      settings_(std::move(settings)),
      table_(table_settings(probes_, settings_)),
      events_(probes_.host, [this](std::uint64_t pid) {
        const auto number = static_cast<std::int64_t>(pid);
        return KernelEvents::Victim{table_.run_of(number), table_.ours(number)};
      }) {
  restore();
}

asio::awaitable<void> HostSource::measure() {
  for (;;) {
    const Duration began = clock_.monotonic();
    const std::uint64_t exits = probes_.exits ? probes_.exits->exits().count() : 0;
    SourceBatch batch;
    co_await look(batch);
    if (!batch.inputs.empty() || !batch.cursors.empty())
      co_await submit_until_kept(clock_, intake_, std::move(batch));
    if (std::string now = describe(); now != described_) {
      described_ = std::move(now);
      log_info(kSource, "watching {}", described_);
    }
    const Duration rest = std::max(settings_.interval - (clock_.monotonic() - began), kShortestLook);
    if (!probes_.exits) {
      co_await clock_.sleep(rest);
    } else if (co_await timed(clock_, rest, probes_.exits->exits().wait_past(exits))) {
      co_await clock_.sleep(kShortestLook);  // a training's processes go one after the other
    }
  }
}

asio::awaitable<void> HostSource::look(SourceBatch& batch) {
  const std::vector<LiveRun> runs = settings_.runs ? settings_.runs() : std::vector<LiveRun>{};
  look_at_memory(batch, runs);
  look_at_processes(batch, runs);  // before the GPUs, whose users it knows
  co_await look_at_disks(batch, runs);
  co_await look_at_gpus(batch);
  for (Subject& over : events_.expire(clock_.now()))
    batch.inputs.emplace_back(Gone{std::move(over), clock_.now(), "an hour has passed since"});
  close_what_is_gone(batch);
  tell_health(batch);
}

void HostSource::look_at_memory(SourceBatch& batch, const std::vector<LiveRun>& runs) {
  const auto memory = read_memory(probes_.proc, probes_.cgroup);
  memory_how_ = !memory             ? "not watched: " + probes_.proc + "/meminfo cannot be read"
                : memory->contained ? "the container's limit"
                                    : "the machine's";
  if (!memory) return;
  Attributes facts = memory_facts(*memory, runs.size());
  facts.emplace_back("name", probes_.host);
  tell(batch, {SubjectKind::host, probes_.host}, std::move(facts));
}

asio::awaitable<void> HostSource::look_at_disks(SourceBatch& batch, const std::vector<LiveRun>& runs) {
  if (!probes_.disks) co_return;
  std::map<std::string, std::pair<DiskReading, std::uint64_t>> mounts;  // and the largest checkpoint on it
  disk_trouble_.clear();
  for (const std::string& path : settings_.disk_paths) {
    DiskReading reading = co_await probes_.disks->read(path);
    if (reading.state == DiskReading::State::ok) {
      mounts_[path] = reading.mount;
    } else {
      if (!disk_trouble_.empty()) disk_trouble_ += "; ";
      disk_trouble_ += fmt::format("{}: {}", host_text(path), reading.problem);
      const auto known = mounts_.find(path);
      if (known != mounts_.end()) reading.mount = known->second;
      // A path that cannot be looked at is the results source's matter; a mount that hangs is one of its own.
      if (reading.state == DiskReading::State::absent) continue;
    }
    const std::uint64_t checkpoint =
        settings_.largest_checkpoint && !runs.empty() ? settings_.largest_checkpoint(path) : 0;
    const std::string mount = reading.mount;
    auto& [kept, largest] = mounts.try_emplace(mount, std::move(reading), 0).first->second;
    largest = std::max(largest, checkpoint);
  }
  const Duration horizon = horizon_of(runs, settings_.horizon);
  for (const auto& [mount, known] : mounts)
    tell(batch, part(host_text(mount)), disk_facts(known.first, {horizon, known.second}));
  disks_ = mounts.size();
}

std::string HostSource::gpu_users(const GpuReading& gpu) const {
  std::string users;
  for (const GpuProcess& process : gpu.processes) {
    if (users.size() > 200) return users + ", …";
    const std::string run = table_.run_of(process.pid);
    const auto name = run_names_.find(run);
    users += fmt::format("{}pid {}{}", users.empty() ? "" : ", ", process.pid,
                         name == run_names_.end() ? "" : " (" + name->second + ")");
  }
  return users;
}

asio::awaitable<void> HostSource::look_at_gpus(SourceBatch& batch) {
  if (!settings_.gpu || !probes_.gpus) {
    gpu_how_ = "not watched: switched off";
    co_return;
  }
  const GpuReadings readings = co_await probes_.gpus->read();
  gpu_how_ = readings.how.empty() ? "not watched: " + readings.problem : readings.how;
  gpu_trouble_ = readings.how.empty() ? std::string() : readings.problem;
  if (!gpu_trouble_.empty() && readings.gpus.empty()) {
    for (const auto& [uuid, name] : gpu_names_) {
      tell(batch, part(uuid), {{"what", std::string("gpu")}, {"name", name}, {"gpu_answers", false}});
    }
    co_return;
  }
  gpus_ = readings.gpus.size();
  for (const GpuReading& gpu : readings.gpus) {
    Attributes facts = gpu_facts(gpu, gpu_users(gpu));
    if (const auto* name = std::get_if<std::string>(&facts[1].second))
      gpu_names_[host_text(gpu.uuid)] = *name;
    tell(batch, part(host_text(gpu.uuid)), std::move(facts));
  }
}

void HostSource::look_at_processes(SourceBatch& batch, const std::vector<LiveRun>& runs) {
  std::vector<KnownRun> known;
  run_names_.clear();
  for (const LiveRun& run : runs) {
    known.push_back(run.run);
    run_names_[run.run.key] = run.run.name;
  }
  table_.scan(known, clock_.now());
  process_how_ = !table_.readable() ? "not watched: " + probes_.proc + " cannot be listed"
                 : table_.shut() > 0
                     ? fmt::format("{} of other users, which run they train is not known",
                                   counted(table_.shut(), "Python process", "Python processes"))
                     : probes_.proc;
  std::set<ProcessId> living;
  std::vector<std::string> over;
  for (const auto& [key, trainer] : table_.trainers()) {
    const auto name = run_names_.find(trainer.run);
    const Subject subject =
        part("trainer:" + (trainer.run.empty() ? host_text(trainer.pattern) : trainer.run));
    if (!trainer.run.empty() && name == run_names_.end()) {
      over.push_back(key);
      why_gone_[subject.key] = "the run ended";
      told_.erase(subject);
      told_.erase({SubjectKind::run, trainer.run});
      continue;
    }
    living.insert(trainer.processes.begin(), trainer.processes.end());
    tell(batch, subject,
         trainer_facts(trainer, trainer.run.empty() ? host_text(trainer.pattern) : name->second),
         trainer.run);
    if (trainer.run.empty()) continue;
    const bool killed = events_.killed(trainer.main_pid);
    tell(batch, {SubjectKind::run, trainer.run},
         run_trainer_facts(trainer, probes_.host,
                           killed ? "the kernel killed it for want of memory" : std::string()),
         trainer.run);
  }
  for (const std::string& key : over) table_.forget(key);
  if (probes_.exits) probes_.exits->watch(living);
  keep_trainers(batch);
}

void HostSource::tell(SourceBatch& batch, Subject subject, Attributes attributes, const std::string& run) {
  Told& last = told_[subject];
  const Duration now = clock_.monotonic();
  // What a run's own facts say does not creep: it is told when it changes.
  const bool due = subject.kind != SubjectKind::run && now - last.at >= kTellEvery;
  if (!last.attributes.empty() && !due && !is_news(last.attributes, attributes)) return;
  last = {attributes, now};
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = std::move(subject);
  facts.run = run;
  facts.source = kSource;
  facts.time = clock_.now();
  facts.attributes = std::move(attributes);
  if (facts.subject.kind == SubjectKind::host) facts.attributes.emplace_back("host", probes_.host);
  batch.inputs.emplace_back(std::move(facts));
}

void HostSource::tell_health(SourceBatch& batch) {
  std::string degraded = disk_trouble_;
  if (!gpu_trouble_.empty()) degraded += (degraded.empty() ? "" : "; ") + gpu_trouble_;
  tell(batch, {SubjectKind::source, kSource},
       {{"kind", std::string(kSource)},
        {"reachable", true},
        {"degraded", degraded},
        {"memory", memory_how_},
        {"gpu", gpu_how_},
        {"kernel_log", kernel_how_},
        {"process_list", process_how_},
        {"disks", static_cast<double>(disks_)},
        {"gpus", static_cast<double>(gpus_)},
        {"processes", static_cast<double>(table_.processes())},
        {"trainers", static_cast<double>(table_.trainers().size())},
        {"kernel_events_left_out", static_cast<double>(events_.left_out())}});
}

std::string HostSource::describe() const {
  return fmt::format(
      "{}, memory ({}), {}, kernel log ({}), {}", counted(disks_, "file system", "file systems"), memory_how_,
      gpus_ > 0 ? counted(gpus_, "GPU", "GPUs") + " (" + gpu_how_ + ")" : "GPUs (" + gpu_how_ + ")",
      kernel_how_, counted(table_.trainers().size(), "trainer", "trainers"));
}

// --- over a restart

void HostSource::restore() {
  kernel_position_ = intake_.cursor(kSource, "kernel").value_or("");
  events_.restore(intake_.cursor(kSource, "events").value_or(""));
  const auto subjects =
      nlohmann::json::parse(intake_.cursor(kSource, "subjects").value_or(""), nullptr, false);
  if (subjects.is_array()) {
    for (const auto& key : subjects) {
      if (key.is_string()) kept_subjects_.insert(key.get<std::string>());
    }
  }
  kept_trainers_ = intake_.cursor(kSource, "trainers").value_or("");
  const auto kept = nlohmann::json::parse(kept_trainers_, nullptr, false);
  if (!kept.is_object()) return;
  try {
    const bool same_boot = kept.at("boot").get<std::string>() == probes_.boot;
    for (const auto& each : kept.at("trainers")) {
      Trainer trainer;
      trainer.run = each.at("run").get<std::string>();
      trainer.pattern = each.at("pattern").get<std::string>();
      trainer.main_pid = each.at("pid").get<std::int64_t>();
      trainer.command = each.at("command").get<std::string>();
      trainer.evidence = static_cast<TrainerEvidence>(std::clamp(each.at("evidence").get<int>(), 0, 3));
      for (const auto& process : each.at("processes")) {
        // After a reboot the numbers mean others: none of these lives.
        const auto start = same_boot ? process.at(1).get<std::uint64_t>() : UINT64_MAX;
        trainer.processes.insert({process.at(0).get<std::int64_t>(), start});
      }
      table_.expect(std::move(trainer));
    }
  } catch (const nlohmann::json::exception&) {
    return;  // ours, but damaged
  }
}

/// Disks that are no longer configured, cards that were taken out while redflag was down: nobody would ever
/// end their alerts.
void HostSource::close_what_is_gone(SourceBatch& batch) {
  std::set<std::string> now;
  for (const auto& [subject, told] : told_) {
    if (subject.kind == SubjectKind::host) now.insert(subject.key);
  }
  if (now == kept_subjects_) return;
  for (const std::string& key : kept_subjects_) {
    if (now.contains(key)) continue;
    const auto why = why_gone_.find(key);
    std::string reason = why == why_gone_.end() ? "it is no longer watched" : why->second;
    batch.inputs.emplace_back(Gone{{SubjectKind::host, key}, clock_.now(), std::move(reason)});
  }
  why_gone_.clear();
  kept_subjects_ = std::move(now);
  batch.cursors.push_back(
      {kSource, "subjects",
       nlohmann::json(kept_subjects_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

void HostSource::keep_trainers(SourceBatch& batch) {
  auto all = nlohmann::json::array();
  for (const auto& [key, trainer] : table_.trainers()) {
    auto processes = nlohmann::json::array();
    for (const ProcessId& each : trainer.processes) {
      if (processes.size() == 64) break;
      processes.push_back({each.pid, each.start_ticks});
    }
    all.push_back({{"run", trainer.run},
                   {"pattern", trainer.pattern},
                   {"pid", trainer.main_pid},
                   {"command", host_text(trainer.command, 64)},
                   {"evidence", static_cast<int>(trainer.evidence)},
                   {"processes", std::move(processes)}});
  }
  const nlohmann::json kept{{"boot", probes_.boot}, {"trainers", std::move(all)}};
  std::string text = kept.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text == kept_trainers_) return;
  kept_trainers_ = text;
  batch.cursors.push_back({kSource, "trainers", std::move(text)});
}

// --- the kernel's log

asio::awaitable<void> HostSource::follow_kernel_log() {
  if (!settings_.kernel_log || probes_.kernel_logs.empty()) {
    kernel_how_ = "not watched: switched off";
    co_return;
  }
  Duration pause = 1min;
  for (;;) {
    std::string reasons;
    for (const auto& log : probes_.kernel_logs) {
      const Duration began = clock_.monotonic();
      const Error error = co_await follow(*log);
      if (clock_.monotonic() - began >= 10min) pause = 1min;
      reasons += (reasons.empty() ? "" : "; ") + error.text();
    }
    kernel_how_ = "not watched: " + reasons;
    co_await clock_.sleep(pause);
    pause = std::min<Duration>(pause * 2, 30min);
  }
}

/// Until it cannot be followed any more, which the error says.
asio::awaitable<Error> HostSource::follow(KernelLog& log) {
  const Result<void> opened = co_await log.open(kernel_position_);
  if (!opened) co_return opened.error();
  kernel_how_ = std::string(log.name());
  Duration kept_at = clock_.monotonic();
  bool first = true;
  for (;;) {
    // The position at which it began is kept at once, so that what comes while redflag is down is not missed.
    const bool due = first || clock_.monotonic() - kept_at >= 5min;
    if (due && log.position() != kernel_position_ && !log.position().empty()) {
      kernel_position_ = log.position();
      SourceBatch batch;
      batch.cursors.push_back({kSource, "kernel", kernel_position_});
      co_await submit_until_kept(clock_, intake_, std::move(batch));
      kept_at = clock_.monotonic();
    }
    first = false;
    const Result<KernelLines> news = co_await log.next();
    if (!news) co_return news.error();
    if (news->lost)
      log_warning(kSource, "the kernel's log was overwritten before it was read; lines are lost");
    if (news->lines.empty()) {
      co_await clock_.sleep(Duration::zero());
      continue;
    }
    SourceBatch batch;
    for (Observation& facts : events_.take(news->lines, clock_.now()))
      batch.inputs.emplace_back(std::move(facts));
    kernel_position_ = log.position();
    batch.cursors.push_back({kSource, "kernel", kernel_position_});
    batch.cursors.push_back({kSource, "events", events_.kept()});
    co_await submit_until_kept(clock_, intake_, std::move(batch));
    kept_at = clock_.monotonic();
  }
}

}  // namespace redflag::daemon
