// A scan reads /proc/PID/stat of every process, and of a process that it has not met before (pid and start)
// its command line and environment, once. Only what looks as if it could train is looked into further.
#include "daemon/host/processes.h"

#include <algorithm>
#include <array>

#include <dirent.h>
#include <unistd.h>

#include "daemon/host/process_text.h"
#include "daemon/host/small_file.h"
#include "rules/values/glob.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostProcesses = 200'000;
constexpr std::size_t kMostFiles = 4096;
constexpr unsigned kLooksForFiles = 8;  ///< scans in which a new process may still open its run's files
constexpr Duration kRemembered = 1h;    ///< pids that trained, for a kernel line about one that is gone

bool living(char state) {
  return state != 'Z' && state != 'X' && state != 'x';
}

}  // namespace

std::string_view to_string(TrainerEvidence evidence) {
  switch (evidence) {
    case TrainerEvidence::configured:
      return "configured";
    case TrainerEvidence::command_line:
      return "command line";
    case TrainerEvidence::open_file:
      return "open file";
    case TrainerEvidence::environment:
      return "environment";
  }
  return "configured";
}

std::string_view to_string(Trainer::State state) {
  switch (state) {
    case Trainer::State::alive:
      return "alive";
    case Trainer::State::stopped:
      return "stopped";
    case Trainer::State::stuck:
      return "stuck";
    case Trainer::State::exited:
      return "exited";
  }
  return "alive";
}

void ProcessTable::scan(const std::vector<KnownRun>& runs, Time now) {
  const auto stat = read_small_file(settings_.proc + "/stat", std::size_t{4} << 20);
  if (const auto boot = number_in_line(stat.value_or(""), "btime"))
    boot_ = Time{std::chrono::seconds{static_cast<std::int64_t>(std::min<std::uint64_t>(*boot, 1ULL << 33))}};
  DIR* listing = ::opendir(settings_.proc.c_str());
  readable_ = listing != nullptr;
  if (listing == nullptr) return;
  std::set<std::int64_t> there;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name.empty() || name.find_first_not_of("0123456789") != std::string_view::npos) continue;
    const auto pid = leading_number(name);
    if (!pid || *pid > 0x7fffffff || there.size() >= kMostProcesses) continue;
    const auto text = read_small_file(settings_.proc + "/" + std::string(name) + "/stat", 4096);
    auto one = parse_process_stat(text.value_or(""));
    if (!one || one->pid != static_cast<std::int64_t>(*pid)) continue;
    there.insert(one->pid);
    Known& known = seen_[one->pid];
    const bool met = known.stat.pid == one->pid && known.stat.start_ticks == one->start_ticks;
    const bool renamed = met && known.stat.command != one->command;  // exec, or a name it gave itself
    if (!met || renamed) {
      known = Known{};
      known.stat = std::move(*one);
      look_closer(known);
    } else {
      known.stat = std::move(*one);
    }
    if (known.looked_for_files < kLooksForFiles && known.held_run.empty()) look_for_files(known);
  }
  ::closedir(listing);
  std::erase_if(seen_, [&](const auto& each) { return !there.contains(each.first); });

  ours_.clear();
  if (settings_.own_pid != 0) {
    for (const auto& [pid, known] : seen_) {
      if (pid == settings_.own_pid || known.stat.parent == settings_.own_pid) ours_.insert(pid);
    }
  }
  shut_ = static_cast<std::size_t>(
      std::count_if(seen_.begin(), seen_.end(), [](const auto& each) { return each.second.shut; }));
  assign(runs, now);
}

