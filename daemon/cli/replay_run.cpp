#include "daemon/cli/replay_run.h"

#include "rules/engine/engine.h"

namespace redflag::daemon {

std::vector<ReplayedTransition> replay_run(const std::shared_ptr<const RuleSet>& rules,
                                           const RecordedLog& log, const StepRange& range) {
  Engine engine(rules);
  std::vector<ReplayedTransition> told;
  std::vector<Transition> caused;
  const auto apply = [&](const Observation& observation, std::size_t row) {
    caused.clear();
    engine.apply(observation, caused);
    for (Transition& transition : caused) told.push_back({std::move(transition), row});
  };

  RunInfo before = log.run;
  before.state = RunState::unknown;
  before.historic = true;  // what was recorded is over: nothing in it can be said to be missing yet
  apply(run_facts(before, "replay", Time{}), 0);

  auto words = log.said.begin();
  const auto say = [&](std::size_t row) {
    for (; words != log.said.end() && words->before <= row; ++words) apply(words->facts, row);
  };
  bool whole = true;
  for (std::size_t i = 0; i < log.rows.size(); ++i) {
    if (whole) say(i);
    if (log.rows[i].step > range.to) {
      whole = false;
      continue;
    }
    apply(log.rows[i], i);
  }
  if (whole) say(log.rows.size());
  if (whole && has_ended(log.run.state)) {
    RunInfo after = before;
    after.state = log.run.state;
    Observation facts = run_facts(after, "replay", log.rows.empty() ? Time{} : log.rows.back().time);
    facts.step = log.rows.empty() ? -1 : log.rows.back().step;
    apply(facts, log.rows.size());
  }
  return told;
}

}  // namespace redflag::daemon
