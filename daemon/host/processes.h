// Which processes of this machine are trainings, and whether they still live: read from /proc, never touched
// (no ptrace, no signal). What belongs to another user and is shut is "not known", and counted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/time.h"

namespace redflag::daemon {

/// The fields of /proc/PID/stat that matter. A pid is used again once its process is gone; pid and start
/// together name one process for ever.
struct ProcessStat {
  std::int64_t pid = 0;
  std::int64_t parent = 0;
  std::string command;            ///< as the process calls itself, at most 15 bytes
  char state = '?';               ///< R S D Z T t X I
  std::uint64_t start_ticks = 0;  ///< since the boot
  std::uint32_t threads = 0;
  std::uint64_t rss_pages = 0;
};

/// nullopt when it is no such line. The name in it may hold spaces and brackets.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// A run that may have a process here.
struct KnownRun {
  std::string key;
  std::string id;          ///< W&B's
  std::string name;        ///< as people call it
  std::string output_dir;  ///< of its configuration; empty when it has none
};

/// What tells that a process trains a run; the higher, the surer.
enum class TrainerEvidence : std::uint8_t {
  configured,    ///< it fits one of the configuration's patterns; the run is not known
  command_line,  ///< its arguments name the run's directory or its name
  open_file,     ///< it, or the W&B service it started, holds the run's files open
  environment,   ///< WANDB_RUN_ID
};
std::string_view to_string(TrainerEvidence evidence);

struct ProcessId {
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;
  auto operator<=>(const ProcessId&) const = default;
};

/// All processes that train one run, or fit one pattern.
struct Trainer {
  std::string run;      ///< key; empty: found by a pattern only
  std::string pattern;  ///< that it fits; empty: found by its run
  TrainerEvidence evidence = TrainerEvidence::configured;
  enum class State : std::uint8_t { alive, stopped, stuck, exited } state = State::alive;
  std::set<ProcessId> processes;  ///< living ones
  std::int64_t main_pid = 0;      ///< the eldest, also after it has ended
  std::string command;            ///< its name
  std::uint64_t rss_bytes = 0;    ///< of all of them and their children
  std::uint32_t threads = 0;
  Time started_at;  ///< Time{}: not known
  Time exited_at;   ///< when it was seen to be gone
};
std::string_view to_string(Trainer::State state);

/// Looks through /proc and remembers. One thread, blocking only on /proc.
class ProcessTable {
 public:
  struct Settings {
    std::string proc = "/proc";
    std::vector<std::string> patterns;  ///< globs over the whole command line
    std::int64_t own_pid = 0;           ///< neither it nor its children are trainings
    long ticks_per_second = 100;
    long page_bytes = 4096;
  };
  explicit ProcessTable(Settings settings) : settings_(std::move(settings)) {}

  /// One look at everything. `runs` are those that may be training now.
  void scan(const std::vector<KnownRun>& runs, Time now);

  /// After a restart: what was watched then, so that an end meanwhile is seen.
  void expect(Trainer trainer);

  /// By run's key, else by pattern. Those that ended stay until forget().
  const std::map<std::string, Trainer>& trainers() const { return trainers_; }
  void forget(const std::string& key) { trainers_.erase(key); }
  /// The run that a process trained that lives or ended lately; empty: none that is known.
  std::string run_of(std::int64_t pid) const;
  bool ours(std::int64_t pid) const { return ours_.contains(pid); }

  std::size_t processes() const { return seen_.size(); }
  /// Processes that look like Python and whose environment this user may not read.
  std::size_t shut() const { return shut_; }
  bool readable() const { return readable_; }

 private:
  struct Known {
    ProcessStat stat;
    std::string command_line;    ///< arguments, each followed by NUL; kept of what may train only
    std::string run_id;          ///< WANDB_RUN_ID
    std::string held_run;        ///< id of the run whose files it holds open
    std::int64_t on_behalf = 0;  ///< a W&B service works for this process; 0: it is none
    bool may_train = false;
    bool shut = false;
    unsigned looked_for_files = 0;
  };

  void look_closer(Known& process) const;
  void look_for_files(Known& process) const;
  void assign(const std::vector<KnownRun>& runs, Time now);
  void measure(Trainer& trainer, Time now) const;
  Time started_at(const ProcessStat& stat) const;

  Settings settings_;
  std::map<std::int64_t, Known> seen_;
  std::map<std::string, Trainer> trainers_;
  std::map<std::int64_t, std::pair<std::string, Time>> pids_;  // that trained → run, when last seen
  std::set<std::int64_t> ours_;
  std::size_t shut_ = 0;
  bool readable_ = false;
  Time boot_;
};

}  // namespace redflag::daemon
