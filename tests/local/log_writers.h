// Writers of the binary logs that the readers read, each by its format's own description: for tests, fuzzers
// and benchmarks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/local/crc.h"

namespace redflag::daemon::local {

// ---- protobuf ----

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(0x80U | (value & 0x7FU));
  return out += static_cast<char>(value);
}
inline std::string number_field(std::uint32_t field, std::uint64_t value) {
  return varint(std::uint64_t{field} << 3U) + varint(value);
}
inline std::string bytes_field(std::uint32_t field, std::string_view value) {
  return varint((std::uint64_t{field} << 3U) | 2U) + varint(value.size()) + std::string(value);
}
template <typename Number>
std::string little_endian(Number value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}
inline std::string double_field(std::uint32_t field, double value) {
  return varint((std::uint64_t{field} << 3U) | 1U) + little_endian(value);
}
inline std::string float_field(std::uint32_t field, float value) {
  return varint((std::uint64_t{field} << 3U) | 5U) + little_endian(value);
}

// ---- .wandb ----

/// A run file as the SDK's datastore writes it.
class WandbWriter {
 public:
  void record(std::string_view data) {
    bool first = true;
    for (;;) {
      std::size_t left = kBlock - bytes_.size() % kBlock;
      if (left < 7) {
        bytes_.append(left, '\0');
        left = kBlock;
      }
      const std::size_t here = std::min(data.size(), left - 7);
      const bool last = here == data.size();
      const char type = first ? (last ? 1 : 2) : (last ? 4 : 3);
      const std::string payload = type + std::string(data.substr(0, here));
      bytes_ += little_endian(crc32(0, payload));
      bytes_ += little_endian(static_cast<std::uint16_t>(here));
      bytes_ += payload;
      if (last) return;
      data.remove_prefix(here);
      first = false;
    }
  }
  /// A record of one kind, e.g. field 2: history.
  void record(std::uint32_t kind, std::string_view message) { record(bytes_field(kind, message)); }

  using Values = std::vector<std::pair<std::string, std::string>>;  // name, value as JSON
  /// The newer SDK writes the name as a path of one or more.
  static std::string item(const std::string& name, const std::string& value_json, bool newer) {
    return bytes_field(1, bytes_field(newer ? 2 : 1, name) + bytes_field(16, value_json));
  }
  void history(const Values& values, bool newer = false) {
    std::string message;
    for (const auto& [name, value] : values) message += item(name, value, newer);
    record(2, message);
  }

  std::string& bytes() { return bytes_; }

 private:
  static constexpr std::size_t kBlock = 32768;
  std::string bytes_{"\x3A\x57\x26\x42\xE1\xBE\x00", 7};
};

// ---- TensorBoard ----

inline std::string tf_record(std::string_view data) {
  const std::string length = little_endian(static_cast<std::uint64_t>(data.size()));
  return length + little_endian(masked_crc32c(length)) + std::string(data) +
         little_endian(masked_crc32c(data));
}
inline std::string tf_event(double time, std::int64_t step, std::string_view values) {
  return tf_record(double_field(1, time) + number_field(2, static_cast<std::uint64_t>(step)) +
                   bytes_field(5, values));
}
inline std::string tf_value(std::string_view tag, float value) {
  return bytes_field(1, bytes_field(1, tag) + float_field(2, value));
}
inline std::string tf_begin(double time = 1.79e9) {
  return tf_record(double_field(1, time) + bytes_field(3, "brain.Event:2"));
}

}  // namespace redflag::daemon::local
