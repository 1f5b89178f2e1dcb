// Names on disk are bytes; what redflag stores and sends is UTF-8 text. This is the border.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace redflag::daemon {

/// Valid UTF-8 stays as it is; other bytes and control characters become \xNN, so that two names never become
/// one.
std::string printable_path(std::string_view path);

/// "205,980".
std::string with_commas(std::uint64_t value);

}  // namespace redflag::daemon
