// The values of a report for look-ups by name and by prefix. JSON arrives flattened: "hidden_size",
// "layer_names.0", "layer_names.length", "weight_map.lm_head.weight"; null is the text "null".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/tensors/report.h"

namespace redflag::checks {

class Values {
 public:
  using Entry = std::pair<std::string_view, const tensors::Value*>;

  Values() = default;
  /// `report` must outlive it.
  explicit Values(const tensors::FileReport& report);

  const tensors::Value* find(std::string_view name) const;
  /// Under that name or below it.
  bool has(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;
  /// A whole number in 0 … 10^9: a dimension or a count.
  std::optional<std::int64_t> whole(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  /// nullopt when it is no text, or null.
  std::optional<std::string> text(std::string_view name) const;
  /// The items NAME.0, NAME.1, … that are texts; empty when one is not.
  std::vector<std::string> texts(std::string_view name) const;
  /// All that begins with NAME and a dot, under what follows the dot.
  std::vector<Entry> below(std::string_view name) const;

 private:
  std::vector<Entry> sorted_;
};

}  // namespace redflag::checks
