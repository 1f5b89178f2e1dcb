// Steps and checkpoints that should be there by now, from how far the run has come. Pure.
//
// The interval is that of the steps that are there (the usual distance; with one step alone, what the caller
// says). A step is overdue when training has gone a whole interval beyond it: an extraction may take its
// time, and logs lag.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "rules/values/observation.h"

namespace redflag::daemon {

/// A directory of steps or checkpoints.
struct StepSeries {
  Subject subject;                  ///< what facts are told of
  std::string name;                 ///< for people
  std::string task, method;         ///< of representations; a run is theirs when both are equal
  std::string run_name;             ///< of checkpoints: the directory's name, which is the run's
  std::vector<std::int64_t> steps;  ///< ascending
};

/// A run that goes on.
struct RunProgress {
  std::string key, name, task, method;
  std::int64_t step = -1;
};

class ExpectedSteps {
 public:
  explicit ExpectedSteps(std::int64_t default_interval) : default_interval_(default_interval) {}

  /// Facts about those series of which something changed: overdue (true/false), expected_step, run_step,
  /// interval. Of several runs that a series may belong to the slowest counts: an alarm has to be right for
  /// each of them.
  std::vector<Observation> judge(const std::vector<StepSeries>& series, const std::vector<RunProgress>& runs,
                                 Time now);

 private:
  std::int64_t default_interval_;
  std::map<Subject, std::pair<bool, std::int64_t>> told_;  ///< overdue, expected step
};

/// The usual distance between neighbours; 0 when there are none.
std::int64_t usual_interval(const std::vector<std::int64_t>& steps);

}  // namespace redflag::daemon
