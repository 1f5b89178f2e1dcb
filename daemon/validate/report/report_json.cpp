#include "daemon/validate/report/report_json.h"

#include "alerts/text/escape.h"
#include "alerts/text/json_number.h"

namespace redflag::daemon::validate {
namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view raw) {
  return alerts::escape_utf8(raw);
}

Json number(std::optional<double> value) {
  return value ? alerts::json_number<Json>(*value) : Json(nullptr);
}

Json interval(const std::optional<statistics::Interval>& value) {
  if (!value) return nullptr;
  return Json::array({number(value->low), number(value->high)});
}

Json remarks(const std::vector<Remark>& all) {
  Json out = Json::array();
  for (const Remark& each : all) {
    Json one = {{"about", text(each.about)}, {"words", text(each.words)}};
    if (!each.run.empty()) one["run"] = text(each.run);
    if (!each.path.empty()) one["path"] = text(each.path);
    if (each.step >= 0) one["step"] = each.step;
    if (each.value) one["value"] = number(each.value);
    out.push_back(std::move(one));
  }
  return out;
}

std::string_view word_of(LineVerdict verdict) {
  switch (verdict) {
    case LineVerdict::pass:
      return "pass";
    case LineVerdict::fail:
      return "fail";
    case LineVerdict::not_checked:
      return "not_checked";
  }
  return "not_checked";
}

Json line_json(const Line& line, const std::string& section) {
  Json advice = Json::array();
  for (const std::string& each : line.advice) advice.push_back(text(each));
  return {{"id", line.id},
          {"section", section},
          {"title", text(line.title)},
          {"verdict", word_of(line.verdict)},
          {"summary", text(line.summary)},
          {"failures", remarks(line.failures)},
          {"failures_total", line.failures_total},
          {"holes", remarks(line.holes)},
          {"holes_total", line.holes_total},
          {"proofs", remarks(line.proofs)},
          {"proofs_total", line.proofs_total},
          {"advice", std::move(advice)}};
}

Json description(const statistics::Description& found) {
  return {{"n", found.n},
          {"mean", number(found.mean)},
          {"sd", number(found.sd)},
          {"min", number(found.min)},
          {"max", number(found.max)},
          {"interval", interval(found.interval)}};
}

}  // namespace

Json json_of(const Checklist& list) {
  Json lines = Json::array();
  for (const Section& section : list.sections) {
    for (const Line& line : section.lines) lines.push_back(line_json(line, section.title));
  }
  Json rows = Json::array();
  for (const TaskStatistics& each : list.statistics) {
    Json row = {{"task", text(each.task)},
                {"method", text(each.method)},
                {"metric", text(each.metric)},
                {"expected_min", number(each.expected_min)},
                {"expected_max", number(each.expected_max)},
                {"critical", number(each.critical)}};
    row.update(description(each.test.found));
    row.update({{"p_above", number(each.test.p_above)},
                {"p_above_adjusted", number(each.test.adjusted_above)},
                {"p_below", number(each.test.p_below)},
                {"p_below_adjusted", number(each.test.adjusted_below)},
                {"effect", number(each.test.effect)},
                {"tests_corrected_for", each.test.family},
                {"verdict", to_string(each.test.verdict)},
                {"seeds_needed", each.test.seeds_needed},
                {"words", text(statistics::bound_words(each.test))}});
    rows.push_back(std::move(row));
  }
  Json compared = Json::array();
  for (const Comparison& each : list.comparisons) {
    const bool known = each.test.known();
    const auto figure = [&](double value) { return known ? number(value) : Json(nullptr); };
    compared.push_back({{"task", text(each.task)},
                        {"first", text(each.first)},
                        {"second", text(each.second)},
                        {"of_first", description(each.of_first)},
                        {"of_second", description(each.of_second)},
                        {"test", each.paired ? "paired" : "welch"},
                        {"difference", figure(each.test.estimate)},
                        {"interval", known ? interval(each.test.interval) : Json(nullptr)},
                        {"t", figure(each.test.t)},
                        {"df", figure(each.test.df)},
                        {"p", figure(each.test.p)},
                        {"p_adjusted", number(each.adjusted_p)},
                        {"tests_corrected_for", each.family},
                        {"effect", number(each.effect)},
                        {"effect_kind", each.paired ? "d_z" : "hedges_g"},
                        {"words", text(each.words)}});
  }
  Json counting = Json::array();
  for (const std::string& key : list.counting_runs) counting.push_back(text(key));
  return {{"now", list.now == Time{} ? Json(nullptr) : Json(to_rfc3339(list.now))},
          {"verdict", list.exit_code() == 0   ? "pass"
                      : list.exit_code() == 1 ? "fail"
                                              : "not_checked"},
          {"passed", list.passed},
          {"failed", list.failed},
          {"not_checked", list.not_checked},
          {"lines", std::move(lines)},
          {"statistics", std::move(rows)},
          {"comparisons", std::move(compared)},
          {"counting_runs", std::move(counting)}};
}

}  // namespace redflag::daemon::validate
