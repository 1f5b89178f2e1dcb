// What the pipeline forgets, so that memory and database of a year are those of its last months.
#include <algorithm>
#include <string_view>

#include "daemon/monitor/forgotten.h"
#include "daemon/monitor/pipeline.h"

namespace redflag::daemon {
namespace {

/// How long the source of a run that has ended may still have something to say of it (rows that come late).
/// Far longer than it watches.
constexpr Duration kSettled = std::chrono::hours{2};

}  // namespace

void Pipeline::forget_run(const std::string& key) {
  runs_.erase(key);
  ended_lately_.erase(key);
  heard_.erase(Subject{SubjectKind::run, key});
}

/// Its source watches it for a while after its end was told, however long ago that was.
bool Pipeline::to_forget(const RunInfo& run, Time then) const {
  const Time sign = last_sign(run);
  return has_ended(run.state) && sign != Time{} && sign < then && !ended_lately_.contains(run.key);
}

Effects Pipeline::forget_runs_ended_before(Time then, std::size_t most, Time now) {
  Effects effects;
  Commit& commit = effects.commit;
  std::erase_if(ended_lately_, [&](const auto& one) { return now - one.second > kSettled; });
  std::erase_if(heard_, [&](const auto& one) {
    const RunInfo* info = one.first.kind == SubjectKind::run ? run(one.first.key) : nullptr;
    return info != nullptr && has_ended(info->state) && !ended_lately_.contains(info->key);
  });
  if (now - started_ <= kSettled) return effects;  // what a source goes on watching is not known yet
  now_ = now;
  std::vector<const RunInfo*> old;
  for (const auto& [key, run] : runs_) {
    if (to_forget(run, then)) old.push_back(&run);
  }
  // The oldest first, and the same ones whatever the order of the table.
  std::sort(old.begin(), old.end(), [](const RunInfo* a, const RunInfo* b) {
    return std::pair(last_sign(*a), std::string_view(a->key)) <
           std::pair(last_sign(*b), std::string_view(b->key));
  });
  if (old.size() > most) old.resize(most);
  std::vector<std::string> keys;
  std::map<std::string, Time> marks;
  std::vector<Transition> transitions;
  for (const RunInfo* run : old) {
    const Subject subject{SubjectKind::run, run->key};
    engine_.forget(subject, now, "the run ended long ago and is forgotten", transitions);
    commit.drop(subject);
    keys.push_back(run->key);
    const std::string prefix =
        run->key.substr(0, run->key.size() - std::min(run->key.size(), run->id.size() + 1));
    marks[prefix] = std::max(marks[prefix], last_sign(*run));
    if (cursor("wandb:" + prefix, run->id)) take_cursor({"wandb:" + prefix, run->id, {}}, commit);
  }
  for (const auto& [prefix, mark] : marks) {
    const std::string key = forgotten_key(prefix);
    if (mark > decode_forgotten(cursor(kForgottenSource, key)))
      take_cursor({kForgottenSource, key, encode_forgotten(mark)}, commit);
  }
  settle(transitions, effects);
  for (const std::string& key : keys) forget_run(key);
  return effects;
}

}  // namespace redflag::daemon
