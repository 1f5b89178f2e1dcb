#include "daemon/local/tensor_scalar.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "daemon/local/protobuf.h"

namespace redflag::daemon::local {
namespace {

// DataType of TensorFlow.
enum Type : std::uint64_t {
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kInt64 = 9,
  kBool = 10,
  kBfloat16 = 14,
  kUint16 = 17,
  kHalf = 19,
  kUint32 = 22,
  kUint64 = 23,
};

double half_to_double(std::uint16_t bits) {
  const int exponent = (bits >> 10U) & 0x1F;
  const int fraction = bits & 0x3FF;
  double value = 0.0;
  if (exponent == 0x1F) {
    value =
        fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else {
    value = std::ldexp(1024 + fraction, exponent - 25);
  }
  return (bits & 0x8000U) != 0 ? -value : value;
}

double bfloat16_to_double(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

template <typename Number>
std::optional<double> one(std::string_view bytes) {
  if (bytes.size() != sizeof(Number)) return std::nullopt;
  Number number{};
  std::memcpy(&number, bytes.data(), sizeof number);
  return static_cast<double>(number);
}

std::optional<double> of_content(std::uint64_t type, std::string_view bytes) {
  switch (type) {
    case kFloat:
      return one<float>(bytes);
    case kDouble:
      return one<double>(bytes);
    case kInt32:
      return one<std::int32_t>(bytes);
    case kUint8:
    case kBool:
      return one<std::uint8_t>(bytes);
    case kInt16:
      return one<std::int16_t>(bytes);
    case kInt8:
      return one<std::int8_t>(bytes);
    case kInt64:
      return one<std::int64_t>(bytes);
    case kUint16:
      return one<std::uint16_t>(bytes);
    case kUint32:
      return one<std::uint32_t>(bytes);
    case kUint64:
      return one<std::uint64_t>(bytes);
    case kHalf:
    case kBfloat16: {
      const auto bits = one<std::uint16_t>(bytes);
      if (!bits) return std::nullopt;
      const auto word = static_cast<std::uint16_t>(*bits);
      return type == kHalf ? half_to_double(word) : bfloat16_to_double(word);
    }
    default:
      return std::nullopt;
  }
}

/// One varint that fills the whole field, as a packed list of one number.
std::optional<std::uint64_t> lone_varint(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    number |= static_cast<std::uint64_t>(byte & 0x7FU) << (7 * i);
    if ((byte & 0x80U) == 0) return i + 1 == bytes.size() ? std::optional(number) : std::nullopt;
  }
  return std::nullopt;
}

/// float_val and its like, packed or not.
std::optional<double> of_list(const Fields& field, std::uint64_t type) {
  if (field.number() == 5) return field.is_bytes() ? one<float>(field.bytes()) : field.number32();
  if (field.number() == 6) return field.is_bytes() ? one<double>(field.bytes()) : field.number64();
  const auto number = field.is_bytes() ? lone_varint(field.bytes()) : std::optional(field.value());
  if (!number) return std::nullopt;
  switch (field.number()) {
    case 7:
      return static_cast<double>(static_cast<std::int32_t>(*number));
    case 10:
      return static_cast<double>(static_cast<std::int64_t>(*number));
    case 13: {
      const auto word = static_cast<std::uint16_t>(*number);
      return type == kBfloat16 ? bfloat16_to_double(word) : half_to_double(word);
    }
    default:
      return static_cast<double>(*number);  // bool, uint32, uint64
  }
}

/// Of the shape {dim {size}}: product of the sizes, 1 without dimensions; unknown sizes count as 1.
std::uint64_t elements(std::string_view shape) {
  std::uint64_t product = 1;
  for (Fields fields(shape); fields.next();) {
    if (fields.number() != 2) continue;
    for (Fields dim(fields.bytes()); dim.next();)
      if (dim.number() == 1 && dim.int64() >= 0 && product < (std::uint64_t{1} << 32U))
        product *= std::min<std::uint64_t>(dim.value(), std::uint64_t{1} << 31U);
  }
  return product;
}

}  // namespace

std::optional<double> scalar_of_tensor(std::string_view tensor) {
  std::uint64_t type = 0;
  std::optional<double> number;
  std::string_view content;
  int lists = 0;
  // The type stands first as every writer has it, but nothing promises that.
  for (Fields fields(tensor); fields.next();)
    if (fields.number() == 1) type = fields.value();
  for (Fields fields(tensor); fields.next();) {
    switch (fields.number()) {
      case 2:
        if (elements(fields.bytes()) != 1) return std::nullopt;
        break;
      case 4:
        content = fields.bytes();
        break;
      case 5:
      case 6:
      case 7:
      case 10:
      case 11:
      case 13:
      case 16:
      case 17:
        number = of_list(fields, type);
        ++lists;
        break;
      default:
        break;
    }
  }
  if (lists > 1) return std::nullopt;
  return content.empty() ? number : of_content(type, content);
}

std::string_view text_of_tensor(std::string_view tensor) {
  for (Fields fields(tensor); fields.next();)
    if (fields.number() == 8) return fields.bytes();
  return {};
}

}  // namespace redflag::daemon::local
