// The text that Prometheus scrapes, format 0.0.4: families of samples, each with its help and its type. There
// is no UNIT line in this format; a metric's unit is the end of its name (_seconds, _bytes, _ratio).
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "rules/values/time.h"

namespace redflag::daemon::metrics {

inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";
inline constexpr std::size_t kMaxLabelBytes =
    512;  ///< longer values are cut, and end with a hash of the rest

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Raw bytes as a label's value, without quotes: what is no printable UTF-8 is made visible
/// (alerts/text/escape.h: escape_terminal), then backslash and quote are escaped as the format asks. One line
/// whatever came in.
std::string label_value(std::string_view raw);

/// "0.25", "NaN", "+Inf", "-Inf"; the shortest that reads back as the same number.
std::string sample_value(double value);

/// One metric, written to the end of a text: all its samples stand together, as the format asks, so the next
/// one begins when this one has all. Help and type are there even when it has no sample.
class Family {
 public:
  enum class Type : std::uint8_t { gauge, counter };

  /// `name` and `help` are ours: neither is escaped.
  Family(std::string& text, std::string_view name, Type type, std::string_view help);

  void add(Labels labels, double value);
  /// Nothing for Time{}: what never happened has no sample.
  void add_time(Labels labels, Time time);

 private:
  std::string& text_;
  std::string name_;
};

}  // namespace redflag::daemon::metrics
