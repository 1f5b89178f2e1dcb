// The evidence in the order in which the checklist asks for it: which runs count, which are history, whose
// curves, which alerts, which facts of files. Refers into the Evidence, which has to outlive it.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/overview/evidence.h"
#include "daemon/validate/checklist.h"

namespace redflag::daemon::validate {

/// Of the runs with one task, method and seed, the one that counts: the newest that finished; where none has,
/// the newest that ended otherwise; else the newest that still goes on.
struct CountingRun {
  const RunView* run = nullptr;
  const RunEvidence* evidence = nullptr;  ///< nullptr: its curves were not given
  std::size_t history = 0;                ///< older runs of the same
  bool finished() const { return run->info.state == RunState::finished; }
  bool ended() const { return has_ended(run->info.state); }
  const Curve* curve(std::string_view metric) const;
  std::string name() const;
};

/// The facts of one file, directory or machine, by name.
struct FactView {
  const SubjectFacts* facts = nullptr;
  std::string text(std::string_view name) const;              ///< "" when absent or no text
  std::optional<double> number(std::string_view name) const;  ///< finite ones only
  std::optional<bool> truth(std::string_view name) const;
  bool has(std::string_view name) const;
  const std::string& path() const { return facts->subject.key; }
  std::string name() const;  ///< for people: relative to the root, else the path
};

/// A step or checkpoint directory with what is known of its files.
struct Directory {
  FactView self;
  std::vector<FactView> files;
};

class CaseFile {
 public:
  CaseFile(const Evidence& evidence, const ChecklistOptions& options);

  const Evidence& evidence() const { return evidence_; }
  const Overview& overview() const { return evidence_.overview; }
  const ChecklistOptions& options() const { return options_; }
  /// The tasks that were asked for.
  const std::vector<std::string>& tasks() const { return tasks_; }
  bool asked_for(std::string_view task) const;

  /// Runs that trained something (no baselines) on the tasks asked for, or on none that can be told.
  const std::vector<CountingRun>& training() const { return training_; }
  std::vector<const CountingRun*> training_of(std::string_view task) const;
  /// Baselines, too.
  const std::vector<CountingRun>& counting() const { return counting_; }
  bool is_history(std::string_view key) const { return history_.contains(key); }
  const RunView* run(std::string_view key) const;
  /// Runs that are not history and count no more either: newer than the one that finished.
  std::vector<const RunView*> newer_unfinished() const;

  /// Alerts of at least warning that fire, by `wanted`; of history none.
  std::vector<const AlertLine*> firing(const std::function<bool(const AlertLine&)>& wanted) const;
  /// The same and those that were still firing when their run ended, of runs that count.
  std::vector<const AlertLine*> raised(const std::function<bool(const AlertLine&)>& wanted) const;

  /// Step directories of representations, by path, below series of the tasks asked for.
  const std::vector<Directory>& steps() const { return steps_; }
  /// checkpoint-N, final_model, final_adapter.
  const std::vector<Directory>& checkpoints() const { return checkpoints_; }
  /// Facts of a series (representations), of any other file of the two kinds, of logs.
  const std::vector<FactView>& series() const { return series_; }
  const std::vector<FactView>& strays() const { return strays_; }
  const std::vector<FactView>& logs() const { return logs_; }

 private:
  void choose_runs();
  void sort_facts();

  const Evidence& evidence_;
  ChecklistOptions options_;
  std::vector<std::string> tasks_;
  std::vector<CountingRun> counting_, training_;
  std::set<std::string, std::less<>> history_, counts_;
  std::map<std::string_view, const RunView*> runs_;
  std::vector<Directory> steps_, checkpoints_;
  std::vector<FactView> series_, strays_, logs_;
};

/// What follows the last '/', and what is before it.
std::string base_of(std::string_view path);
std::string parent_of(std::string_view path);

}  // namespace redflag::daemon::validate
