#include "daemon/wandb/project_health.h"

namespace redflag::daemon {

void ProjectHealth::note(const PollSummary& summary, Duration lag, Time started) {
  // Our own disk failing says nothing about W&B.
  if (summary.error &&
      (summary.error->code == ErrorCode::storage || summary.error->code == ErrorCode::cancelled))
    return;
  state_.reachable = !summary.error;
  state_.error = summary.error ? summary.error->text() : std::string{};
  if (summary.error) return;
  state_.runs = summary.runs;
  state_.active_runs = summary.active_runs;
  last_success_ = started;
  lag_ = lag;
}

std::optional<Observation> ProjectHealth::facts(Time now, bool due) const {
  if (!due && told_ == state_) return std::nullopt;
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = subject_;
  facts.source = "wandb";
  facts.time = now;
  facts.attributes.emplace_back("kind", std::string("wandb"));
  facts.attributes.emplace_back("reachable", state_.reachable);
  facts.attributes.emplace_back("error", state_.error);
  if (last_success_ != Time{}) {
    facts.attributes.emplace_back("last_success", to_unix_seconds(last_success_));
    facts.attributes.emplace_back("runs", static_cast<double>(state_.runs));
    facts.attributes.emplace_back("active_runs", static_cast<double>(state_.active_runs));
    facts.attributes.emplace_back("lag_seconds", static_cast<double>(lag_.count()) / 1e6);
  }
  return facts;
}

void ProjectHealth::told() {
  told_ = state_;
}

}  // namespace redflag::daemon
