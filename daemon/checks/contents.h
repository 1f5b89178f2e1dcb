// NaN, infinities and zeros over many tensors: one finding for each kind of trouble, however many tensors
// have it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/checks/directory_report.h"

namespace redflag::checks {

/// A tensor and what people call it: "layer_3" for the only tensor of layer_3.pt.
struct NamedTensor {
  std::string name;
  const TensorReport* tensor = nullptr;
};

bool is_floating(const TensorReport& tensor);
/// Looked at, at least two elements, and all of them zero (or, `is_constant`, one other finite number).
bool is_all_zero(const TensorReport& tensor);
bool is_constant(const TensorReport& tensor);
/// Known to have no element.
bool is_empty(const TensorReport& tensor);
/// "float32 100 x 512".
std::string type_text(const TensorReport& tensor);

/// Finding `code` (critical) when any of them holds NaN or infinities: "3 of 24 layers hold NaN: layer_3 (12
/// NaN of 51,200 numbers), …". `noun` is what one is called: "layer", "tensor".
void find_nonfinite(const std::vector<NamedTensor>& tensors, std::string_view noun, std::string_view code,
                    std::vector<Finding>& out);

}  // namespace redflag::checks
