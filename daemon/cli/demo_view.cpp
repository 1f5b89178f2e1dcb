#include "daemon/cli/demo_view.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/text/escape.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

void DemoView::take(std::string_view line) {
  const json event = json::parse(line, nullptr, false);
  if (!event.is_object()) {
    if (!json_) fmt::print("{}\n", alerts::escape_terminal(line));
    return;
  }
  const std::string area = text_of(event, "area");
  if (const auto alert = event.find("alert"); area == "alert" && alert != event.end() && alert->is_object()) {
    take_alert(*alert, text_of(event, "time"));
    return;
  }
  if (json_) return;
  const std::string level = text_of(event, "level");
  const bool trouble = level == "WARNING" || level == "ERROR" || level == "CRITICAL";
  if (area == "run" || area == "redflagd" || trouble) {
    print(text_of(event, "time"), area, trouble ? "\033[33m" : "\033[2m", text_of(event, "text"));
  }
  std::fflush(stdout);
}

void DemoView::take_alert(const json& alert, std::string_view time) {
  ++alerts_;
  const std::string severity = text_of(alert, "severity");
  const std::string run = text_of(alert, "run");
  const std::string state = text_of(alert, "state");
  const std::string rule = text_of(alert, "rule");
  if (state == "firing" && severity == "critical") critical_[run].insert(rule);
  if (state == "firing" && severity == "warning") warnings_[run].insert(rule);
  if (json_) {
    fmt::print("{}\n", alert.dump(-1, ' ', true, json::error_handler_t::replace));
  } else if (rule.empty()) {
    print(time, severity, "\033[1m", text_of(alert, "title"));
  } else {
    const bool over = state != "firing";
    std::string words = fmt::format(
        "{}: {}", run.empty() ? text_of(alert, "subject") : run,
        over ? fmt::format("{} is over ({})", rule, text_of(alert, "reason")) : text_of(alert, "message"));
    print(time, over ? "resolved" : severity,
          over                     ? "\033[32m"
          : severity == "critical" ? "\033[1;31m"
                                   : "\033[33m",
          words);
    const std::string hint = over ? std::string() : text_of(alert, "hint");
    if (!hint.empty()) fmt::print("{:>22}try: {}\n", "", alerts::escape_terminal(hint));
  }
  std::fflush(stdout);
}

void DemoView::print(std::string_view time, std::string_view label, std::string_view colour,
                     std::string_view text) const {
  const Time at = parse_rfc3339(time).value_or(start_);
  std::string upper(label);
  if (upper == "critical" || upper == "warning") {
    for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  }
  // redflagd is up a moment before the runs begin.
  fmt::print("{}{:7.1f} s  {:<9}  {}{}\n", colour_ ? colour : "",
             std::max(0.0, to_unix_seconds(at) - to_unix_seconds(start_)), upper,
             alerts::escape_terminal(text), colour_ ? "\033[0m" : "");
}

}  // namespace redflag::daemon
