#include "daemon/contents/content_facts.h"

#include <algorithm>
#include <array>
#include <string>

namespace redflag::daemon {
namespace {

constexpr std::size_t kLongestDetail = 400;

struct Kind {
  std::string_view trouble;
  std::string_view code;
};

constexpr std::array<Kind, 34> kKinds{{{"nan", "nan"},
                                       {"nan", "inf"},
                                       {"nan", "optimizer_nan"},
                                       {"zero", "all_zero"},
                                       {"zero", "constant"},
                                       {"zero", "no_elements"},
                                       {"zero", "zero_elements"},
                                       {"zero", "no_tensor"},
                                       {"zero", "untrained_adapter"},
                                       {"mismatch", "shape_mismatch"},
                                       {"mismatch", "shape_differs"},
                                       {"mismatch", "samples_mismatch"},
                                       {"mismatch", "index_mismatch"},
                                       {"mismatch", "index_incomplete"},
                                       {"mismatch", "unlisted_shard"},
                                       {"mismatch", "duplicate_tensor"},
                                       {"mismatch", "total_size"},
                                       {"mismatch", "formats_differ"},
                                       {"mismatch", "missing_tensor"},
                                       {"mismatch", "unexpected_tensor"},
                                       {"mismatch", "config_incomplete"},
                                       {"identical", "identical_step"},
                                       {"identical", "identical_checkpoint"},
                                       {"resume", "not_resumable"},
                                       {"resume", "learning_rate"},
                                       {"hostile", "hostile_global"},
                                       {"output", "forward_nonfinite"},
                                       {"output", "forward_not_repeatable"},
                                       {"output", "forward_formats_differ"},
                                       {"output", "forward_changed"},
                                       {"output", "forward_missing_tensor"},
                                       {"output", "forward_shape"},
                                       {"collapsed", "layer_collapsed"},
                                       {"mismatch", "drift_shape_mismatch"}}};

constexpr std::array<std::string_view, 8> kTroubles{"nan",    "zero",    "mismatch", "identical",
                                                    "resume", "hostile", "output",   "collapsed"};

}  // namespace

std::string_view trouble_of(std::string_view code) {
  for (const Kind& each : kKinds) {
    if (each.code == code) return each.trouble;
  }
  return {};
}

Attributes content_attributes(const std::vector<tensors::Finding>& findings,
                              const std::vector<std::string_view>& only) {
  Attributes out;
  for (const std::string_view trouble : kTroubles) {
    if (!only.empty() && std::find(only.begin(), only.end(), trouble) == only.end()) continue;
    Severity worst = Severity::info;
    std::string detail;
    for (const Severity severity : {Severity::critical, Severity::warning}) {
      for (const tensors::Finding& each : findings) {
        if (each.severity != severity || trouble_of(each.code) != trouble) continue;
        worst = std::max(worst, severity);
        if (detail.size() < kLongestDetail) detail += (detail.empty() ? "" : "; ") + each.message;
      }
    }
    if (detail.size() > 2 * kLongestDetail) detail = detail.substr(0, 2 * kLongestDetail) + "…";
    out.emplace_back(std::string(trouble), std::string(worst == Severity::info ? "none" : to_string(worst)));
    out.emplace_back(std::string(trouble) + "_detail", std::move(detail));
  }
  return out;
}

}  // namespace redflag::daemon