void ProcessTable::look_closer(Known& process) const {
  const std::string base = settings_.proc + "/" + std::to_string(process.stat.pid);
  const std::string line = read_small_file(base + "/cmdline").value_or("");
  process.may_train = may_train(process.stat.command, line);
  process.on_behalf = wandb_service_of(process.stat, line);
  if (process.on_behalf == 0 && !process.may_train && settings_.patterns.empty()) {
    process.looked_for_files = kLooksForFiles;
    return;
  }
  process.command_line = line;
  int error = 0;
  if (const auto environment = read_small_file(base + "/environ", std::size_t{1} << 20, &error)) {
    process.run_id = environment_value(*environment, "WANDB_RUN_ID");
  } else {
    process.shut = process.may_train && (error == EACCES || error == EPERM);
  }
  if (!process.may_train && process.on_behalf == 0) process.looked_for_files = kLooksForFiles;
}

/// Which run's files it holds: …/run-20260101_120000-ID/run-ID.wandb, …-ID/files/output.log.
void ProcessTable::look_for_files(Known& process) const {
  ++process.looked_for_files;
  const std::string base = settings_.proc + "/" + std::to_string(process.stat.pid) + "/fd";
  DIR* listing = ::opendir(base.c_str());
  if (listing == nullptr) return;
  std::array<char, 4096> target;
  std::size_t looked = 0;
  while (const dirent* entry = ::readdir(listing)) {
    if (entry->d_name[0] == '.') continue;
    if (++looked > kMostFiles) break;
    const ssize_t size = ::readlink((base + "/" + entry->d_name).c_str(), target.data(), target.size());
    if (size <= 0 || target[0] != '/') continue;
    process.held_run = run_id_of_file(std::string_view(target.data(), static_cast<std::size_t>(size)));
    if (!process.held_run.empty()) break;
  }
  ::closedir(listing);
}

void ProcessTable::expect(Trainer trainer) {
  const std::string key = trainer.run.empty() ? trainer.pattern : trainer.run;
  for (const ProcessId& each : trainer.processes) pids_[each.pid] = {trainer.run, trainer.started_at};
  trainers_.emplace(key, std::move(trainer));
}

void ProcessTable::assign(const std::vector<KnownRun>& runs, Time now) {
  struct Found {
    TrainerEvidence evidence;
    std::set<std::int64_t> pids;
  };
  std::map<std::string, Found> found;
  const auto note = [&](const std::string& key, TrainerEvidence evidence, std::int64_t pid) {
    Found& one = found.try_emplace(key, Found{evidence, {}}).first->second;
    if (evidence < one.evidence) return;
    if (evidence > one.evidence) one = Found{evidence, {}};
    one.pids.insert(pid);
  };
  std::map<std::string_view, const KnownRun*> by_id;
  std::map<std::string_view, int> names;
  for (const KnownRun& run : runs) {
    by_id[run.id] = by_id.contains(run.id) ? nullptr : &run;  // the same id in two projects: nobody's
    ++names[run.name];
  }
  const auto run_with = [&](const std::string& id) -> const KnownRun* {
    const auto at = id.empty() ? by_id.end() : by_id.find(id);
    return at == by_id.end() ? nullptr : at->second;
  };
  std::set<std::string> patterns;
  for (const auto& [pid, known] : seen_) {
    if (!living(known.stat.state) || ours_.contains(pid)) continue;
    if (known.on_behalf != 0) {
      // The service may outlive its training by minutes: what it works for counts, not itself.
      const auto master = seen_.find(known.on_behalf);
      const KnownRun* run = run_with(known.held_run);
      if (run != nullptr && master != seen_.end() && living(master->second.stat.state) &&
          master->second.may_train)
        note(run->key, TrainerEvidence::open_file, master->first);
      continue;
    }
    if (known.may_train) {
      if (const KnownRun* run = run_with(known.run_id)) note(run->key, TrainerEvidence::environment, pid);
      if (const KnownRun* run = run_with(known.held_run)) note(run->key, TrainerEvidence::open_file, pid);
      for (const KnownRun& run : runs) {
        const bool alone = names[run.name] == 1;
        if (names_directory(known.command_line, run.output_dir) ||
            (alone && names_run(known.command_line, run.name)))
          note(run.key, TrainerEvidence::command_line, pid);
      }
    }
    for (const std::string& pattern : settings_.patterns) {
      if (!glob_match(pattern, spoken_command_line(known.command_line))) continue;
      note("pattern " + pattern, TrainerEvidence::configured, pid);
      patterns.insert("pattern " + pattern);
    }
  }
  for (auto& [key, one] : found) {
    Trainer& trainer = trainers_[key];
    const bool anew = trainer.processes.empty();
    if (patterns.contains(key)) {
      trainer.pattern = key.substr(std::string_view("pattern ").size());
    } else {
      trainer.run = key;
    }
    trainer.evidence = one.evidence;
    if (anew) trainer.exited_at = Time{};
    trainer.processes.clear();
    for (const std::int64_t pid : one.pids) {
      trainer.processes.insert({pid, seen_.at(pid).stat.start_ticks});
      pids_[pid] = {trainer.run, now};
    }
  }
  for (auto& [key, trainer] : trainers_) {
    if (found.contains(key)) {
      measure(trainer, now);
      continue;
    }
    // No longer told apart by anything (its run was renamed, say) is not gone: it goes by its pid and start.
    std::erase_if(trainer.processes, [&](const ProcessId& each) {
      const auto at = seen_.find(each.pid);
      return at == seen_.end() || at->second.stat.start_ticks != each.start_ticks ||
             !living(at->second.stat.state);
    });
    for (const ProcessId& each : trainer.processes) pids_[each.pid] = {trainer.run, now};
    measure(trainer, now);
  }
  std::erase_if(pids_, [&](const auto& each) { return now - each.second.second > kRemembered; });
}

