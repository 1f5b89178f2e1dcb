// Words for what is wrong with a file. Internal to daemon/tensors.
#pragma once

#include <string>
#include <string_view>

#include "daemon/tensors/tensor_file.h"

namespace redflag::tensors {

using Failed = tl::unexpected<ReadFailure>;

inline Failed damaged(std::string reason) {
  return Failed(ReadFailure{Verdict::damaged, "damaged: " + std::move(reason)});
}
inline Failed truncated(std::string reason) {
  return Failed(ReadFailure{Verdict::damaged, "truncated: " + std::move(reason)});
}
inline Failed refused(std::string reason) {
  return Failed(ReadFailure{Verdict::refused, "refused: " + std::move(reason)});
}

/// Names from files, for messages: printable and at most 80 characters.
std::string shown(std::string_view name);
/// "205,980".
std::string commas(std::uint64_t value);

/// Little-endian bytes as a number; the caller has made sure that they are there.
inline std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace redflag::tensors
