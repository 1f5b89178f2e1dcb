#include "rules/engine/window.h"

#include <algorithm>
#include <type_traits>

#include "rules/engine/blob.h"

namespace redflag {

void PointRing::push(const Point& point) {
  if (end_ - begin_ == points_.size()) {
    std::vector<Point> larger(points_.empty() ? 2 : points_.size() * 2);
    for (std::uint64_t i = begin_; i < end_; ++i) larger[i & (larger.size() - 1)] = at(i);
    points_ = std::move(larger);
  }
  points_[end_ & (points_.size() - 1)] = point;
  ++end_;
}

void PointRing::drop_before(std::uint64_t number) {
  begin_ = std::min(std::max(begin_, number), end_);
}

Window::Window(const WindowPlan& plan) : plan_(plan) {
  const auto need = [&](std::uint16_t what) { return (plan.needs & what) != 0; };
  if (need(window_needs::kSum)) sum_ = std::make_unique<TwoStacks<Sum>>();
  if (need(window_needs::kExtrema)) extrema_ = std::make_unique<TwoStacks<Extrema>>();
  if (need(window_needs::kBest)) best_ = std::make_unique<TwoStacks<Best>>();
  if (need(window_needs::kMoments)) moments_ = std::make_unique<TwoStacks<Moments>>();
  if (need(window_needs::kDecay)) decay_ = std::make_unique<TwoStacks<Decay>>();
  if (need(window_needs::kTurns)) turns_ = std::make_unique<TwoStacks<Turns>>();
  if (need(window_needs::kRepeats)) repeats_ = std::make_unique<TwoStacks<Repeats>>();
  if (need(window_needs::kFirst)) first_ = std::make_unique<TwoStacks<First>>();
  if (need(window_needs::kOrder)) order_ = std::make_unique<OrderStatistics>();
  // The usual convention of a span: N points weigh as much as N in a plain mean.
  if (plan.spec.unit == WindowUnit::points) keep_ = 1.0 - 2.0 / (static_cast<double>(plan.spec.size) + 1.0);
}

template <class Visitor>
void Window::each(Visitor visit) {
  if (sum_) visit(*sum_);
  if (extrema_) visit(*extrema_);
  if (best_) visit(*best_);
  if (moments_) visit(*moments_);
  if (decay_) visit(*decay_);
  if (turns_) visit(*turns_);
  if (repeats_) visit(*repeats_);
  if (first_) visit(*first_);
}

PlacedPoint Window::placed(const Point& point, std::uint64_t number, std::int64_t origin_us) const {
  const double x = plan_.spec.unit == WindowUnit::time ? static_cast<double>(point.time_us - origin_us) / 1e6
                                                       : static_cast<double>(point.step);
  return {point.value, x, number, point.time_us, keep_};
}

void Window::enter(const Point& point, std::int64_t origin_us) {
  const PlacedPoint place = placed(point, end_, origin_us);
  ++end_;
  ++points_;
  if (std::isnan(point.value)) ++nan_;
  if (!std::isfinite(point.value)) ++nonfinite_;
  each([&](auto& stacks) { stacks.back.add(std::decay_t<decltype(stacks.back)>::of(place)); });
  if (order_ && std::isfinite(point.value)) order_->insert(point.value);
}

void Window::push(const PointRing& ring, std::int64_t origin_us) {
  if (points_ == 0 && plan_.spec.unit != WindowUnit::whole) begin_ = end_ = middle_ = ring.end() - 1;
  enter(ring.back(), origin_us);
  const std::uint64_t most = order_ ? kMostOrdered : kMostPointsHeld;
  switch (plan_.spec.unit) {
    case WindowUnit::whole:
      break;
    case WindowUnit::points:
      while (points_ > static_cast<std::uint64_t>(plan_.spec.size)) leave(ring, origin_us);
      break;
    case WindowUnit::steps: {
      const std::int64_t edge = ring.back().step - plan_.spec.size;
      while (points_ > 1 && (ring.at(begin_).step <= edge || points_ > most)) leave(ring, origin_us);
      break;
    }
    case WindowUnit::time:
      while (points_ > most) leave(ring, origin_us);
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
  each([](auto& stacks) { stacks.front.pop_back(); });
  if (order_ && std::isfinite(point.value)) order_->erase(point.value);
}

void Window::turn(const PointRing& ring, std::int64_t origin_us) {
  middle_ = end_;
  each([&](auto& stacks) {
    using Aggregate = std::decay_t<decltype(stacks.back)>;
    Aggregate sum;
    stacks.front.reserve(static_cast<std::size_t>(middle_ - begin_));
    for (std::uint64_t i = middle_; i > begin_; --i) {
      Aggregate older = Aggregate::of(placed(ring.at(i - 1), i - 1, origin_us));
      older.add(sum);
      sum = older;
      stacks.front.push_back(sum);
    }
    stacks.back = Aggregate{};
  });
}

void Window::rebuild(const PointRing& ring, std::uint64_t begin, std::int64_t origin_us) {
  *this = Window(plan_);
  if (plan_.spec.unit == WindowUnit::whole) {
    begin_ = end_ = middle_ = ring.end();
    return;
  }
  begin_ = end_ = middle_ = std::min(std::max(begin, ring.begin()), ring.end());
  for (std::uint64_t i = begin_; i < ring.end(); ++i) enter(ring.at(i), origin_us);
}

void Window::save(BlobWriter& out) const {
  out.number(begin_);
  out.number(middle_);
  out.number(points_);
  if (plan_.spec.unit != WindowUnit::whole) return;
  // Its points are gone: what was made of them has to be kept as it is.
  out.number(nan_);
  out.number(nonfinite_);
  const_cast<Window*>(this)->each([&](auto& stacks) { out.raw(stacks.back); });
}

bool Window::load(BlobReader& in, const PointRing& ring, std::int64_t origin_us) {
  *this = Window(plan_);
  begin_ = in.number();
  const std::uint64_t middle = in.number();
  const std::uint64_t points = in.number();
  if (plan_.spec.unit == WindowUnit::whole) {
    nan_ = in.number();
    nonfinite_ = in.number();
    points_ = points;
    end_ = begin_ + points;
    middle_ = begin_;
    each([&](auto& stacks) { in.raw(stacks.back); });
    return in.good() && end_ == ring.end();
  }
  end_ = begin_;
  middle_ = middle;
  if (!in.good()) return false;
  if (points == 0) return true;
  if (begin_ < ring.begin() || points != ring.end() - begin_ || middle < begin_ || middle > ring.end())
    return false;
  // The same steps as when they came, so that not one bit differs.
  for (std::uint64_t i = begin_; i < middle; ++i) enter(ring.at(i), origin_us);
  if (middle > begin_) turn(ring, origin_us);
  for (std::uint64_t i = middle; i < ring.end(); ++i) enter(ring.at(i), origin_us);
  middle_ = middle;
  return true;
}

}  // namespace redflag
