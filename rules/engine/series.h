// One metric of one subject: its kept points and the windows over them.
//
// A window is a queue with an aggregate over all it holds. Sums that are kept by adding the new point and
// subtracting the old one go wrong exactly when training does: after one loss of 1e30 the mean of what
// follows is noise. So nothing is ever subtracted. The queue is kept as two stacks: `front` holds, for each
// of the older points, the aggregate from that point up to the middle; `back` is one aggregate of the newer
// points. The whole is front.top + back. When the front runs empty, the back is turned over into it. Each
// point is pushed and turned once: O(1) amortised, whatever the window's length.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/lang/compiled.h"

namespace redflag {

struct Point {
  double value = 0.0;
  std::int64_t step = -1;
  std::int64_t time_us = 0;  ///< 0 = not known
};

/// Smallest and largest value; NaN left out, infinities counted.
struct Extrema {
  bool any = false;
  double low = 0.0;
  double high = 0.0;
  void add(const Extrema& other);
};

/// Mean of the finite values and their least-squares line over x, mergeable without cancellation (Chan et
/// al.).
struct Moments {
  double n = 0.0;
  double mean_x = 0.0;
  double mean_y = 0.0;
  double sxx = 0.0;
  double sxy = 0.0;
  void add(const Moments& other);
};

/// Points kept, oldest first, numbered without end from 0.
class PointRing {
 public:
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  bool empty() const { return begin_ == end_; }
  const Point& at(std::uint64_t number) const { return points_[number & (points_.size() - 1)]; }
  const Point& back() const { return at(end_ - 1); }
  void push(const Point& point);
  void drop_before(std::uint64_t number);
  void clear();

 private:
  std::vector<Point> points_;  ///< a power of two long
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

class Window {
 public:
  explicit Window(const WindowPlan& plan) : plan_(plan) {}

  const WindowPlan& plan() const { return plan_; }
  std::uint64_t begin() const { return begin_; }

  /// `ring.back()` has just been added.
  void push(const PointRing& ring, std::int64_t origin_us);
  /// Nothing older than `edge_us` belongs to it any more. Only for windows over time.
  void expire(const PointRing& ring, std::int64_t edge_us, std::int64_t origin_us);
  /// Starts again from the ring's points `begin`…; a whole-attempt window starts empty.
  void rebuild(const PointRing& ring, std::uint64_t begin, std::int64_t origin_us);

  std::uint64_t points() const { return points_; }          ///< all, NaN too
  std::uint64_t numbers() const { return points_ - nan_; }  ///< without NaN
  std::uint64_t nonfinite() const { return nonfinite_; }
  Extrema extrema() const;
  Moments moments() const;

 private:
  void enter(const Point& point, std::int64_t origin_us);
  void leave(const PointRing& ring, std::int64_t origin_us);
  void turn(const PointRing& ring, std::int64_t origin_us);
  Moments moments_of(const Point& point, std::int64_t origin_us) const;
  bool has(std::uint8_t need) const { return (plan_.needs & need) != 0; }

  WindowPlan plan_;
  std::uint64_t begin_ = 0;  ///< number of its oldest point
  std::uint64_t end_ = 0;
  std::uint64_t points_ = 0;
  std::uint64_t nan_ = 0;
  std::uint64_t nonfinite_ = 0;
  std::uint64_t middle_ = 0;            ///< points before it are in the front
  std::vector<Extrema> front_extrema_;  ///< last = from the oldest point on
  std::vector<Moments> front_moments_;
  Extrema back_extrema_;
  Moments back_moments_;
};

/// Points a window over steps or time may hold; the oldest leave first.
inline constexpr std::uint64_t kMostPointsHeld = 1'000'000;
/// Points kept of every series that rules read: for sparklines, and for stepping back after a resume.
inline constexpr std::uint64_t kRecentPoints = 32;

struct Series {
  explicit Series(const Slot& slot, std::int64_t origin);

  void append(const Point& point, const std::string& original);
  /// A resumed run: forgets the points at and after `step`; whole-attempt windows begin anew.
  void cut_back(std::int64_t step);
  void expire(std::int64_t now_us);

  bool has_point() const { return !ring.empty(); }

  PointRing ring;
  std::vector<Window> windows;
  std::string original;           ///< name it was last logged under
  std::optional<double> summary;  ///< from the run's summary; never part of the curve
  std::int64_t origin_us = 0;     ///< slopes over time count from here, so that no digits are lost

 private:
  void trim();
};

}  // namespace redflag
