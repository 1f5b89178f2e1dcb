// `redflag alerts show`: everything about one alert, a fact a line.
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "alerts/sparkline.h"
#include "alerts/text/escape.h"
#include "alerts/text/words.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/fact_list.h"
#include "daemon/cli/operator_text.h"

namespace redflag::daemon {

using nlohmann::json;

namespace {

constexpr std::size_t kLabelWidth = 14;

bool is_value(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

}  // namespace

double number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

void FactList::add(std::string_view label, std::string_view words) {
  if (words.empty()) return;
  const std::size_t indent = look_.width < 60 ? 4 : kLabelWidth + 2;
  if (look_.width < 60) {
    text_ += fmt::format("  {}\n    {}\n", label, folded(words, indent, look_.width));
  } else {
    text_ += fmt::format("  {:<{}}{}\n", label, kLabelWidth, folded(words, indent, look_.width));
  }
}

void FactList::add_time(std::string_view label, Time time, Time now) {
  if (time != Time{}) add(label, fmt::format("{} ({} ago)", to_rfc3339(time), between(time, now)));
}

std::string alert_headline(const json& alert, const Look& look) {
  std::string severity = text_in(alert, "severity");
  for (char& c : severity) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const char* const color = severity == "CRITICAL" ? "1;31" : severity == "WARNING" ? "33" : "36";
  const std::string head = folded(severity + "  " + text_in(alert, "rule"), 2, look.width);
  return (look.color ? fmt::format("\033[{}m{}\033[0m", color, head) : head) + '\n';
}

std::string run_words(const json& alert) {
  std::string more;
  for (const char* key : {"task", "method"}) {
    const std::string value = text_in(alert, key);
    if (!value.empty()) more += (more.empty() ? "" : ", ") + value;
  }
  if (const std::string seed = text_in(alert, "seed"); !seed.empty())
    more += (more.empty() ? "seed " : ", seed ") + seed;
  if (const std::string state = text_in(alert, "run_state"); !state.empty())
    more += (more.empty() ? "" : "; ") + state;
  return text_in(alert, "run") + (more.empty() ? "" : " (" + more + ")");
}

std::string value_text(const json& alert) {
  if (!is_value(alert, "value")) return {};
  std::string words = alerts::number_words(number_of(alert["value"]));
  if (is_value(alert, "threshold")) {
    words += fmt::format(" {} {}", text_in(alert, "comparison"),
                         alerts::number_words(number_of(alert["threshold"])));
  }
  return words;
}

std::string step_text(const json& alert) {
  if (!is_value(alert, "step")) return {};
  std::string words = alert["step"].dump();
  if (is_value(alert, "since_step")) words += fmt::format(", since step {}", alert["since_step"].dump());
  if (is_value(alert, "attempt") && alert["attempt"] != 1)
    words += fmt::format(", attempt {}", alert["attempt"].dump());
  return words;
}

namespace {

void add_evidence(FactList& facts, const json& alert, const Look& look) {
  const auto found = alert.find("evidence");
  if (found == alert.end() || !found->is_array()) return;
  for (const json& one : *found) {
    if (!one.is_object()) continue;
    const std::string metric = text_in(one, "metric");
    const std::string original = text_in(one, "original");
    std::string words = metric + " " + alerts::number_words(number_of(one.value("value", json())));
    if (!original.empty() && original != metric) words += " (logged as " + original + ")";
    facts.add("evidence", words);
    std::vector<double> recent;
    for (const json& point : one.value("recent", json::array())) recent.push_back(number_of(point));
    if (recent.empty()) continue;
    const std::size_t room = look.width < 60 ? look.width - 4 : 32;
    facts.add("", alerts::sparkline(
                      recent, look.unicode ? alerts::SparklineStyle::unicode : alerts::SparklineStyle::ascii,
                      std::min<std::size_t>(room, 32)));
    std::string numbers;
    for (const double value : recent) numbers += (numbers.empty() ? "" : " ") + alerts::number_words(value);
    facts.add("", numbers);
  }
}

}  // namespace

std::string alert_text(const json& alert, Time now, const Look& look) {
  if (!alert.is_object()) return {};
  FactList facts(look);
  const std::string state = text_in(alert, "state");
  facts.add("state", state + (is_value(alert, "acknowledged") ? ", acknowledged" : "") +
                         (alert.value("flapping", json()) == true ? ", flapping" : "") +
                         (is_value(alert, "no_data_since") ? ", no data" : ""));
  facts.add("what", text_in(alert, "message"));
  facts.add("reason", text_in(alert, "reason"));
  facts.add("hint", text_in(alert, "hint"));
  facts.add("run", run_words(alert));
  facts.add("project", text_in(alert, "project"));
  facts.add("page", text_in(alert, "url"));
  std::string tags;
  for (const json& tag : alert.value("tags", json::array())) {
    if (tag.is_string()) tags += (tags.empty() ? "" : ", ") + alerts::unescape_utf8(tag.get<std::string>());
  }
  facts.add("tags", tags);
  if (text_in(alert, "subject") != text_in(alert, "run_key"))
    facts.add(text_in(alert, "subject_kind"), text_in(alert, "subject"));
  facts.add("value", value_text(alert));
  facts.add("step", step_text(alert));
  facts.add_time("since", time_in(alert, "since"), now);
  facts.add_time("fired", time_in(alert, "fired_at"), now);
  facts.add_time("last told", time_in(alert, "told_at"), now);
  facts.add_time("ended", time_in(alert, "ended_at"), now);
  facts.add_time("no data since", time_in(alert, "no_data_since"), now);
  facts.add("muted by", text_in(alert, "muted_by"));
  if (is_value(alert, "acknowledged")) {
    const json& ack = alert["acknowledged"];
    const std::string comment = text_in(ack, "comment");
    facts.add("acknowledged", fmt::format("by {}, {}{}", text_in(ack, "by"), text_in(ack, "at"),
                                          comment.empty() ? "" : ": " + comment));
  }
  add_evidence(facts, alert, look);
  facts.add("id", text_in(alert, "id"));
  facts.add("rule of", text_in(alert, "pack"));
  return alert_headline(alert, look) + facts.take();
}

}  // namespace redflag::daemon
