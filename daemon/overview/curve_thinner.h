// Curves from rows, thinned while they are read: of a run of 50,000 rows never more is in memory than what
// is shown in the end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/overview/views.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// One metric. Up to `points` stay as they came. Beyond that stretches of them are held by their first, last,
/// lowest and highest, and by where they are not finite: the first and last of each series of such points, at
/// most kMostNonfinite of a stretch.
class ThinnedCurve {
 public:
  static constexpr std::size_t kMostNonfinite = 8;
  explicit ThinnedCurve(std::size_t points);
  void add(const CurvePoint& point);
  /// The run went back to `step`.
  void cut_back(std::int64_t step);
  Curve take(std::string metric);

 private:
  struct Stretch {
    std::vector<CurvePoint> points;  ///< in order
    std::uint64_t count = 0;         ///< that it stands for
  };
  static void thin(Stretch& stretch);
  void join_pairs();

  std::size_t most_stretches_;
  std::uint64_t length_ = kWhole;  ///< points that a stretch stands for
  static constexpr std::uint64_t kWhole = 4;
  std::vector<Stretch> stretches_;
};

/// All curves of a run that are wanted. Give it the run's rows in the order in which they came.
class CurveReader {
 public:
  explicit CurveReader(CurveRequest wanted);
  void add(const Observation& row);
  /// By metric's name.
  std::vector<Curve> take();

 private:
  CurveRequest wanted_;
  std::map<std::string, ThinnedCurve, std::less<>> curves_;
  std::uint32_t attempt_ = 1;
};

}  // namespace redflag::daemon
