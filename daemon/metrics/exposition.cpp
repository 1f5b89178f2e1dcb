#include "daemon/metrics/exposition.h"

#include <cmath>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"

namespace redflag::daemon::metrics {

std::string label_value(std::string_view raw) {
  std::string whole;
  if (raw.size() > kMaxLabelBytes) {
    // Two names that differ only behind the cut have to stay two.
    whole = alerts::cut(raw.substr(0, kMaxLabelBytes), kMaxLabelBytes / 4) + '~' + alerts::stable_hash(raw);
    raw = whole;
  }
  std::string value;
  for (const char c : alerts::escape_terminal(raw)) {
    if (c == '\\' || c == '"') value += '\\';
    value += c;
  }
  return value;
}

std::string sample_value(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

Family::Family(std::string& text, std::string_view name, Type type, std::string_view help)
    : text_(text), name_(name) {
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                       type == Type::counter ? "counter" : "gauge");
}

void Family::add(Labels labels, double value) {
  text_ += name_;
  char before = '{';
  for (const auto& [name, raw] : labels) {
    text_ += before;
    text_ += fmt::format("{}=\"{}\"", name, label_value(raw));
    before = ',';
  }
  if (before == ',') text_ += '}';
  text_ += ' ' + sample_value(value) + '\n';
}

void Family::add_time(Labels labels, Time time) {
  if (time != Time{}) add(labels, to_unix_seconds(time));
}

}  // namespace redflag::daemon::metrics
