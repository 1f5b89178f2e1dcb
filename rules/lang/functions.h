// The functions of the language, as a table: the checker, the error texts and the documentation read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redflag {

enum class FunctionId : std::uint8_t {
  last,
  prev,
  count,
  min,
  max,
  mean,
  slope,
  absent,
  nonfinite,
  count_nonfinite,
  age,
  final,
  abs,
  coalesce,
  fraction,
};

/// What a function does with its arguments.
enum class FunctionShape : std::uint8_t {
  series,           ///< one metric, no window
  aggregate,        ///< one metric, with a window or over the whole attempt
  presence,         ///< `absent`, `nonfinite`: one name, with or without a window; without: of its last value
  optional_series,  ///< `age`: one metric, or nothing for "anything at all"
  values,           ///< any numbers
};

struct FunctionInfo {
  FunctionId id;
  std::string_view name;
  FunctionShape shape;
  std::size_t most_arguments;
  bool boolean;            ///< gives true or false, not a number
  std::string_view usage;  ///< "mean(train_loss[50 points])"
  std::string_view what;   ///< one line for people
};

const std::vector<FunctionInfo>& functions();
const FunctionInfo* find_function(std::string_view name);
std::vector<std::string> function_names();

}  // namespace redflag
