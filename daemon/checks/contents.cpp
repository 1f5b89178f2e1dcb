// Statistics to findings.
#include "daemon/checks/contents.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/checks/files.h"
#include "daemon/checks/words.h"
#include "daemon/results/printable.h"

namespace redflag::checks {
namespace {

using daemon::with_commas;

/// "12 NaN and 3 infinite of 51,200 numbers".
std::string nonfinite_text(const tensors::Statistics& statistics) {
  const std::uint64_t infinite = statistics.positive_infinity + statistics.negative_infinity;
  std::string out;
  if (statistics.nan != 0) out = with_commas(statistics.nan) + " NaN";
  if (infinite != 0) out += (out.empty() ? "" : " and ") + with_commas(infinite) + " infinite";
  return fmt::format("{} of {} numbers", out, with_commas(statistics.count));
}

}  // namespace

bool is_floating(const TensorReport& tensor) {
  return tensor.dtype.find("float") != std::string::npos || tensor.dtype.starts_with("complex");
}

bool is_all_zero(const TensorReport& tensor) {
  const auto& statistics = tensor.statistics;
  return statistics && statistics->count > 1 && statistics->zeros == statistics->count && is_floating(tensor);
}

bool is_constant(const TensorReport& tensor) {
  const auto& statistics = tensor.statistics;
  return statistics && statistics->count > 1 && statistics->nonfinite() == 0 && is_floating(tensor) &&
         statistics->zeros != statistics->count && statistics->min == statistics->max;
}

bool is_empty(const TensorReport& tensor) {
  return std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end();
}

std::string type_text(const TensorReport& tensor) {
  return fmt::format("{} {}", shown(tensor.dtype), shape_text(tensor.shape));
}

void find_nonfinite(const std::vector<NamedTensor>& tensors, std::string_view noun, std::string_view code,
                    std::vector<Finding>& out) {
  constexpr std::size_t kNamed = 4;
  std::size_t bad = 0;
  std::string list;
  std::string first;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor->statistics || tensor->statistics->nonfinite() == 0) continue;
    if (bad == 0) first = name;
    if (bad++ < kNamed) {
      list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", shown(name),
                          nonfinite_text(*tensor->statistics));
    }
  }
  if (bad == 0) return;
  if (bad > kNamed) list += fmt::format(" and {} more", bad - kNamed);
  add(out, std::string(code), Severity::critical,
      fmt::format("{} of {} hold{} NaN or infinite numbers: {}", with_commas(bad),
                  counted(tensors.size(), noun), bad == 1 ? "s" : "", list),
      first);
}

}  // namespace redflag::checks
