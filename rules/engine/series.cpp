#include "rules/engine/series.h"

#include <algorithm>
#include <cmath>

namespace redflag {

void Extrema::add(const Extrema& other) {
  if (!other.any) return;
  low = any ? std::min(low, other.low) : other.low;
  high = any ? std::max(high, other.high) : other.high;
  any = true;
}

void Moments::add(const Moments& other) {
  if (other.n == 0.0) return;
  if (n == 0.0) {
    *this = other;
    return;
  }
  const double total = n + other.n;
  const double dx = other.mean_x - mean_x;
  const double dy = other.mean_y - mean_y;
  const double share = n * other.n / total;
  sxx += other.sxx + dx * dx * share;
  sxy += other.sxy + dx * dy * share;
  mean_x += dx * other.n / total;
  mean_y += dy * (other.n / total);
  n = total;
}

void PointRing::push(const Point& point) {
  if (end_ - begin_ == points_.size()) {
    std::vector<Point> larger(points_.empty() ? 4 : points_.size() * 2);
    for (std::uint64_t i = begin_; i < end_; ++i) larger[i & (larger.size() - 1)] = at(i);
    points_ = std::move(larger);
  }
  points_[end_ & (points_.size() - 1)] = point;
  ++end_;
}

void PointRing::drop_before(std::uint64_t number) {
  begin_ = std::min(std::max(begin_, number), end_);
}

void PointRing::clear() {
  begin_ = end_ = 0;
}

Moments Window::moments_of(const Point& point, std::int64_t origin_us) const {
  if (!std::isfinite(point.value)) return {};
  const double x = plan_.spec.unit == WindowUnit::time ? static_cast<double>(point.time_us - origin_us) / 1e6
                                                       : static_cast<double>(point.step);
  return {1.0, x, point.value, 0.0, 0.0};
}

void Window::enter(const Point& point, std::int64_t origin_us) {
  ++end_;
  ++points_;
  if (std::isnan(point.value)) ++nan_;
  if (!std::isfinite(point.value)) ++nonfinite_;
  if (has(window_needs::kExtrema) && !std::isnan(point.value))
    back_extrema_.add({true, point.value, point.value});
  if (has(window_needs::kMoments)) back_moments_.add(moments_of(point, origin_us));
}

void Window::push(const PointRing& ring, std::int64_t origin_us) {
  if (points_ == 0 && plan_.spec.unit != WindowUnit::whole) begin_ = end_ = middle_ = ring.end() - 1;
  enter(ring.back(), origin_us);
  switch (plan_.spec.unit) {
    case WindowUnit::whole:
      begin_ = end_;
      break;
    case WindowUnit::points:
      while (points_ > static_cast<std::uint64_t>(plan_.spec.size)) leave(ring, origin_us);
      break;
    case WindowUnit::steps: {
      const std::int64_t edge = ring.back().step - plan_.spec.size;
      while (points_ > 1 && (ring.at(begin_).step <= edge || points_ > kMostPointsHeld))
        leave(ring, origin_us);
      break;
    }
    case WindowUnit::time:
      while (points_ > kMostPointsHeld) leave(ring, origin_us);
      if (ring.back().time_us != 0) expire(ring, ring.back().time_us - plan_.spec.size, origin_us);
      break;
  }
}

void Window::expire(const PointRing& ring, std::int64_t edge_us, std::int64_t origin_us) {
  while (points_ > 0 && ring.at(begin_).time_us <= edge_us) leave(ring, origin_us);
}

void Window::leave(const PointRing& ring, std::int64_t origin_us) {
  if (begin_ == middle_) turn(ring, origin_us);
  const Point& point = ring.at(begin_);
  if (std::isnan(point.value)) --nan_;
  if (!std::isfinite(point.value)) --nonfinite_;
  --points_;
  ++begin_;
  if (!front_extrema_.empty()) front_extrema_.pop_back();
  if (!front_moments_.empty()) front_moments_.pop_back();
}

void Window::turn(const PointRing& ring, std::int64_t origin_us) {
  middle_ = end_;
  Extrema extrema;
  Moments moments;
  for (std::uint64_t i = end_; i > begin_; --i) {
    const Point& point = ring.at(i - 1);
    if (has(window_needs::kExtrema)) {
      if (!std::isnan(point.value)) extrema.add({true, point.value, point.value});
      front_extrema_.push_back(extrema);
    }
    if (has(window_needs::kMoments)) {
      moments.add(moments_of(point, origin_us));
      front_moments_.push_back(moments);
    }
  }
  back_extrema_ = {};
  back_moments_ = {};
}

void Window::rebuild(const PointRing& ring, std::uint64_t begin, std::int64_t origin_us) {
  *this = Window(plan_);
  if (plan_.spec.unit == WindowUnit::whole) return;
  begin_ = end_ = middle_ = std::min(std::max(begin, ring.begin()), ring.end());
  for (std::uint64_t i = begin_; i < ring.end(); ++i) enter(ring.at(i), origin_us);
}

Extrema Window::extrema() const {
  Extrema all = front_extrema_.empty() ? Extrema{} : front_extrema_.back();
  all.add(back_extrema_);
  return all;
}

Moments Window::moments() const {
  Moments all = front_moments_.empty() ? Moments{} : front_moments_.back();
  all.add(back_moments_);
  return all;
}

Series::Series(const Slot& slot, std::int64_t origin) : origin_us(origin) {
  windows.reserve(slot.windows.size());
  for (const WindowPlan& plan : slot.windows) windows.emplace_back(plan);
}

void Series::append(const Point& point, const std::string& name) {
  if (original != name) original = name;
  ring.push(point);
  for (Window& window : windows) window.push(ring, origin_us);
  trim();
}

void Series::trim() {
  std::uint64_t keep = ring.end() > kRecentPoints ? ring.end() - kRecentPoints : 0;
  for (const Window& window : windows) {
    if (window.plan().spec.unit != WindowUnit::whole && window.points() > 0)
      keep = std::min(keep, window.begin());
  }
  ring.drop_before(keep);
}

void Series::cut_back(std::int64_t step) {
  PointRing kept;
  std::vector<std::uint64_t> begins(windows.size(), 0);
  for (std::uint64_t i = ring.begin(); i < ring.end(); ++i) {
    const Point& point = ring.at(i);
    if (point.step >= step) continue;
    for (std::size_t w = 0; w < windows.size(); ++w) {
      // What had left a window before does not come back into it.
      if (windows[w].points() == 0 || i < windows[w].begin()) begins[w] = kept.end() + 1;
    }
    kept.push(point);
  }
  ring = std::move(kept);
  for (std::size_t w = 0; w < windows.size(); ++w) windows[w].rebuild(ring, begins[w], origin_us);
}

void Series::expire(std::int64_t now_us) {
  for (Window& window : windows) {
    if (window.plan().spec.unit == WindowUnit::time)
      window.expire(ring, now_us - window.plan().spec.size, origin_us);
  }
}

}  // namespace redflag
