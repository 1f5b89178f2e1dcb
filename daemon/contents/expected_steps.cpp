#include "daemon/contents/expected_steps.h"

#include <algorithm>

namespace redflag::daemon {

std::int64_t usual_interval(const std::vector<std::int64_t>& steps) {
  std::vector<std::int64_t> distances;
  for (std::size_t i = 1; i < steps.size(); ++i) distances.push_back(steps[i] - steps[i - 1]);
  if (distances.empty()) return 0;
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return *middle;
}

std::vector<Observation> ExpectedSteps::judge(const std::vector<StepSeries>& series,
                                              const std::vector<RunProgress>& runs, Time now) {
  std::vector<Observation> out;
  for (const StepSeries& each : series) {
    if (each.steps.empty()) continue;
    const RunProgress* slowest = nullptr;
    for (const RunProgress& run : runs) {
      const bool theirs = each.run_name.empty()
                              ? !run.task.empty() && run.task == each.task && run.method == each.method
                              : run.name == each.run_name;
      if (theirs && run.step >= 0 && (slowest == nullptr || run.step < slowest->step)) slowest = &run;
    }
    const std::int64_t learnt = usual_interval(each.steps);
    const std::int64_t interval = learnt > 0 ? learnt : each.run_name.empty() ? default_interval_ : 0;
    const auto told = told_.find(each.subject);
    const std::int64_t expected = each.steps.back() + interval;
    const bool overdue = slowest != nullptr && interval > 0 && slowest->step >= expected + interval;
    // Nothing was ever overdue here: nothing to say.
    if (!overdue && told == told_.end()) continue;
    if (told != told_.end() && told->second == std::pair(overdue, expected)) continue;
    told_[each.subject] = {overdue, expected};
    Observation facts;
    facts.kind = ObservationKind::facts;
    facts.subject = each.subject;
    facts.source = "contents";
    facts.step = each.steps.back();
    facts.time = now;
    facts.attributes = {{"name", each.name},
                        {"overdue", overdue},
                        {"expected_step", static_cast<double>(expected)},
                        {"interval", static_cast<double>(interval)},
                        {"last_step", static_cast<double>(each.steps.back())}};
    if (slowest != nullptr) {
      facts.attributes.emplace_back("run_step", static_cast<double>(slowest->step));
      facts.attributes.emplace_back("run_name", slowest->name);
    }
    out.push_back(std::move(facts));
  }
  return out;
}

}  // namespace redflag::daemon
