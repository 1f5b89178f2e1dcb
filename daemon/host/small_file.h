// Files of /proc and /sys: small, made at the moment of reading, sometimes another user's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redflag::daemon {

/// At most `most` bytes of it; nullopt when it cannot be opened or read. `error`, when given, gets errno.
std::optional<std::string> read_small_file(const std::string& path, std::size_t most = 64 << 10,
                                           int* error = nullptr);

/// A number without sign at the beginning of `text`, after spaces; nullopt when there is none or it does not
/// fit.
std::optional<std::uint64_t> leading_number(std::string_view text);

/// The number of the line "NAME: 123 kB" or "NAME 123"; `name` with its colon, if it has one.
std::optional<std::uint64_t> number_in_line(std::string_view text, std::string_view name);

}  // namespace redflag::daemon
