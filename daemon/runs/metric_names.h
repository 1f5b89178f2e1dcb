// What a metric is called. Training code logs the same thing under many names ("train/loss", "loss",
// "train_loss_step") and in several units; rules are written against one canonical name and unit. The
// original name is kept as evidence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace redflag::daemon {

/// One line of the table: `name` means `canonical` once multiplied by `scale` (bytes to MB: 1/1048576,
/// percent: 0.01).
struct MetricAlias {
  std::string canonical;
  std::string name;  ///< exact, or with `*` for any characters; `.` and `/` are the same
  double scale = 1.0;
};

/// How one logged name is to be read.
struct MetricMeaning {
  std::string canonical;  ///< the logged name itself when nobody knows it
  double scale = 1.0;
  std::uint32_t rank = 0;     ///< of several names of one canonical metric in one row, the lowest rank wins
  bool ignored = false;       ///< internal ("_runtime") or a step counter: not a metric
  bool score = false;         ///< a share of 1: a value above 1 was logged in percent
  bool take_largest = false;  ///< among equals in one row the largest counts (several GPUs)
};

/// The built-in table, in order of preference: this project's own names, HF Trainer, Lightning, common memory
/// and gradient names.
const std::vector<MetricAlias>& default_metric_aliases();

/// Not thread-safe (it caches). Memory is bounded whatever names are thrown at it.
class MetricNames {
 public:
  /// `own` go before the built-in ones.
  explicit MetricNames(std::vector<MetricAlias> own = {});

  /// O(1) for a name met before. The reference holds until the next call.
  const MetricMeaning& lookup(std::string_view logged) const;

 private:
  MetricMeaning resolve(const std::string& logged) const;

  std::vector<MetricAlias> patterns_;  // those with `*`, in order
  std::vector<std::uint32_t> pattern_ranks_;
  std::unordered_map<std::string, std::pair<MetricAlias, std::uint32_t>> exact_;
  mutable std::unordered_map<std::string, MetricMeaning> cache_;
};

}  // namespace redflag::daemon
