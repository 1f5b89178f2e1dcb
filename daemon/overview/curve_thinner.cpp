#include "daemon/overview/curve_thinner.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace redflag::daemon {
namespace {

/// What a run may log under changing names is not drawn in full.
constexpr std::size_t kMostCurves = 500;

}  // namespace

ThinnedCurve::ThinnedCurve(std::size_t points)
    : most_stretches_(std::max<std::size_t>(2, (points + kWhole - 1) / kWhole)) {}

void ThinnedCurve::add(const CurvePoint& point) {
  if (stretches_.empty() || stretches_.back().count >= length_) {
    if (stretches_.size() >= most_stretches_) join_pairs();
    if (stretches_.empty() || stretches_.back().count >= length_) stretches_.emplace_back();
  }
  Stretch& last = stretches_.back();
  last.points.push_back(point);
  ++last.count;
  if (last.count > kWhole && last.points.size() > 4 * kWhole) thin(last);
}

void ThinnedCurve::join_pairs() {
  std::vector<Stretch> joined;
  joined.reserve(most_stretches_);
  for (std::size_t i = 0; i < stretches_.size(); i += 2) {
    Stretch one = std::move(stretches_[i]);
    if (i + 1 < stretches_.size()) {
      const Stretch& next = stretches_[i + 1];
      one.points.insert(one.points.end(), next.points.begin(), next.points.end());
      one.count += next.count;
    }
    thin(one);
    joined.push_back(std::move(one));
  }
  stretches_ = std::move(joined);
  length_ *= 2;
}

void ThinnedCurve::thin(Stretch& stretch) {
  const std::vector<CurvePoint>& all = stretch.points;
  std::vector<bool> stays(all.size(), false);
  stays.front() = stays.back() = true;
  std::size_t lowest = all.size(), highest = all.size(), nonfinite = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (std::isfinite(all[i].value)) {
      if (lowest == all.size() || all[i].value < all[lowest].value) lowest = i;
      if (highest == all.size() || all[i].value > all[highest].value) highest = i;
      continue;
    }
    const bool first = i == 0 || std::isfinite(all[i - 1].value);
    const bool last = i + 1 == all.size() || std::isfinite(all[i + 1].value);
    if ((first || last) && nonfinite++ < kMostNonfinite) stays[i] = true;
  }
  if (lowest < all.size()) stays[lowest] = stays[highest] = true;
  std::vector<CurvePoint> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (stays[i]) kept.push_back(all[i]);
  }
  stretch.points = std::move(kept);
}

void ThinnedCurve::cut_back(std::int64_t step) {
  if (step < 0) return;
  for (std::size_t i = 0; i < stretches_.size(); ++i) {
    Stretch& one = stretches_[i];
    const std::size_t before = one.points.size();
    std::erase_if(one.points, [step](const CurvePoint& point) { return point.step >= step; });
    if (one.points.size() == before) continue;
    // How many of those that were thinned away lay before is not known: in proportion.
    one.count = one.count * one.points.size() / before;
  }
  std::erase_if(stretches_, [](const Stretch& one) { return one.points.empty(); });
}

Curve ThinnedCurve::take(std::string metric) {
  Curve curve;
  curve.metric = std::move(metric);
  for (Stretch& one : stretches_) {
    if (one.count > kWhole) thin(one);
    curve.points.insert(curve.points.end(), one.points.begin(), one.points.end());
    curve.points_total += one.count;
  }
  return curve;
}

CurveReader::CurveReader(CurveRequest wanted) : wanted_(std::move(wanted)) {}

void CurveReader::add(const Observation& row) {
  if (row.kind != ObservationKind::row || row.attempt < attempt_) return;
  if (row.attempt > attempt_) {
    attempt_ = row.attempt;
    for (auto& [name, curve] : curves_) curve.cut_back(row.step);
  }
  if ((wanted_.from_step >= 0 && row.step < wanted_.from_step) ||
      (wanted_.to_step >= 0 && row.step > wanted_.to_step)) {
    return;
  }
  for (const Sample& sample : row.samples) {
    const bool is_wanted =
        wanted_.metrics.empty() ||
        std::find(wanted_.metrics.begin(), wanted_.metrics.end(), sample.metric) != wanted_.metrics.end();
    if (!is_wanted) continue;
    auto found = curves_.find(sample.metric);
    if (found == curves_.end()) {
      if (curves_.size() >= kMostCurves) continue;
      found = curves_.emplace(sample.metric, ThinnedCurve(wanted_.points)).first;
    }
    found->second.add({row.step, sample.value, row.time});
  }
}

std::vector<Curve> CurveReader::take() {
  std::vector<Curve> curves;
  for (auto& [name, curve] : curves_) curves.push_back(curve.take(name));
  return curves;
}

}  // namespace redflag::daemon
