#include "daemon/overview/overview.h"

#include <algorithm>
#include <cmath>

namespace redflag::daemon {

std::optional<double> RunView::value_of(std::string_view metric) const {
  const auto found = std::find_if(latest.begin(), latest.end(),
                                  [&](const LatestValue& one) { return one.metric == metric; });
  return found == latest.end() ? std::nullopt : std::optional<double>(found->value);
}

std::optional<Duration> RunView::remaining() const {
  if (has_ended(info.state) || total_steps <= 0 || step < 0) return std::nullopt;
  if (step >= total_steps) return Duration{0};
  if (!(steps_per_second > 0.0)) return std::nullopt;
  const double seconds = static_cast<double>(total_steps - step) / steps_per_second;
  constexpr double kTooLongToBeMeant = 3.2e9;  // a century
  if (!(seconds < kTooLongToBeMeant)) return std::nullopt;
  return Duration{std::llround(seconds * 1e6)};
}

std::string_view to_string(ScoreVerdict verdict) {
  switch (verdict) {
    case ScoreVerdict::none:
      return "none";
    case ScoreVerdict::critical:
      return "critical";
    case ScoreVerdict::below:
      return "below";
    case ScoreVerdict::in_range:
      return "in_range";
    case ScoreVerdict::above:
      return "above";
  }
  return "none";
}

std::string_view to_string(StepCell::State state) {
  switch (state) {
    case StepCell::State::ok:
      return "ok";
    case StepCell::State::bad:
      return "bad";
    case StepCell::State::in_progress:
      return "in_progress";
    case StepCell::State::unchecked:
      return "unchecked";
  }
  return "unchecked";
}

}  // namespace redflag::daemon
