// What a console reader knows, as a line of text: so that a restart neither counts steps anew nor forgets the
// error that a run is about to die of.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/local/console.h"

namespace redflag::daemon::local {
namespace {

using nlohmann::json;

json match_json(const LogMatch& match) {
  return {{"kind", match.kind},     {"severity", static_cast<int>(match.severity)},
          {"detail", match.detail}, {"exception", match.exception},
          {"where", match.where},   {"rank", match.rank},
          {"line", match.line},     {"time", match.time.time_since_epoch().count()},
          {"own", match.own}};
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
  match.own = value.at("own").get<bool>();
  return match;
}

}  // namespace

bool DeathWatch::untouched() const {
  return suspects_.empty() && doubted_.empty() && !last_ && !noted_ && !went_on_ && !completed_;
}

json DeathWatch::state() const {
  const auto of = [](const Suspect& suspect) {
    return json{{"match", match_json(suspect.match)}, {"weight", suspect.weight}, {"at", suspect.at}};
  };
  json state{{"suspects", json::array()}, {"doubted", json::array()}, {"lines", lines_},
             {"noted", noted_},           {"went_on", went_on_},      {"completed", completed_}};
  for (const Suspect& suspect : suspects_) state["suspects"].push_back(of(suspect));
  for (const Suspect& suspect : doubted_) state["doubted"].push_back(of(suspect));
  if (last_) state["last"] = of(*last_);
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
  for (const json& value : state.at("doubted"))
    if (watch.doubted_.size() < 32) watch.doubted_.push_back(suspect_of(value));
  if (state.contains("last")) watch.last_ = suspect_of(state.at("last"));
  watch.lines_ = state.at("lines").get<std::uint64_t>();
  watch.noted_ = state.at("noted").get<bool>();
  watch.went_on_ = state.at("went_on").get<bool>();
  watch.completed_ = state.at("completed").get<bool>();
  return watch;
}

/// A JSON array: kept with every row that a log brings, so it is no object of names, and an error's words are
/// in it only once there is an error.
std::string ConsoleReader::serialize() const {
  std::uint64_t lines = lines_;
  for (const auto& [rank, traceback] : tracebacks_)
    if (traceback.open() && traceback.result().first_line > 0)
      lines = std::min(lines, traceback.result().first_line - 1);
  const auto loop = [](const Loop& one) {
    return fmt::format("{},{},{},{:d}", one.total, one.done, one.passes, one.shows_metrics);
  };
  return fmt::format(
      "[{},{},{},{},{},{},{},{:.17g},{:.17g},{},{},{},{},{},{}{}]", lines, loop(main_), loop(other_),
      last_bar_total_, last_bar_done_, moves_, bar_row_step_, epoch_, line_epoch_, epoch_base_, line_step_,
      line_base_, last_step_, static_cast<int>(last_from_), death_.lines(),
      death_.untouched() ? std::string()
                         : ',' + death_.state().dump(-1, ' ', true, json::error_handler_t::replace));
}

bool ConsoleReader::restore(std::uint64_t cursor, std::string_view text) {
  const json state = json::parse(text, nullptr, false);
  constexpr std::size_t kNumbers = 21;
  if (!state.is_array() || state.size() < kNumbers || state.size() > kNumbers + 1) return false;
  for (std::size_t i = 0; i < kNumbers; ++i) {
    const bool epoch = i == 13 || i == 14;
    if (epoch ? !state[i].is_number() : !state[i].is_number_integer()) return false;
  }
  const auto whole = [&](std::size_t index) { return state[index].get<std::int64_t>(); };
  const auto loop = [&](std::size_t at) {
    return Loop{whole(at), whole(at + 1), whole(at + 2), whole(at + 3) != 0};
  };
  try {
    DeathWatch death = state.size() > kNumbers ? DeathWatch::restored(state[kNumbers]) : DeathWatch();
    if (state.size() == kNumbers) death.set_lines(state[20].get<std::uint64_t>());
    death_ = std::move(death);
  } catch (const json::exception&) {
    return false;
  }
  lines_ = state[0].get<std::uint64_t>();
  main_ = loop(1);
  other_ = loop(5);
  last_bar_total_ = whole(9);
  last_bar_done_ = whole(10);
  moves_ = static_cast<std::uint32_t>(whole(11));
  bar_row_step_ = whole(12);
  epoch_ = state[13].get<double>();
  line_epoch_ = state[14].get<double>();
  epoch_base_ = whole(15);
  line_step_ = whole(16);
  line_base_ = whole(17);
  last_step_ = whole(18);
  const std::int64_t from = whole(19);
  last_from_ =
      from >= 0 && from <= static_cast<int>(StepFrom::epochs) ? static_cast<StepFrom>(from) : StepFrom::row;
  offset_ = cursor;
  return true;
}

}  // namespace redflag::daemon::local