void ProcessTable::measure(Trainer& trainer, Time now) const {
  if (trainer.processes.empty()) {
    if (trainer.state != Trainer::State::exited) trainer.exited_at = now;
    trainer.state = Trainer::State::exited;
    trainer.rss_bytes = 0;
    trainer.threads = 0;
    return;
  }
  const auto eldest = std::min_element(
      trainer.processes.begin(), trainer.processes.end(), [](const ProcessId& a, const ProcessId& b) {
        return std::pair(a.start_ticks, a.pid) < std::pair(b.start_ticks, b.pid);
      });
  trainer.main_pid = eldest->pid;
  trainer.exited_at = Time{};
  bool stopped = true;
  bool stuck = true;
  std::set<std::int64_t> family;
  for (const ProcessId& each : trainer.processes) {
    const ProcessStat& stat = seen_.at(each.pid).stat;
    family.insert(each.pid);
    stopped = stopped && (stat.state == 'T' || stat.state == 't');
    stuck = stuck && stat.state == 'D';
  }
  trainer.command = seen_.at(trainer.main_pid).stat.command;
  trainer.started_at = started_at(seen_.at(trainer.main_pid).stat);
  trainer.state = stopped ? Trainer::State::stopped : stuck ? Trainer::State::stuck : Trainer::State::alive;
  // Children of children, until no more join: a handful of generations.
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [pid, known] : seen_) {
      if (family.contains(known.stat.parent) && !family.contains(pid)) grew = family.insert(pid).second;
    }
  }
  trainer.rss_bytes = 0;
  trainer.threads = 0;
  for (const std::int64_t pid : family) {
    const ProcessStat& stat = seen_.at(pid).stat;
    trainer.rss_bytes += stat.rss_pages * static_cast<std::uint64_t>(settings_.page_bytes);
    trainer.threads += stat.threads;
  }
}

Time ProcessTable::started_at(const ProcessStat& stat) const {
  if (boot_ == Time{}) return {};
  const auto ticks = static_cast<std::uint64_t>(std::max(settings_.ticks_per_second, 1L));
  const std::uint64_t seconds = stat.start_ticks / ticks;
  if (seconds > (std::uint64_t{1} << 33)) return {};
  return boot_ + std::chrono::seconds{static_cast<std::int64_t>(seconds)};
}

std::string ProcessTable::run_of(std::int64_t pid) const {
  const auto found = pids_.find(pid);
  return found == pids_.end() ? std::string() : found->second.first;
}

}  // namespace redflag::daemon
