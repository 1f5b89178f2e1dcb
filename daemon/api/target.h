// The part of a request that says what is asked about: path and query, taken apart and decoded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/values/error.h"

namespace redflag::daemon::api {

struct Target {
  std::vector<std::string> path;  ///< "/v1/alerts/9f3c" → v1, alerts, 9f3c; percent-decoded
  std::vector<std::pair<std::string, std::string>> query;  ///< in order; percent-decoded

  /// "/v1/alerts/9f3c", not decoded any more, for messages.
  std::string path_text() const;
};

/// Takes a request target apart. "+" in a query is a space. Errors (invalid_input): no path at its beginning,
/// a broken percent escape, more than 256 parts.
Result<Target> parse_target(std::string_view target);

/// Reads the queries that a route knows; what it does not know, or has twice, is an error.
class Query {
 public:
  /// `known` names all that the route takes; those in `repeated` may come several times.
  static Result<Query> of(const Target& target, std::vector<std::string_view> known,
                          std::vector<std::string_view> repeated = {});

  std::optional<std::string> text(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  /// Absent: false; "", "1" and "true": true; "0" and "false": false.
  Result<bool> flag(std::string_view name) const;
  /// A whole number from 1 to `most`; `fallback` when absent.
  Result<std::size_t> count(std::string_view name, std::size_t fallback, std::size_t most) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace redflag::daemon::api
