#include "rules/values/transition.h"

#include <array>

namespace redflag {
namespace {

constexpr std::array<std::string_view, 3> kSeverities{"info", "warning", "critical"};
constexpr std::array<std::string_view, 5> kStates{"inactive", "pending", "firing", "resolved", "closed"};

template <typename Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Severity severity) {
  return kSeverities[static_cast<std::size_t>(severity)];
}

std::optional<Severity> severity_from(std::string_view name) {
  return find_name<Severity>(kSeverities, name);
}

std::string_view to_string(AlertState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<AlertState> alert_state_from(std::string_view name) {
  return find_name<AlertState>(kStates, name);
}

}  // namespace redflag
