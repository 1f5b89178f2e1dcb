// `redflag-forward logits`: does the model in a directory compute, and always the same?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/forward/arguments.h"
#include "daemon/forward/json_text.h"
#include "daemon/forward/outcome.h"

namespace redflag::forward {

/// The largest difference that two runs of the same weights may have.
constexpr double kTolerance = 1e-5;

/// What the model gave with the weights of one format.
struct FormatLogits {
  std::string format;  ///< "safetensors" or "bin"
  std::string stored;  ///< type of the weights: "bfloat16"; "mixed"
  std::vector<std::int64_t> shape;
  std::vector<float> values;  ///< row by row
  std::uint64_t nan = 0;
  std::uint64_t infinite = 0;
  std::int64_t first_bad_layer = -1;  ///< 0 = the embeddings, 1 = the first layer, …
  std::optional<double> reload_difference;

  bool finite() const { return nan == 0 && infinite == 0; }
  /// Up to 256 of the values, evenly spaced.
  std::vector<float> sample() const;
};

struct LogitsReport {
  Status status = Status::not_checked;
  std::string reason;
  std::string architecture;
  std::vector<std::int64_t> ids;
  std::vector<FormatLogits> formats;
  std::optional<double> between_formats;
  std::vector<tensors::Finding> findings;
};

LogitsReport check_logits(const Arguments& arguments);
Json to_json(const LogitsReport& report);

/// Largest absolute difference; two NaN, or two infinities of one sign, are equal; infinite where only one is
/// not finite or the lengths differ.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b);

/// Compares with the JSON of an earlier run of the same command; what has changed becomes findings.
void compare_with_earlier(const std::string& path, LogitsReport& report);

}  // namespace redflag::forward
