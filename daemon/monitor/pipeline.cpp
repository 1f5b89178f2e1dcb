#include "daemon/monitor/pipeline.h"

#include <algorithm>
#include <iterator>

#include "daemon/base/log.h"

namespace redflag::daemon {

namespace {

/// A run that logs once in ten minutes is slow, not silent.
constexpr Duration kNoDataAfter = std::chrono::minutes{15};

}  // namespace

Pipeline::Pipeline(std::shared_ptr<const RuleSet> rules, alerts::LifecycleOptions lifecycle, Time now)
    : engine_(std::move(rules)),
      lifecycle_([&] {
        lifecycle.context_of = [this](const std::string& run) { return context_of(run); };
        lifecycle.no_data_since = [this](const Transition& t) { return no_data_since(t); };
        return std::move(lifecycle);
      }()),
      started_(now),
      now_(now) {}

void Pipeline::resume(StoredState&& state) {
  for (RunInfo& run : state.runs) {
    std::string key = run.key;
    runs_.insert_or_assign(std::move(key), std::move(run));
  }
  for (CursorUpdate& cursor : state.cursors) cursors_[{cursor.source, cursor.key}] = std::move(cursor.value);
  for (const Observation& fact : state.facts) engine_.rebuild(fact);
  lifecycle_.restore(std::move(state.alerts), std::move(state.silences));
  kept_instances_ = std::move(state.instances);
}

PointsWanted Pipeline::wants_points_of(const Subject& subject) const {
  if (subject.kind != SubjectKind::run) return PointsWanted::all;
  // An ended run logs no more points that a window would be needed for; what it has logged its neighbours ask
  // for.
  const RunInfo* known = run(subject.key);
  return known == nullptr || !has_ended(known->state) ? PointsWanted::all : PointsWanted::totals;
}

Effects Pipeline::finish_resume() {
  Effects effects;
  std::vector<Transition> transitions;
  for (const RuleInstance& instance : kept_instances_) engine_.restore(instance, transitions);
  kept_instances_.clear();
  settle(transitions, effects);
  return effects;
}

Effects Pipeline::apply(SourceBatch&& batch, Time now) {
  Effects effects;
  effects.may_linger = batch.read_again;
  Commit& commit = effects.commit;
  now_ = now;
  std::vector<Transition> transitions;
  std::vector<std::string> gone;
  for (SourceBatch::Input& input : batch.inputs) {
    hear(input, now);
    if (auto* observation = std::get_if<Observation>(&input)) {
      engine_.apply(*observation, transitions);
      commit.observations.push_back(std::move(*observation));
    } else if (const auto* mark = std::get_if<Watermark>(&input)) {
      engine_.advance(*mark, transitions);
    } else {
      const Gone& departed = std::get<Gone>(input);
      engine_.forget(departed.subject, departed.time, departed.reason, transitions);
      commit.drop(departed.subject);
      if (departed.subject.kind == SubjectKind::run) gone.push_back(departed.subject.key);
    }
  }
  for (const RunInfo& info : batch.runs) std::erase(gone, info.key);  // it is there again
  for (RunInfo& info : batch.runs) take_run(std::move(info), commit);
  settle(transitions, effects);
  for (const std::string& key : gone) forget_run(key);
  for (CursorUpdate& update : batch.cursors) take_cursor(std::move(update), commit);
  if (batch.first_read) tell_first_read(*batch.first_read, effects, now);
  return effects;
}

Effects Pipeline::tick(Time now) {
  Effects effects;
  std::vector<Transition> transitions;
  now_ = now;
  engine_.tick(now, transitions);
  settle(transitions, effects);
  alerts::LifecycleOutput output;
  lifecycle_.review(now, output);
  keep(std::move(output), effects);
  return effects;
}

Result<alerts::Alert> Pipeline::acknowledge(const std::string& id, alerts::Acknowledgement acknowledgement,
                                            Commit& commit) {
  Result<alerts::Alert> alert = lifecycle_.acknowledge(id, std::move(acknowledgement));
  if (alert) commit.alerts.push_back(*alert);
  return alert;
}

Result<alerts::Alert> Pipeline::unacknowledge(const std::string& id, Commit& commit) {
  Result<alerts::Alert> alert = lifecycle_.unacknowledge(id);
  if (alert) commit.alerts.push_back(*alert);
  return alert;
}

void Pipeline::put_silence(alerts::Silence silence, Commit& commit) {
  commit.silences.push_back(silence);
  lifecycle_.put_silence(std::move(silence));
}

void Pipeline::hear(const SourceBatch::Input& input, Time now) {
  const auto* observation = std::get_if<Observation>(&input);
  if (observation == nullptr) return;
  const SubjectKind kind = observation->subject.kind;
  if (kind == SubjectKind::run && observation->kind == ObservationKind::facts)
    return;  // a poll, not news of it
  if (kind == SubjectKind::run || kind == SubjectKind::source || kind == SubjectKind::host)
    heard_[observation->subject] = now;
}

Time Pipeline::no_data_since(const Transition& transition) const {
  const SubjectKind kind = transition.subject.kind;
  if (kind != SubjectKind::run && kind != SubjectKind::source && kind != SubjectKind::host) return {};
  if (const RunInfo* info = run(transition.run); info != nullptr && has_ended(info->state)) return {};
  const auto found = heard_.find(transition.subject);
  const Time last = found == heard_.end() ? started_ : found->second;
  return now_ - last >= kNoDataAfter ? last : Time{};
}

Commit Pipeline::everything() const {
  Commit all;
  for (const auto& [key, run] : runs_) all.runs.push_back(run);
  for (const auto& alerts : {lifecycle_.active(), lifecycle_.pending(), lifecycle_.recent()}) {
    for (const alerts::Alert* alert : alerts) all.alerts.push_back(*alert);
  }
  all.silences = lifecycle_.mutes().silences();
  return all;
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
  if (!has_ended(info.state)) {
    ended_lately_.erase(key);
    // It lives again: its silence counts from now.
    if (const RunInfo* known = run(key); known != nullptr && has_ended(known->state))
      heard_[Subject{SubjectKind::run, key}] = now_;
  } else if (const RunInfo* known = run(key); known == nullptr || !has_ended(known->state)) {
    ended_lately_[key] = now_;
  }
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

void Pipeline::tell_first_read(const FirstRead& read, Effects& effects, Time now) {
  const auto historic = std::count_if(runs_.begin(), runs_.end(), [&](const auto& known) {
    return known.second.historic && known.first.starts_with(read.run_key_prefix + '/');
  });
  if (historic == 0) return;
  effects.notifications.push_back(
      lifecycle_.digest(read.project, read.run_key_prefix, static_cast<std::size_t>(historic), now));
}

void Pipeline::settle(std::vector<Transition>& transitions, Effects& effects) {
  alerts::LifecycleOutput output;
  for (const Transition& transition : transitions) {
    if (transition.to == AlertState::closed) {
      log_debug("alert", "{} closed: {} ({})", transition.rule, transition.message, transition.reason);
    }
    lifecycle_.apply(transition, context_of(transition.run), now_, output);
  }
  keep(std::move(output), effects);
  for (RuleInstance& instance : engine_.take_changed_instances())
    effects.commit.instances.push_back(std::move(instance));
}

void Pipeline::keep(alerts::LifecycleOutput&& output, Effects& effects) {
  std::move(output.alerts.begin(), output.alerts.end(), std::back_inserter(effects.commit.alerts));
  std::move(output.notifications.begin(), output.notifications.end(),
            std::back_inserter(effects.notifications));
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
  context.ended = has_ended(info->state);
  context.historic = info->historic;
  return context;
}

}  // namespace redflag::daemon
