// Step-down: the smallest p times m, the next times m - 1, …, none below the one before it.
#include "daemon/statistics/holm.h"

#include <algorithm>
#include <cmath>

namespace redflag::statistics {

std::vector<std::optional<double>> holm(std::span<const std::optional<double>> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] && !std::isnan(*p[i])) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return *p[a] < *p[b]; });
  std::vector<std::optional<double>> out(p.size());
  double floor = 0.0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double scaled = *p[order[rank]] * static_cast<double>(order.size() - rank);
    floor = std::max(floor, std::min(1.0, scaled));
    out[order[rank]] = floor;
  }
  return out;
}

}  // namespace redflag::statistics
