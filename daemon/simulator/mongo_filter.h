// The Mongo-style filters that W&B's `runs(filters:)` takes, as a JSON string, and its `order`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "rules/values/error.h"

namespace redflag::daemon {

/// The value of a run's field ("state", "config.lr.value", …) into `out`; false when the run has none.
using FieldLookup = std::function<bool(std::string_view field, nlohmann::json& out)>;

class MongoFilter {
 public:
  /// Knows $and $or $nor $not $in $nin $regex $gt $gte $lt $lte $eq $ne $exists, and plain values as
  /// equality. An empty text or
  /// "{}" matches everything. Errors: malformed (also for an unknown operator, more than 1,000 conditions, or
  /// a bad pattern).
  static Result<MongoFilter> parse(const std::string& text);

  /// A list field (tags) matches when one of its items does. Texts that are both dates compare as times. A
  /// pattern that takes too long on a value does not match.
  bool matches(const FieldLookup& lookup) const;

 private:
  struct Condition;
  explicit MongoFilter(std::shared_ptr<const Condition> root) : root_(std::move(root)) {}
  std::shared_ptr<const Condition> root_;
};

/// Negative, zero or positive; nullopt when the two cannot be compared (a number and a text).
std::optional<int> compare_values(const nlohmann::json& left, const nlohmann::json& right);

}  // namespace redflag::daemon
