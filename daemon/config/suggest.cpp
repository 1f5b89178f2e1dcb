// Optimal string alignment distance over two short rows.
#include "daemon/config/suggest.h"

#include <algorithm>
#include <array>

#include "daemon/config/url.h"

namespace redflag::daemon::settings {
namespace {

std::string normal(std::string_view name) {
  std::string lower = lower_case(name);
  std::replace(lower.begin(), lower.end(), '-', '_');
  return lower;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kMax = 64;
  if (a.size() > kMax || b.size() > kMax) return kMax + 1;
  std::array<std::array<std::size_t, kMax + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string_view nearest(std::string_view wrong, const std::vector<std::string_view>& names) {
  const std::string mine = normal(wrong);
  std::string_view best;
  if (mine.size() > 64) return best;
  std::size_t best_distance = std::max<std::size_t>(mine.size() / 3, 1) + 1;
  for (const std::string_view name : names) {
    const std::string other = normal(name);
    std::size_t distance = edit_distance(mine, other);
    // "interval" for "poll_interval": a whole part of the name was left out or added.
    if (mine.size() >= 4 && other.size() >= 4 &&
        (other.find(mine) != std::string::npos || mine.find(other) != std::string::npos))
      distance = std::min<std::size_t>(distance, 1 + (distance > 1 ? 1 : 0));
    // "wran" for "warning": an abbreviation, perhaps misspelt.
    if (mine.size() >= 4 && other.size() > mine.size())
      distance = std::min(distance, edit_distance(mine, std::string_view(other).substr(0, mine.size())));
    if (distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

std::string one_of(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace redflag::daemon::settings
