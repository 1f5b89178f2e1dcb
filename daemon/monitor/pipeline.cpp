#include "daemon/monitor/pipeline.h"

#include <algorithm>

#include "daemon/base/log.h"

namespace redflag::daemon {

Pipeline::Pipeline(std::shared_ptr<const RuleSet> rules, Render render)
    : engine_(std::move(rules)), render_(std::move(render)) {}

void Pipeline::resume(StoredState&& state) {
  for (RunInfo& run : state.runs) {
    std::string key = run.key;
    runs_.insert_or_assign(std::move(key), std::move(run));
  }
  for (CursorUpdate& cursor : state.cursors) cursors_[{cursor.source, cursor.key}] = std::move(cursor.value);
  for (const Observation& fact : state.facts) engine_.rebuild(fact);
  lifecycle_.restore(std::move(state.alerts));
  kept_instances_ = std::move(state.instances);
}

PointsWanted Pipeline::wants_points_of(const Subject& subject) const {
  if (subject.kind != SubjectKind::run) return PointsWanted::all;
  // An ended run logs no more points that a window would be needed for; what it has logged its neighbours ask
  // for.
  const RunInfo* known = run(subject.key);
  return known == nullptr || !has_ended(known->state) ? PointsWanted::all : PointsWanted::totals;
}

Commit Pipeline::finish_resume() {
  Commit commit;
  std::vector<Transition> transitions;
  for (const RuleInstance& instance : kept_instances_) engine_.restore(instance, transitions);
  kept_instances_.clear();
  settle(transitions, commit);
  return commit;
}

Commit Pipeline::apply(SourceBatch&& batch, Time now) {
  Commit commit;
  std::vector<Transition> transitions;
  for (RunInfo& info : batch.runs) take_run(std::move(info), commit);
  for (SourceBatch::Input& input : batch.inputs) {
    if (auto* observation = std::get_if<Observation>(&input)) {
      engine_.apply(*observation, transitions);
      commit.observations.push_back(std::move(*observation));
    } else if (const auto* mark = std::get_if<Watermark>(&input)) {
      engine_.advance(*mark, transitions);
    } else {
      const Gone& gone = std::get<Gone>(input);
      engine_.forget(gone.subject, gone.time, gone.reason, transitions);
      commit.drop(gone.subject);
    }
  }
  settle(transitions, commit);
  for (CursorUpdate& update : batch.cursors) take_cursor(std::move(update), commit);
  if (batch.first_read) tell_first_read(*batch.first_read, commit, now);
  return commit;
}

Commit Pipeline::tick(Time now) {
  Commit commit;
  std::vector<Transition> transitions;
  engine_.tick(now, transitions);
  settle(transitions, commit);
  return commit;
}

Commit Pipeline::announce(const alerts::Notification& notification) {
  Commit commit;
  say(notification, commit);
  return commit;
}

std::optional<std::string> Pipeline::cursor(const std::string& source, const std::string& key) const {
  const auto found = cursors_.find({source, key});
  if (found == cursors_.end()) return std::nullopt;
  return found->second;
}

const RunInfo* Pipeline::run(const std::string& key) const {
  const auto found = runs_.find(key);
  return found == runs_.end() ? nullptr : &found->second;
}

std::vector<alerts::Notification> Pipeline::firing() const {
  std::vector<alerts::Notification> all;
  for (const alerts::Alert* alert : lifecycle_.active()) {
    if (alert->quiet || !alert->muted_by.empty()) continue;
    alerts::Notification one;
    one.severity = alert->worst;  // as it was announced
    one.time = alert->last.time;
    one.transitions.push_back(alert->last);
    one.run = context_of(alert->last.run);
    all.push_back(std::move(one));
  }
  return all;
}

void Pipeline::take_run(RunInfo&& info, Commit& commit) {
  commit.runs.push_back(info);
  std::string key = info.key;
  runs_.insert_or_assign(std::move(key), std::move(info));
}

void Pipeline::take_cursor(CursorUpdate&& update, Commit& commit) {
  const std::pair<std::string, std::string> place{update.source, update.key};
  if (update.value.empty()) {
    cursors_.erase(place);
  } else {
    cursors_.insert_or_assign(place, update.value);
  }
  commit.cursors.push_back(std::move(update));
}

void Pipeline::tell_first_read(const FirstRead& read, Commit& commit, Time now) {
  const auto historic = std::count_if(runs_.begin(), runs_.end(), [&](const auto& known) {
    return known.second.historic && known.first.starts_with(read.run_key_prefix + '/');
  });
  if (historic == 0) return;
  say(lifecycle_.digest(read.project, read.run_key_prefix, static_cast<std::size_t>(historic), now), commit);
}

void Pipeline::settle(std::vector<Transition>& transitions, Commit& commit) {
  alerts::LifecycleOutput output;
  for (const Transition& transition : transitions) {
    if (transition.to == AlertState::closed) {
      log_debug("alert", "{} closed: {} ({})", transition.rule, transition.message, transition.reason);
    }
    lifecycle_.apply(transition, context_of(transition.run), output);
  }
  for (alerts::Alert& alert : output.alerts) commit.alerts.push_back(std::move(alert));
  for (const alerts::Notification& notification : output.notifications) say(notification, commit);
  for (RuleInstance& instance : engine_.take_changed_instances())
    commit.instances.push_back(std::move(instance));
}

void Pipeline::say(const alerts::Notification& notification, Commit& commit) {
  for (alerts::OutboxMessage& message : render_(notification)) commit.messages.push_back(std::move(message));
}

alerts::RunContext Pipeline::context_of(const std::string& run_key) const {
  alerts::RunContext context;
  const RunInfo* info = run(run_key);
  if (info == nullptr) return context;
  context.key = info->key;
  context.name = info->name;
  context.url = info->url;
  context.task = info->task;
  context.method = info->method;
  context.seed = info->seed ? std::to_string(*info->seed) : std::string();
  context.state = to_string(info->state);
  context.project = info->project;
  context.tags = info->tags;
  context.historic = info->historic;
  return context;
}

}  // namespace redflag::daemon
