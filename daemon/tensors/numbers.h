// Single elements as numbers. The slow and plain way, which the vectorised kernels are held against.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/tensors/dtype.h"

namespace redflag::tensors {

/// IEEE half precision, bfloat16, and the 8-bit floats of OCP (e4m3fn, e5m2, e8m0) and Graphcore/AMD (fnuz).
float float_from_half(std::uint16_t bits);
float float_from_bfloat16(std::uint16_t bits);
float float_from_8bit(DType type, std::uint8_t bits);

/// The number in `bytes` (little-endian, one element); the real part of a complex one; nullopt of opaque
/// types.
std::optional<double> decode_number(DType type, std::string_view bytes);

}  // namespace redflag::tensors
