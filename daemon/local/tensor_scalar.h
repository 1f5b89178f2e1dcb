// The number in a TensorProto of one element, as summary writers use it for scalars.
// https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor.proto
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace redflag::daemon::local {

/// nullopt: more or fewer than one element, or a type that is no number.
std::optional<double> scalar_of_tensor(std::string_view tensor);

/// The first text of a tensor of texts; empty when there is none. A view into `tensor`.
std::string_view text_of_tensor(std::string_view tensor);

}  // namespace redflag::daemon::local
