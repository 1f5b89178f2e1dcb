// Rows are kept in the order in which they become visible, so "what can be seen now" is a prefix.
#include "daemon/simulator/wandb_run.h"

#include <algorithm>
#include <cmath>

namespace redflag::daemon {
namespace {

using nlohmann::json;

bool is_ended(const std::string& state) {
  return state == "finished" || state == "failed" || state == "crashed" || state == "killed" ||
         state == "preempted";
}

std::string one_line(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// How many of `items`, ordered by time, are visible at `now`.
template <typename Items, typename TimeOf>
std::size_t visible_prefix(const Items& items, Time now, TimeOf time_of) {
  const auto end = std::upper_bound(items.begin(), items.end(), now,
                                    [&](Time time, const auto& item) { return time < time_of(item); });
  return static_cast<std::size_t>(end - items.begin());
}

Time row_time(const SimulatedRun::Row& row) {
  return row.visible;
}

std::string type_of(const json& value) {
  if (value.is_number()) return "number";
  if (value.is_boolean()) return "boolean";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text == "NaN" || text == "Infinity" || text == "-Infinity" ? "number" : "string";
  }
  return value.is_array() ? "list" : (value.is_null() ? "nil" : "map");
}

void add_keys(std::map<std::string, SimulatedRun::KeyInfo>& keys, const std::string& prefix,
              const json& object) {
  for (const auto& [name, value] : object.items()) {
    const std::string key = prefix + name;
    if (value.is_object() && !value.empty()) {
      add_keys(keys, key + '.', value);
      continue;
    }
    auto& info = keys[key];
    info.type = type_of(value);
    info.last = value;
    ++info.count;
  }
}

}  // namespace

json presentable(json value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  } else if (value.is_structured()) {
    for (json& item : value) item = presentable(std::move(item));
  }
  return value;
}

SimulatedRun::SimulatedRun(std::string entity, std::string project, RunScript script)
    : entity_(std::move(entity)), project_(std::move(project)), info_(std::move(script)) {
  if (info_.name.empty()) info_.name = info_.id;
  const Time start = info_.created;
  states_.emplace_back(start, "running");
  for (auto& row : info_.rows) {
    append_row(start + row.visible, std::move(row.values), start + row.happened.value_or(row.visible));
  }
  for (auto& event : info_.events) append_event(start + event.visible, std::move(event.values));
  for (auto& change : info_.states) set_state(start + change.at, std::move(change.state));
  for (auto& line : info_.log) append_log(start + line.at, std::move(line.text), std::move(line.level));
  if (info_.heart_stops) heart_stops_ = start + *info_.heart_stops;
  info_.rows.clear();
  info_.events.clear();
  info_.states.clear();
  info_.log.clear();
}

SimulatedRun::Row SimulatedRun::make_row(Time visible, json values, Time happened,
                                         const std::vector<Row>& before) const {
  if (!values.is_object()) values = json{{"value", std::move(values)}};
  Row row;
  row.visible = visible;
  const auto step = values.find("_step");
  if (step != values.end() && step->is_number() && std::abs(step->get<double>()) < 9e15) {
    row.step = static_cast<std::int64_t>(step->get<double>());
  } else {
    row.step = before.empty() ? 0 : before.back().step + 1;
    values["_step"] = row.step;
  }
  if (!values.contains("_timestamp")) values["_timestamp"] = to_unix_seconds(happened);
  if (!values.contains("_runtime"))
    values["_runtime"] = to_unix_seconds(happened) - to_unix_seconds(info_.created);
  row.values = presentable(std::move(values));
  row.text = one_line(row.values);
  return row;
}

std::size_t SimulatedRun::insert(std::vector<Row>& into, Row row) {
  const std::size_t at = visible_prefix(into, row.visible, row_time);
  into.insert(into.begin() + static_cast<std::ptrdiff_t>(at), std::move(row));
  return at;
}

void SimulatedRun::append_row(Time visible, json values, std::optional<Time> happened) {
  const std::size_t at =
      insert(rows_, make_row(visible, std::move(values), happened.value_or(visible), rows_));
  if (at > 0 && rows_[at - 1].step >= rows_[at].step) steps_rise_ = false;
  if (at + 1 < rows_.size() && rows_[at].step >= rows_[at + 1].step) steps_rise_ = false;
  if (at < fold_.rows) fold_ = Fold{};
}

void SimulatedRun::append_event(Time visible, json values) {
  Row row = make_row(visible, std::move(values), visible, events_);
  row.values.erase("_step");  // the service's events have none
  row.text = one_line(row.values);
  insert(events_, std::move(row));
}

