#include "daemon/runs/json_number.h"

#include <cmath>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>

namespace redflag::daemon {

std::optional<double> nonfinite_from(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text.size() != 3 && text.size() != 8) return std::nullopt;
  const char first = static_cast<char>(text.front() | 0x20);
  if (first != 'n' && first != 'i') return std::nullopt;
  std::string lower;
  for (const char c : text) lower += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (lower != "inf" && lower != "infinity") return std::nullopt;
  const double infinity = std::numeric_limits<double>::infinity();
  return negative ? -infinity : infinity;
}

std::optional<double> number_from(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (const auto* text = value.get_ptr<const std::string*>()) return nonfinite_from(*text);
  return std::nullopt;
}

std::optional<std::int64_t> step_from(const nlohmann::json& value) {
  if (!value.is_number()) return std::nullopt;
  const double number = value.get<double>();
  constexpr double kLargestExact = 9007199254740992.0;  // 2^53
  if (!(number >= 0.0) || number > kLargestExact) return std::nullopt;
  return static_cast<std::int64_t>(std::floor(number));
}

}  // namespace redflag::daemon
