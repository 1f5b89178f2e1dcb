#include "rules/engine/engine.h"

#include <algorithm>
#include <map>
#include <set>

#include "rules/engine/instance_json.h"
#include "rules/engine/lifecycle.h"

namespace redflag {

struct Engine::Impl {
  explicit Impl(std::shared_ptr<const RuleSet> set)
      : rules(std::move(set)), evaluator(rules->compiled()), lifecycle(rules->compiled(), evaluator) {
    const KindTable& runs = rules->compiled().of(SubjectKind::run);
    ended_slot = runs.index.find(std::string_view("ended"))->second;
    state_slot = runs.index.find(std::string_view("state"))->second;
  }

  using SubjectMap = std::map<std::string, std::unique_ptr<SubjectState>, std::less<>>;

  const KindTable& table_of(SubjectKind kind) const { return rules->compiled().of(kind); }
  SubjectMap& map_of(SubjectKind kind) { return subjects[static_cast<std::size_t>(kind)]; }

  SubjectState* find(const Subject& subject);
  SubjectState& obtain(const Subject& subject);
  void take_in(const Observation& observation, bool live, std::vector<Transition>& out);
  bool repeated(SubjectState& subject, const Observation& observation);
  void add_point(SubjectState& subject, std::uint32_t slot, double value, const std::string& original);
  void take_row(SubjectState& subject, const Observation& observation);
  void take_facts(SubjectState& subject, const Observation& observation);
  void touch(std::uint32_t slot, bool counts);
  void rematch(SubjectState& subject, bool live, std::vector<Transition>& out);
  Tri matches(const SubjectState& subject, const CompiledRule& rule) const;
  void run_ended(SubjectState& subject, const Moment& moment, std::vector<Transition>& out);
  void evaluate(SubjectState& subject, std::uint32_t number, const Moment& moment,
                std::vector<Transition>& out);
  void judge_time(SubjectState& subject, Time now, bool rebuilding, std::vector<Transition>& out);
  void close(SubjectState& subject, std::uint32_t number, Time time, const std::string& reason,
             std::vector<Transition>& out);
  void changed(const SubjectState& subject, std::uint32_t number) { dirty.emplace(subject.subject, number); }

