// Why the disk does not take what is written: what decides whether the reserve can help and what people are
// told.
#pragma once

#include <cstdint>
#include <string_view>

namespace redflag::daemon {

enum class StoreTrouble : std::uint8_t {
  none,
  full,     ///< no space, or no quota, is left
  io,       ///< the disk answers with errors
  damaged,  ///< what is in the file is not what was written
  other,    ///< read-only, locked by another program, out of memory, …
};

/// For people: "redflag's disk is full". Empty for none.
std::string_view to_words(StoreTrouble trouble);

}  // namespace redflag::daemon
