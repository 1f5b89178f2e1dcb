// The protobuf wire format, read field by field: all that is needed for W&B's and TensorBoard's messages,
// without generated code. https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace redflag::daemon::local {

/// Walks the fields of one message. Views into the bytes given; nothing is copied, nothing recursive.
class Fields {
 public:
  explicit Fields(std::string_view message) : p_(message.data()), end_(p_ + message.size()) {}

  /// Goes to the next field; false at the end and when the rest cannot be read (then `broken`).
  bool next() {
    if (p_ == end_) return false;
    std::uint64_t tag = 0;
    if (!varint(tag) || tag >> 3U == 0 || tag >> 3U > 0x1FFFFFFFU) return fail();
    number_ = static_cast<std::uint32_t>(tag >> 3U);
    wire_ = static_cast<std::uint8_t>(tag & 7U);
    bytes_ = {};
    switch (wire_) {
      case 0:
        return varint(value_) || fail();
      case 1:
        return fixed(8) || fail();
      case 2: {
        std::uint64_t length = 0;
        if (!varint(length) || length > static_cast<std::uint64_t>(end_ - p_)) return fail();
        bytes_ = {p_, static_cast<std::size_t>(length)};
        p_ += length;
        return true;
      }
      case 5:
        return fixed(4) || fail();
      default:
        return fail();  // groups are of no message read here
    }
  }

  bool broken() const { return broken_; }
  std::uint32_t number() const { return number_; }
  std::uint8_t wire() const { return wire_; }
  bool is_bytes() const { return wire_ == 2; }

  std::string_view bytes() const { return bytes_; }  ///< empty unless is_bytes()
  /// A varint or fixed number as it stands; 0 for bytes.
  std::uint64_t value() const { return wire_ == 2 ? 0 : value_; }
  std::int64_t int64() const { return static_cast<std::int64_t>(value()); }
  double number64() const { return as<double, std::uint64_t>(wire_ == 1); }
  float number32() const { return as<float, std::uint32_t>(wire_ == 5); }

 private:
  template <typename Float, typename Bits>
  Float as(bool right) const {
    Float number = 0;
    const Bits bits = right ? static_cast<Bits>(value_) : Bits{0};
    std::memcpy(&number, &bits, sizeof number);
    return number;
  }

  bool varint(std::uint64_t& out) {
    out = 0;
    for (unsigned shift = 0; shift < 70 && p_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*p_++);
      if (shift == 63 && byte > 1) return false;
      out |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return true;
    }
    return false;
  }

  bool fixed(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - p_) < bytes) return false;
    value_ = 0;
    std::memcpy(&value_, p_, bytes);  // little-endian, as every machine this is built for
    p_ += bytes;
    return true;
  }

  bool fail() {
    broken_ = true;
    p_ = end_;
    return false;
  }

  const char* p_;
  const char* end_;
  std::uint32_t number_ = 0;
  std::uint8_t wire_ = 0;
  bool broken_ = false;
  std::uint64_t value_ = 0;
  std::string_view bytes_;
};

}  // namespace redflag::daemon::local