  std::shared_ptr<const RuleSet> rules;
  Evaluator evaluator;
  Lifecycle lifecycle;
  SubjectMap subjects[kSubjectKinds];
  std::uint32_t ended_slot = 0;
  std::uint32_t state_slot = 0;
  std::set<std::pair<Subject, std::uint32_t>> dirty;
  std::vector<RuleInstance>
      dropped;  ///< instances of rules that are no more: to be deleted where they are kept
  // Scratch of one observation.
  std::vector<std::uint32_t> to_evaluate;
  std::vector<std::uint32_t> counted;
  std::vector<std::uint32_t> counting;
  std::vector<std::uint32_t> numbers;
  bool matcher_touched = false;
};

SubjectState* Engine::Impl::find(const Subject& subject) {
  SubjectMap& map = map_of(subject.kind);
  const auto found = map.find(subject.key);
  return found == map.end() ? nullptr : found->second.get();
}

SubjectState& Engine::Impl::obtain(const Subject& subject) {
  std::unique_ptr<SubjectState>& kept = map_of(subject.kind)[subject.key];
  if (kept == nullptr) {
    kept = std::make_unique<SubjectState>(subject, table_of(subject.kind));
    if (subject.kind == SubjectKind::run) kept->run = subject.key;
    for (std::size_t i = 0; i < kept->matched.size(); ++i)
      kept->matched[i] = matches(*kept, kept->table->rules[i]);
  }
  return *kept;
}

Tri Engine::Impl::matches(const SubjectState& subject, const CompiledRule& rule) const {
  Tri all = Tri::yes;
  for (const MatchTerm& term : rule.match) {
    const Tri one = term_holds(term, subject.attribute(term.slot));
    if (one == Tri::no) return Tri::no;
    if (one == Tri::unknown) all = Tri::unknown;
  }
  return all;
}

bool Engine::Impl::repeated(SubjectState& subject, const Observation& observation) {
  if (observation.seq < 0) return false;
  for (SourceCursor& cursor : subject.cursors) {
    if (cursor.source != observation.source) continue;
    if (observation.attempt < cursor.attempt) return true;
    if (observation.attempt == cursor.attempt && observation.seq <= cursor.seq) return true;
    cursor.attempt = observation.attempt;
    cursor.seq = observation.seq;
    return false;
  }
  subject.cursors.push_back({observation.source, observation.attempt, observation.seq});
  return false;
}

void Engine::Impl::touch(std::uint32_t slot, bool counts) {
  (counts ? counted : to_evaluate).push_back(slot);
}

void Engine::Impl::add_point(SubjectState& subject, std::uint32_t slot, double value,
                             const std::string& original) {
  const Time time = subject.last_time;
  subject.series_of(slot).append({value, subject.step, time.time_since_epoch().count()}, original);
}

void Engine::Impl::take_row(SubjectState& subject, const Observation& observation) {
  if (observation.attempt > subject.attempt) {
    subject.attempt = observation.attempt;
    if (observation.step >= 0) {
      for (const auto& series : subject.series) {
        if (series != nullptr) series->cut_back(observation.step);
      }
    }
  }
  if (observation.step >= 0) {
    subject.step = observation.step;
    if (subject.first_step < 0) subject.first_step = observation.step;
  }
  subject.last_row = std::max(subject.last_row, subject.last_time);
  if (subject.first_row == Time{}) subject.first_row = subject.last_time;
  for (const Sample& sample : observation.samples) {
    const auto slot = subject.table->index.find(std::string_view(sample.metric));
    if (slot == subject.table->index.end()) continue;
    add_point(subject, slot->second, sample.value, sample.original.empty() ? sample.metric : sample.original);
    touch(slot->second, true);
  }
}

void Engine::Impl::take_facts(SubjectState& subject, const Observation& observation) {
  if (observation.step >= 0) subject.step = observation.step;
  for (const auto& [name, value] : observation.attributes) {
    const auto slot = subject.table->index.find(std::string_view(name));
    if (slot == subject.table->index.end()) continue;
    auto& kept = subject.attributes;
    const auto at =
        std::lower_bound(kept.begin(), kept.end(), slot->second,
                         [](const auto& pair, std::uint32_t wanted) { return pair.first < wanted; });
    const bool known = at != kept.end() && at->first == slot->second;
    const auto* number = std::get_if<double>(&value);
    const bool same = known && at->second == value;
    if (known) {
      at->second = value;
    } else {
      kept.insert(at, {slot->second, value});
    }
    if (number != nullptr) add_point(subject, slot->second, *number, name);
    if (!same || number != nullptr) touch(slot->second, true);
    if (!same && subject.table->slots[slot->second].in_matcher) matcher_touched = true;
  }
  if (subject.subject.kind == SubjectKind::run) {
    const Attribute* ended = subject.attribute(ended_slot);
    const auto* flag = ended == nullptr ? nullptr : std::get_if<bool>(ended);
    subject.ended = flag != nullptr && *flag;
  }
}

void Engine::Impl::take_in(const Observation& observation, bool live, std::vector<Transition>& out) {
  const KindTable& table = table_of(observation.subject.kind);
  if (table.rules.empty()) return;
  SubjectState& subject = obtain(observation.subject);
  if (observation.kind == ObservationKind::row && repeated(subject, observation)) return;
  if (!observation.run.empty() && subject.run != observation.run) subject.run = observation.run;
  if (observation.time != Time{}) subject.last_time = observation.time;
  if (subject.first_seen == Time{}) subject.first_seen = observation.time;

  to_evaluate.clear();
  counted.clear();
  matcher_touched = false;
  const bool was_ended = subject.ended;
  switch (observation.kind) {
    case ObservationKind::row:
      take_row(subject, observation);
      break;
    case ObservationKind::summary:
      for (const Sample& sample : observation.samples) {
        const auto slot = table.index.find(std::string_view(sample.metric));
        if (slot == table.index.end()) continue;
        Series& series = subject.series_of(slot->second);
        series.summary = sample.value;
        if (!series.has_point() && series.original.empty()) series.original = sample.original;
        touch(slot->second, false);
      }
      break;
    case ObservationKind::facts:
      take_facts(subject, observation);
      break;
  }

  // Slots to rules: each rule once, in the order of the files.
  counting.clear();
  for (const std::uint32_t slot : counted) {
    for (const std::uint32_t number : table.slots[slot].rules) {
      const auto& reads = table.rules[number].counted;
      if (std::binary_search(reads.begin(), reads.end(), slot)) counting.push_back(number);
    }
  }
  std::sort(counting.begin(), counting.end());
  counting.erase(std::unique(counting.begin(), counting.end()), counting.end());
  for (const std::uint32_t number : counting) ++subject.rows[number];
  if (matcher_touched) rematch(subject, live, out);
  if (!live) return;

  numbers = counting;
  for (const auto* slots : {&counted, &to_evaluate}) {
    for (const std::uint32_t slot : *slots) {
      numbers.insert(numbers.end(), table.slots[slot].rules.begin(), table.slots[slot].rules.end());
    }
  }
  numbers.insert(numbers.end(), table.always.begin(), table.always.end());
  if (matcher_touched) {
    for (std::uint32_t i = 0; i < table.rules.size(); ++i) {
      if (!table.rules[i].match.empty()) numbers.push_back(i);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  const bool ends_now = subject.ended && !was_ended;
  Moment moment{subject.last_time, subject.step, false};
  for (const std::uint32_t number : numbers) {
    if (ends_now && !table.rules[number].reads_end) continue;  // about to be closed
    moment.counts = std::binary_search(counting.begin(), counting.end(), number);
    evaluate(subject, number, moment, out);
  }
  if (ends_now) run_ended(subject, moment, out);
}

void Engine::Impl::rematch(SubjectState& subject, bool live, std::vector<Transition>& out) {
  for (std::uint32_t i = 0; i < subject.matched.size(); ++i) {
    const CompiledRule& rule = subject.table->rules[i];
    if (rule.match.empty()) continue;
    subject.matched[i] = matches(subject, rule);
    if (live && subject.matched[i] == Tri::no)
      close(subject, i, subject.last_time, "the rule no longer applies", out);
  }
}

void Engine::Impl::run_ended(SubjectState& subject, const Moment& moment, std::vector<Transition>& out) {
  std::string reason = "the run ended";
  const Attribute* state = subject.attribute(state_slot);
  const auto* text = state == nullptr ? nullptr : std::get_if<std::string>(state);
  if (text != nullptr && !text->empty()) reason += " (" + cut_text(*text, 60) + ")";
  for (std::uint32_t i = 0; i < subject.instances.size(); ++i) {
    if (!subject.table->rules[i].reads_end) close(subject, i, moment.time, reason, out);
  }
}

void Engine::Impl::evaluate(SubjectState& subject, std::uint32_t number, const Moment& moment,
                            std::vector<Transition>& out) {
  if (subject.matched[number] != Tri::yes) return;
  const CompiledRule& rule = subject.table->rules[number];
  if (subject.ended && rule.silence && !rule.reads_end)
    return;  // an ended run is not silent, whatever comes late
  if (lifecycle.evaluate(subject, number, moment, out)) changed(subject, number);
}

void Engine::Impl::close(SubjectState& subject, std::uint32_t number, Time time, const std::string& reason,
                         std::vector<Transition>& out) {
  if (lifecycle.close(subject, number, time, reason, out)) changed(subject, number);
}

void Engine::Impl::judge_time(SubjectState& subject, Time now, bool rebuilding,
                              std::vector<Transition>& out) {
  if (now <= subject.mark) return;
  subject.mark = now;
  if (subject.first_seen == Time{}) subject.first_seen = now;
  const KindTable& table = *subject.table;
  if (!table.any_timed) return;
  for (const auto& series : subject.series) {
    if (series != nullptr) series->expire(now.time_since_epoch().count());
  }
  if (rebuilding) return;
  const Moment moment{now, subject.step, false};
  for (std::uint32_t i = 0; i < table.rules.size(); ++i) {
    if (!table.rules[i].timed || (subject.ended && !table.rules[i].reads_end)) continue;
    evaluate(subject, i, moment, out);
  }
}

Engine::Engine(std::shared_ptr<const RuleSet> rules) : impl_(std::make_unique<Impl>(std::move(rules))) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::apply(const Observation& observation, std::vector<Transition>& out) {
  impl_->take_in(observation, true, out);
}

void Engine::rebuild(const Observation& observation) {
  std::vector<Transition> none;
  impl_->take_in(observation, false, none);
}

void Engine::advance(const Watermark& mark, std::vector<Transition>& out) {
  if (impl_->table_of(mark.subject.kind).rules.empty()) return;
  SubjectState& subject = impl_->obtain(mark.subject);
  subject.own_mark = true;
  impl_->judge_time(subject, mark.complete_up_to, false, out);
}

void Engine::rebuild(const Watermark& mark) {
  if (impl_->table_of(mark.subject.kind).rules.empty()) return;
  SubjectState& subject = impl_->obtain(mark.subject);
  subject.own_mark = true;
  std::vector<Transition> none;
  impl_->judge_time(subject, mark.complete_up_to, true, none);
}

void Engine::tick(Time now, std::vector<Transition>& out) {
  for (std::size_t kind = 0; kind < kSubjectKinds; ++kind) {
    if (static_cast<SubjectKind>(kind) == SubjectKind::run ||
        !impl_->table_of(static_cast<SubjectKind>(kind)).any_timed)
      continue;
    for (const auto& [key, subject] : impl_->subjects[kind]) {
      if (!subject->own_mark) impl_->judge_time(*subject, now, false, out);
    }
  }
}

void Engine::forget(const Subject& who, Time when, const std::string& reason, std::vector<Transition>& out) {
  SubjectState* subject = impl_->find(who);
  if (subject == nullptr) return;
  for (std::uint32_t i = 0; i < subject->instances.size(); ++i) impl_->close(*subject, i, when, reason, out);
  impl_->map_of(who.kind).erase(who.key);
}

void Engine::restore(const RuleInstance& record, std::vector<Transition>& out) {
  if (record.state == AlertState::inactive) return;
  const KindTable& table = impl_->table_of(record.subject.kind);
  const auto rule = std::find_if(table.rules.begin(), table.rules.end(), [&](const CompiledRule& candidate) {
    return candidate.name == record.rule;
  });
  auto kept = instance_from_json(record.state_json);
  if (rule == table.rules.end() || !kept) {
    impl_->dropped.push_back({record.rule, record.subject, AlertState::inactive, {}});
    Transition change;
    const SubjectState* subject = impl_->find(record.subject);
    change.rule = record.rule;
    change.subject = record.subject;
    change.from = record.state;
    change.to = record.state == AlertState::firing ? AlertState::closed : AlertState::inactive;
    change.reason = rule == table.rules.end() ? "the rule was removed" : "what was kept of it cannot be read";
    if (kept) {
      change.id = kept->instance.id;
      change.pack = kept->pack;
      change.severity = kept->instance.severity;
      change.run = kept->run;
      change.since = change.time = kept->instance.since;
      change.since_step = kept->instance.since_step;
      change.attempt = kept->instance.attempt;
      change.message = kept->instance.message;
    }
    if (subject != nullptr) {
      change.time = std::max({change.time, subject->last_time, subject->mark});
      change.step = subject->step;
    }
    out.push_back(std::move(change));
    return;
  }
  SubjectState& subject = impl_->obtain(record.subject);
  const auto number = static_cast<std::uint32_t>(rule - table.rules.begin());
  if (subject.run.empty()) subject.run = kept->run;
  subject.rows[number] = std::max(subject.rows[number], kept->rows);
  kept->instance.holds.resize(rule->levels.size());
  for (const auto& [severity, hold] : kept->holds) {
    for (std::size_t i = 0; i < rule->levels.size(); ++i) {
      if (rule->levels[i].severity == severity) kept->instance.holds[i] = hold;
    }
  }
  subject.instances[number] = std::make_unique<Instance>(std::move(kept->instance));
  if (subject.matched[number] == Tri::no)
    impl_->close(subject, number, subject.last_time, "the rule no longer applies", out);
}

std::vector<RuleInstance> Engine::take_changed_instances() {
  std::vector<RuleInstance> changed = std::move(impl_->dropped);
  impl_->dropped.clear();
  for (const auto& [who, number] : impl_->dirty) {
    const CompiledRule& rule = impl_->table_of(who.kind).rules[number];
    const SubjectState* subject = impl_->find(who);
    const Instance* instance = subject == nullptr ? nullptr : subject->instances[number].get();
    RuleInstance record{rule.name, who, AlertState::inactive, {}};
    if (instance != nullptr) {
      record.state = instance->state;
      record.state_json = instance_json(*subject, rule, *instance, subject->rows[number]);
    }
    changed.push_back(std::move(record));
  }
  impl_->dirty.clear();
  return changed;
}

}  // namespace redflag
