#include <algorithm>
#include <cmath>
#include <limits>

#include "daemon/overview/traces.h"

namespace redflag::daemon {
namespace {

/// The newest value takes a place of its own at the end, where the last point is another one.
constexpr std::size_t kMostKept = Sparkline::kMostPoints - 2;

float narrowed(double value) {
  constexpr auto kLargest = std::numeric_limits<float>::max();
  if (!std::isfinite(value)) return static_cast<float>(value);
  return static_cast<float>(std::clamp(value, -double{kLargest}, double{kLargest}));
}

/// How much a value strikes the eye behind `before`.
double strikes(float value, float before) {
  if (std::isnan(value)) return std::numeric_limits<double>::infinity();
  if (std::isinf(value)) return std::numeric_limits<double>::max();
  return std::isfinite(before) ? std::abs(double{value} - double{before}) : 0.0;
}

}  // namespace

void Sparkline::add(std::int64_t step, double value) {
  newest_ = narrowed(value);
  const Point point{newest_, static_cast<std::uint32_t>(std::clamp<std::int64_t>(
                                 step, 0, std::numeric_limits<std::uint32_t>::max()))};
  if (!kept_.empty() && open_ < stride_) {
    ++open_;
    Point& last = kept_.back();
    const float before = kept_.size() > 1 ? kept_[kept_.size() - 2].value : last.value;
    if (strikes(point.value, before) >= strikes(last.value, before)) last = point;
    return;
  }
  if (kept_.size() == kMostKept) {
    for (std::size_t i = 0; i < kMostKept / 2; ++i) {
      const float before = i > 0 ? kept_[i - 1].value : kept_[0].value;
      const Point first = kept_[2 * i], second = kept_[2 * i + 1];
      kept_[i] = strikes(second.value, before) > strikes(first.value, before) ? second : first;
    }
    kept_.resize(kMostKept / 2);
    stride_ *= 2;
  }
  if (kept_.size() == kept_.capacity()) kept_.reserve(std::min(kMostKept, kept_.size() + 8));
  kept_.push_back(point);
  open_ = 1;
}

void Sparkline::cut_back(std::int64_t step) {
  while (!kept_.empty() && std::int64_t{kept_.back().step} >= step) kept_.pop_back();
  open_ = kept_.empty() ? 0 : stride_;
  if (!kept_.empty()) newest_ = kept_.back().value;
}

std::vector<double> Sparkline::points() const {
  std::vector<double> out;
  out.reserve(kept_.size() + 1);
  for (const Point& point : kept_) out.push_back(double{point.value});
  const bool shown = kept_.empty() || kept_.back().value == newest_ ||
                     (std::isnan(kept_.back().value) && std::isnan(newest_));
  if (!shown) out.push_back(double{newest_});
  return out;
}

}  // namespace redflag::daemon