void SimulatedRun::append_log(Time at, std::string text, std::string level) {
  const auto position =
      static_cast<std::ptrdiff_t>(visible_prefix(log_, at, [](const Line& line) { return line.at; }));
  log_.insert(log_.begin() + position, Line{at, std::move(text), std::move(level)});
}

void SimulatedRun::set_state(Time at, std::string state) {
  const auto position =
      static_cast<std::ptrdiff_t>(visible_prefix(states_, at, [](const auto& each) { return each.first; }));
  states_.insert(states_.begin() + position, {at, std::move(state)});
}

void SimulatedRun::claim_state(Time from, Time until, std::string state) {
  claims_.push_back({from, until, std::move(state)});
}

void SimulatedRun::set_summary(Time at, json values) {
  summary_patches_.emplace_back(at, presentable(std::move(values)));
  std::stable_sort(summary_patches_.begin(), summary_patches_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
}

void SimulatedRun::set_file(std::string name, std::string content, Time updated) {
  const auto same =
      std::find_if(files_.begin(), files_.end(), [&](const File& file) { return file.name == name; });
  if (same != files_.end()) files_.erase(same);
  files_.push_back({std::move(name), std::move(content), updated});
}

std::string SimulatedRun::true_state(Time now) const {
  const std::size_t count = visible_prefix(states_, now, [](const auto& each) { return each.first; });
  return count == 0 ? states_.front().second : states_[count - 1].second;
}

std::string SimulatedRun::state(Time now) const {
  for (const Claim& claim : claims_) {
    if (claim.from <= now && now < claim.until) return claim.state;
  }
  return true_state(now);
}

Time SimulatedRun::heartbeat(Time now) const {
  Time stop = heart_stops_.value_or(Time::max());
  if (!heart_stops_) {
    for (const auto& [at, state] : states_) {
      if (at > now) break;
      stop = is_ended(state) ? std::min(stop, at) : Time::max();
    }
  }
  Time beat = info_.created;
  if (stop <= now) {
    beat = std::max(beat, stop);
  } else if (info_.heartbeat_every > Duration::zero() && now > info_.created) {
    beat += (now - info_.created) / info_.heartbeat_every * info_.heartbeat_every;
  }
  const std::size_t rows = row_count(now);
  return rows == 0 ? beat : std::max(beat, rows_[rows - 1].visible);
}

std::size_t SimulatedRun::row_count(Time now) const {
  return visible_prefix(rows_, now, row_time);
}
std::size_t SimulatedRun::event_count(Time now) const {
  return visible_prefix(events_, now, row_time);
}
std::size_t SimulatedRun::log_count(Time now) const {
  return visible_prefix(log_, now, [](const Line& line) { return line.at; });
}

std::vector<const SimulatedRun::Row*> SimulatedRun::rows(Time now, std::int64_t min_step,
                                                         std::int64_t max_step) const {
  auto begin = rows_.begin();
  auto end = rows_.begin() + static_cast<std::ptrdiff_t>(row_count(now));
  if (steps_rise_) {
    const auto before = [](const Row& row, std::int64_t step) { return row.step < step; };
    begin = std::lower_bound(begin, end, min_step, before);
    end = std::lower_bound(begin, end, max_step, before);
  }
  std::vector<const Row*> out;
  for (auto it = begin; it < end; ++it) {
    if (it->step >= min_step && it->step < max_step) out.push_back(&*it);
  }
  return out;
}

const SimulatedRun::Fold& SimulatedRun::fold(Time now) const {
  const std::size_t count = row_count(now);
  if (count < fold_.rows) fold_ = Fold{};  // the clock went back
  for (; fold_.rows < count; ++fold_.rows) {
    const Row& row = rows_[fold_.rows];
    for (const auto& [key, value] : row.values.items()) fold_.summary[key] = value;
    add_keys(fold_.keys, "", row.values);
    fold_.last_step = std::max(fold_.last_step, row.step);
  }
  return fold_;
}

json SimulatedRun::summary(Time now) const {
  json summary = fold(now).summary;
  for (const auto& [at, patch] : summary_patches_) {
    if (at <= now) summary.update(patch);
  }
  return summary;
}

json SimulatedRun::system_metrics(Time now) const {
  const std::size_t count = event_count(now);
  return count == 0 ? json::object() : events_[count - 1].values;
}

const std::map<std::string, SimulatedRun::KeyInfo>& SimulatedRun::keys(Time now) const {
  return fold(now).keys;
}

std::int64_t SimulatedRun::last_step(Time now) const {
  return fold(now).last_step;
}

std::vector<const SimulatedRun::File*> SimulatedRun::files(Time now) const {
  std::vector<const File*> out;
  for (const File& file : files_) {
    if (file.updated <= now) out.push_back(&file);
  }
  return out;
}

}  // namespace redflag::daemon
