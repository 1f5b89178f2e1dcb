#include "daemon/tensors/numbers.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace redflag::tensors {
namespace {

template <typename T>
double as(std::string_view bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return static_cast<double>(value);
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Sign, `exponent_bits` and the rest mantissa; subnormals, no special values.
float plain_float(unsigned bits, int exponent_bits, int mantissa_bits, int bias) {
  const unsigned mantissa = bits & ((1U << mantissa_bits) - 1U);
  const unsigned exponent = bits >> mantissa_bits & ((1U << exponent_bits) - 1U);
  const float sign = (bits >> (exponent_bits + mantissa_bits) & 1U) != 0 ? -1.0F : 1.0F;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits);
  return sign * std::ldexp(static_cast<float>(mantissa | 1U << mantissa_bits),
                           static_cast<int>(exponent) - bias - mantissa_bits);
}

}  // namespace

float float_from_half(std::uint16_t bits) {
  if ((bits & 0x7c00U) != 0x7c00U) return plain_float(bits, 5, 10, 15);
  if ((bits & 0x3ffU) != 0) return kNan;
  return (bits & 0x8000U) != 0 ? -kInfinity : kInfinity;
}

float float_from_bfloat16(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

float float_from_8bit(DType type, std::uint8_t bits) {
  switch (type) {
    case DType::float8_e4m3:
      return (bits & 0x7fU) == 0x7fU ? kNan : plain_float(bits, 4, 3, 7);
    case DType::float8_e5m2:
      if ((bits & 0x7cU) != 0x7cU) return plain_float(bits, 5, 2, 15);
      if ((bits & 3U) != 0) return kNan;
      return (bits & 0x80U) != 0 ? -kInfinity : kInfinity;
    case DType::float8_e4m3fnuz:
      return bits == 0x80U ? kNan : plain_float(bits, 4, 3, 8);
    case DType::float8_e5m2fnuz:
      return bits == 0x80U ? kNan : plain_float(bits, 5, 2, 16);
    default:
      return bits == 0xffU ? kNan : std::ldexp(1.0F, static_cast<int>(bits) - 127);  // e8m0
  }
}

std::optional<double> decode_number(DType type, std::string_view bytes) {
  if (bytes.size() < size_of(type)) return std::nullopt;
  switch (type) {
    case DType::float64:
    case DType::complex128:
      return as<double>(bytes);
    case DType::float32:
    case DType::complex64:
      return as<float>(bytes);
    case DType::float16:
    case DType::complex32:
      return float_from_half(static_cast<std::uint16_t>(as<std::uint16_t>(bytes)));
    case DType::bfloat16:
      return float_from_bfloat16(static_cast<std::uint16_t>(as<std::uint16_t>(bytes)));
    case DType::float8_e4m3:
    case DType::float8_e5m2:
    case DType::float8_e4m3fnuz:
    case DType::float8_e5m2fnuz:
    case DType::float8_e8m0:
      return float_from_8bit(type, static_cast<std::uint8_t>(bytes[0]));
    case DType::int8:
      return as<std::int8_t>(bytes);
    case DType::uint8:
    case DType::boolean:
      return as<std::uint8_t>(bytes);
    case DType::int16:
      return as<std::int16_t>(bytes);
    case DType::uint16:
      return as<std::uint16_t>(bytes);
    case DType::int32:
      return as<std::int32_t>(bytes);
    case DType::uint32:
      return as<std::uint32_t>(bytes);
    case DType::int64:
      return as<std::int64_t>(bytes);
    case DType::uint64:
      return as<std::uint64_t>(bytes);
    case DType::opaque8:
    case DType::opaque32:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace redflag::tensors
