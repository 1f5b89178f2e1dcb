// What a console reader knows, as a line of text: so that a restart neither counts steps anew nor forgets the
// error that a run is about to die of.
#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/local/console.h"

namespace redflag::daemon::local {
namespace {

using nlohmann::json;

json match_json(const LogMatch& match) {
  return {{"kind", match.kind},     {"severity", static_cast<int>(match.severity)},
          {"detail", match.detail}, {"exception", match.exception},
          {"where", match.where},   {"rank", match.rank},
          {"line", match.line},     {"time", match.time.time_since_epoch().count()}};
}

LogMatch match_of(const json& value) {
  LogMatch match;
  match.kind = value.at("kind").get<std::string>();
  const int severity = value.at("severity").get<int>();
  match.severity = severity == 0   ? LogSeverity::info
                   : severity == 1 ? LogSeverity::warning
                                   : LogSeverity::critical;
  match.deadly = true;
  match.detail = value.at("detail").get<std::string>();
  match.exception = value.at("exception").get<std::string>();
  match.where = value.at("where").get<std::string>();
  match.rank = value.at("rank").get<std::string>();
  match.line = value.at("line").get<std::uint64_t>();
  match.time = Time{Duration(value.at("time").get<std::int64_t>())};
  return match;
}

}  // namespace

json DeathWatch::state() const {
  json suspects = json::array();
  for (const Suspect& suspect : suspects_)
    suspects.push_back(
        {{"match", match_json(suspect.match)}, {"weight", suspect.weight}, {"at", suspect.at}});
  json state{
      {"suspects", std::move(suspects)}, {"lines", lines_}, {"went_on", went_on_}, {"completed", completed_}};
  if (last_)
    state["last"] = {{"match", match_json(last_->match)}, {"weight", last_->weight}, {"at", last_->at}};
  return state;
}

DeathWatch DeathWatch::restored(const json& state) {
  const auto suspect_of = [](const json& value) {
    return Suspect{match_of(value.at("match")), value.at("weight").get<int>(),
                   value.at("at").get<std::uint64_t>()};
  };
  DeathWatch watch;
  for (const json& value : state.at("suspects"))
    if (watch.suspects_.size() < 32) watch.suspects_.push_back(suspect_of(value));
  if (state.contains("last")) watch.last_ = suspect_of(state.at("last"));
  watch.lines_ = state.at("lines").get<std::uint64_t>();
  watch.went_on_ = state.at("went_on").get<bool>();
  watch.completed_ = state.at("completed").get<bool>();
  return watch;
}

std::string ConsoleReader::serialize() const {
  std::uint64_t lines = lines_;
  for (const auto& [rank, traceback] : tracebacks_)
    if (traceback.open() && traceback.result().first_line > 0)
      lines = std::min(lines, traceback.result().first_line - 1);
  const auto loop = [](const Loop& one) { return json{one.total, one.done, one.passes, one.shows_metrics}; };
  const json state{{"lines", lines},
                   {"main", loop(main_)},
                   {"other", loop(other_)},
                   {"bar", {last_bar_total_, last_bar_done_, moves_, bar_row_step_}},
                   {"epoch", {epoch_, line_epoch_}},
                   {"steps", {epoch_base_, line_step_, line_base_, last_step_, static_cast<int>(last_from_)}},
                   {"death", death_.state()}};
  return state.dump(-1, ' ', true, json::error_handler_t::replace);
}

bool ConsoleReader::restore(std::uint64_t cursor, std::string_view text) {
  const json state = json::parse(text, nullptr, false);
  if (!state.is_object()) return false;
  try {
    const auto loop = [](const json& value) {
      return Loop{value.at(0).get<std::int64_t>(), value.at(1).get<std::int64_t>(),
                  value.at(2).get<std::int64_t>(), value.at(3).get<bool>()};
    };
    const Loop main = loop(state.at("main"));
    const Loop other = loop(state.at("other"));
    const auto bar = state.at("bar").get<std::vector<std::int64_t>>();
    const auto epochs = state.at("epoch").get<std::vector<double>>();
    const auto steps = state.at("steps").get<std::vector<std::int64_t>>();
    const auto lines = state.at("lines").get<std::uint64_t>();
    if (bar.size() != 4 || epochs.size() != 2 || steps.size() != 5) return false;
    death_ = DeathWatch::restored(state.at("death"));
    main_ = main;
    other_ = other;
    last_bar_total_ = bar[0];
    last_bar_done_ = bar[1];
    moves_ = static_cast<std::uint32_t>(bar[2]);
    bar_row_step_ = bar[3];
    epoch_ = epochs[0];
    line_epoch_ = epochs[1];
    epoch_base_ = steps[0];
    line_step_ = steps[1];
    line_base_ = steps[2];
    last_step_ = steps[3];
    last_from_ = steps[4] >= 0 && steps[4] <= static_cast<int>(StepFrom::epochs)
                     ? static_cast<StepFrom>(steps[4])
                     : StepFrom::row;
    lines_ = lines;
    offset_ = cursor;
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

}  // namespace redflag::daemon::local
