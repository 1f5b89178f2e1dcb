#include "alerts/mute.h"

#include <algorithm>

#include <fmt/format.h>

#include "alerts/text/clean.h"

namespace redflag::alerts {
namespace {

Matcher rule_is(std::string_view name) {
  return {"rule", Matcher::Op::equal, std::string(name)};
}

bool same_labels(const std::vector<std::string>& labels, const MuteBook::Firing& source,
                 const Transition& target, const RunContext& run) {
  return std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
    const std::vector<std::string> here = label_values(label, target, run);
    return here == label_values(label, *source.transition, source.run) &&
           std::any_of(here.begin(), here.end(), [](const std::string& value) { return !value.empty(); });
  });
}

}  // namespace

std::vector<Inhibition> default_inhibitions() {
  std::vector<Inhibition> all;
  for (const char* stale :
       {"run-silent", "metric-missing-*", "*-missing-among-peers", "*-overdue", "throughput-drop"})
    all.push_back({{rule_is("run-failed")}, {rule_is(stale)}, {"run"}});
  all.push_back({{rule_is("run-silent")}, {rule_is("metric-missing-*")}, {"run"}});
  all.push_back({{rule_is("run-silent")}, {rule_is("*-overdue")}, {"run"}});
  all.push_back({{rule_is("wandb-unreachable")}, {rule_is("wandb-stale")}, {"subject"}});
  return all;
}

void MuteBook::put(Silence silence) {
  std::string id = silence.id;
  silences_.insert_or_assign(std::move(id), std::move(silence));
}

Result<Silence> MuteBook::find(const std::string& id) const {
  const auto first = silences_.lower_bound(id);
  if (id.empty() || first == silences_.end() || !first->first.starts_with(id)) {
    return fail(ErrorCode::not_found, "looking for the silence",
                fmt::format("there is no silence \"{}\"", clean(id, 80)),
                "redflag silence list shows those that there are");
  }
  const auto second = std::next(first);
  if (first->first != id && second != silences_.end() && second->first.starts_with(id)) {
    return fail(ErrorCode::invalid_input, "looking for the silence",
                fmt::format("several silences begin with \"{}\"", clean(id, 80)), "give more of the id");
  }
  return first->second;
}

std::vector<Silence> MuteBook::silences() const {
  std::vector<Silence> all;
  for (const auto& [id, silence] : silences_) all.push_back(silence);
  std::stable_sort(all.begin(), all.end(),
                   [](const Silence& a, const Silence& b) { return a.created > b.created; });
  return all;
}

void MuteBook::forget_ended_before(Time then) {
  std::erase_if(silences_, [then](const auto& entry) { return entry.second.ends < then; });
}

Time MuteBook::next_change(Time now) const {
  Time next = Time::max();
  for (const auto& [id, silence] : silences_) {
    if (silence.starts > now) next = std::min(next, silence.starts);
    if (silence.ends > now) next = std::min(next, silence.ends);
  }
  return next;
}

std::string MuteBook::silenced(const Transition& transition, const RunContext& run, Time now) const {
  for (const auto& [id, silence] : silences_) {
    if (!silence.active(now) || !matches(silence.matchers, transition, run)) continue;
    return silence.comment.empty() ? "silence " + id
                                   : fmt::format("silence {} ({})", id, clean(silence.comment, 120));
  }
  return {};
}

bool MuteBook::may_inhibit(const Transition& transition, const RunContext& run) const {
  return std::any_of(inhibitions_.begin(), inhibitions_.end(),
                     [&](const Inhibition& i) { return matches(i.source, transition, run); });
}

std::string MuteBook::inhibited(const Transition& transition, const RunContext& run,
                                const std::vector<Firing>& firing) const {
  for (const Inhibition& inhibition : inhibitions_) {
    if (!matches(inhibition.target, transition, run)) continue;
    // What is source and target of one inhibition would mute its own kind, and in the end everybody.
    if (matches(inhibition.source, transition, run)) continue;
    for (const Firing& source : firing) {
      if (source.transition->id == transition.id) continue;
      if (!matches(inhibition.source, *source.transition, source.run)) continue;
      if (!same_labels(inhibition.equal, source, transition, run)) continue;
      return fmt::format("inhibited by {} {}", source.transition->rule, source.transition->id);
    }
  }
  return {};
}

}  // namespace redflag::alerts
