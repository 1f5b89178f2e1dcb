// The plain values of a JSON file of any size, read as a stream: config.json, trainer_state.json,
// metadata.json, *.index.json.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/tensors/tensor_file.h"

namespace redflag::tensors {

struct JsonValues {
  /// Nested keys joined by '.', arrays by index, and NAME.length for each array; null is the text "null". NaN
  /// and infinities as Python writes them are numbers. At most 50,000 values; of an array that repeats
  /// objects (log_history) only the length.
  std::vector<std::pair<std::string, Value>> values;
  bool complete = true;  ///< false: there were more
};

/// Anything but one JSON object or list is `damaged`: "ends in the middle of its JSON", "is not valid JSON at
/// byte 12".
tl::expected<JsonValues, ReadFailure> read_json_values(const ByteSource& source);

}  // namespace redflag::tensors
