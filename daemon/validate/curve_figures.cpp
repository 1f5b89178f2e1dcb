#include "daemon/validate/curve_figures.h"

#include <algorithm>
#include <cmath>

namespace redflag::daemon::validate {
namespace {

std::vector<double> finite_of(const Curve& curve) {
  std::vector<double> out;
  for (const CurvePoint& point : curve.points) {
    if (std::isfinite(point.value)) out.push_back(point.value);
  }
  return out;
}

std::vector<double> last(const Curve& curve, std::size_t count) {
  std::vector<double> all = finite_of(curve);
  if (all.size() > count) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(count));
  return all;
}

std::optional<double> median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

const CurvePoint* first_nonfinite(const Curve& curve) {
  const auto found = std::find_if(curve.points.begin(), curve.points.end(),
                                  [](const CurvePoint& each) { return !std::isfinite(each.value); });
  return found == curve.points.end() ? nullptr : &*found;
}

std::optional<double> early(const Curve& curve, std::size_t count) {
  std::vector<double> all = finite_of(curve);
  all.resize(std::min(all.size(), count));
  return median(std::move(all));
}

std::optional<double> late(const Curve& curve, std::size_t count) {
  return median(last(curve, count));
}

std::optional<double> lowest_late(const Curve& curve, std::size_t count) {
  const std::vector<double> values = last(curve, count);
  if (values.empty()) return std::nullopt;
  return *std::min_element(values.begin(), values.end());
}

std::optional<double> highest_late(const Curve& curve, std::size_t count) {
  const std::vector<double> values = last(curve, count);
  if (values.empty()) return std::nullopt;
  return *std::max_element(values.begin(), values.end());
}

std::size_t nonfinite_late(const Curve& curve, std::size_t count) {
  const std::size_t from = curve.points.size() > count ? curve.points.size() - count : 0;
  return static_cast<std::size_t>(
      std::count_if(curve.points.begin() + static_cast<std::ptrdiff_t>(from), curve.points.end(),
                    [](const CurvePoint& each) { return !std::isfinite(each.value); }));
}

}  // namespace redflag::daemon::validate
