#include "daemon/follow/point_ledger.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace redflag::daemon::follow {
namespace {

using nlohmann::json;

/// Both are one when it comes to who told a step: what is compared between them are whole rows.
const std::string kWandb = "wandb";

std::string group_of(const Observation& row) {
  return has_wandb_sequence(row) ? kWandb : row.source;
}

StepSet& set_of(std::vector<std::pair<std::string, StepSet>>& sources, const std::string& group) {
  const auto found =
      std::find_if(sources.begin(), sources.end(), [&](const auto& one) { return one.first == group; });
  return found != sources.end() ? found->second : sources.emplace_back(group, StepSet{}).second;
}

std::string as_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

bool has_wandb_sequence(const Observation& row) {
  return row.seq >= 0 && (row.source == kWandb || row.source == "wandb_file");
}

/// The run's attempt for a row. Each of W&B's two readers counts on its own; both are followed.
std::uint32_t PointLedger::place(const std::string& group, const Observation& row, bool told) {
  const auto found = places_.find(row.source);
  if (found == places_.end()) {
    // Whoever begins with steps from before the run last went back tells it from its beginning.
    std::uint32_t run = attempt_;
    const auto first = first_steps_.find(attempt_);
    if (attempt_ > 1 && first != first_steps_.end() && row.step >= 0 && row.step < first->second) run = 1;
    if (told_.empty() && sequence_.empty()) run = attempt_ = std::max(attempt_, row.attempt);
    places_[row.source] = {row.attempt, run, -1};
    attempts_changed_ = true;
    return run;
  }
  Place& place = found->second;
  if (row.attempt > place.own) {
    place.own = row.attempt;
    attempts_changed_ = true;
    std::uint32_t reached = place.run;
    if (group == kWandb) {  // what one of the two has opened, the other has, too
      for (const char* const each : {"wandb", "wandb_file"}) {
        if (const auto other = places_.find(each); other != places_.end())
          reached = std::max(reached, other->second.run);
      }
    }
    if (told) {
      place.run = reached;
    } else if (place.run < attempt_) {
      ++place.run;
    } else {
      place.run = ++attempt_;
    }
  }
  return place.run;
}

bool PointLedger::told_by_others(const BySource& sources, std::string_view group, std::int64_t step) const {
  return std::any_of(sources.begin(), sources.end(), [&](const auto& one) {
    return (one.first != group || again_.contains(group)) && one.second.contains(step);
  });
}

PointLedger::ByMetric& PointLedger::told_in(std::uint32_t attempt) {
  ByMetric& told = told_[attempt];
  if (told_.size() > kMostAttempts)
    told_.erase(told_.begin()->first == attempt ? std::next(told_.begin()) : told_.begin());
  return told;
}

void PointLedger::note_sequence(const Observation& row) {
  if (row.seq > sequence_.highest()) {
    const auto newest = sequence_attempts_.rbegin();
    if (newest == sequence_attempts_.rend() || newest->second != row.attempt)
      sequence_attempts_[row.seq] = row.attempt;
  }
  sequence_.add(row.seq);
}

void PointLedger::note(const std::string& group, const Observation& row) {
  attempt_ = std::max(attempt_, row.attempt);
  if (row.step < 0) return;
  const auto [first, fresh] = first_steps_.try_emplace(row.attempt, row.step);
  if (!fresh) first->second = std::min(first->second, row.step);
  if (told_.size() >= kMostAttempts && !told_.contains(row.attempt) && row.attempt < told_.begin()->first)
    return;
  ByMetric& told = told_in(row.attempt);
  for (const Sample& sample : row.samples) set_of(told[sample.metric], group).add(row.step);
}

bool PointLedger::take(Observation& row) {
  const std::string group = group_of(row);
  const bool sequenced = has_wandb_sequence(row);
  if (const auto known = places_.find(row.source);
      sequenced && row.source == kWandb && known != places_.end() && row.attempt > known->second.own &&
      row.seq < known->second.newest) {
    // Deleted on the service and made anew under the same id: its sequence begins again.
    sequence_ = {};
    sequence_attempts_.clear();
  }
  const bool told = sequenced && sequence_.contains(row.seq);
  const std::int64_t newest = sequence_.highest();
  row.attempt = place(group, row, told);
  if (sequenced) places_[row.source].newest = row.seq;
  if (told) return false;
  if (sequenced && row.seq < newest) {
    // A row that the sooner source had lost: it belongs to the attempt of its neighbours.
    const auto after = sequence_attempts_.upper_bound(row.seq);
    if (after != sequence_attempts_.begin()) row.attempt = std::prev(after)->second;
  }
  if (row.step >= 0) {
    if (const auto attempt = told_.find(row.attempt); attempt != told_.end()) {
      std::erase_if(row.samples, [&](const Sample& sample) {
        const auto metric = attempt->second.find(sample.metric);
        return metric != attempt->second.end() && told_by_others(metric->second, group, row.step);
      });
    }
  }
  if (sequenced) note_sequence(row);
  note(group, row);
  return !row.samples.empty();
}

bool PointLedger::knows(std::string_view metric) const {
  return std::any_of(told_.begin(), told_.end(),
                     [&](const auto& one) { return one.second.contains(metric); });
}

void PointLedger::recall(const Observation& told) {
  if (has_wandb_sequence(told)) note_sequence(told);
  note(group_of(told), told);
}

std::string PointLedger::serialize_attempts() const {
  json places = json::object();
  for (const auto& [source, place] : places_) places[source] = {place.own, place.run};
  return as_text({{"attempt", attempt_}, {"places", std::move(places)}});
}

void PointLedger::restore_attempts(std::string_view text) {
  const json kept = json::parse(text, nullptr, false);
  if (!kept.is_object()) return;
  if (const auto attempt = kept.find("attempt"); attempt != kept.end() && attempt->is_number_unsigned())
    attempt_ = std::max(attempt_, attempt->get<std::uint32_t>());
  const auto places = kept.find("places");
  if (places == kept.end() || !places->is_object()) return;
  for (const auto& [source, pair] : places->items()) {
    if (pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() && pair[1].is_number_unsigned())
      places_[source] = {pair[0].get<std::uint32_t>(), pair[1].get<std::uint32_t>(), -1};
  }
}

std::string PointLedger::serialize() const {
  json kept = json::parse(serialize_attempts());
  kept["sequence"] = sequence_.serialize();
  json begins = json::array();
  for (const auto& [seq, attempt] : sequence_attempts_) begins.push_back({seq, attempt});
  kept["begins"] = std::move(begins);
  json all = json::array();
  for (const auto& [attempt, metrics] : told_) {
    json by_metric = json::object();
    for (const auto& [metric, sources] : metrics) {
      json by_source = json::object();
      for (const auto& [source, steps] : sources) by_source[source] = steps.serialize();
      by_metric[metric] = std::move(by_source);
    }
    all.push_back({attempt, std::move(by_metric)});
  }
  kept["told"] = std::move(all);
  return as_text(kept);
}

void PointLedger::restore(std::string_view text) {
  restore_attempts(text);
  const json kept = json::parse(text, nullptr, false);
  if (!kept.is_object()) return;
  if (const auto sequence = kept.find("sequence"); sequence != kept.end() && sequence->is_string()) {
    if (sequence_.empty()) sequence_ = StepSet::restored(sequence->get<std::string>());
  }
  for (const json& begin : kept.value("begins", json::array())) {
    if (begin.is_array() && begin.size() == 2 && begin[0].is_number_integer() &&
        begin[1].is_number_unsigned())
      sequence_attempts_[begin[0].get<std::int64_t>()] = begin[1].get<std::uint32_t>();
  }
  for (const json& one : kept.value("told", json::array())) {
    if (!one.is_array() || one.size() != 2 || !one[0].is_number_unsigned() || !one[1].is_object()) continue;
    ByMetric& metrics = told_in(one[0].get<std::uint32_t>());
    for (const auto& [metric, sources] : one[1].items()) {
      if (!sources.is_object()) continue;
      for (const auto& [source, steps] : sources.items()) {
        StepSet& set = set_of(metrics[metric], source);
        if (steps.is_string() && set.empty()) set = StepSet::restored(steps.get<std::string>());
      }
    }
  }
}

}  // namespace redflag::daemon::follow
