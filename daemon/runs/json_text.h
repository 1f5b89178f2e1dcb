// Text as a JSON string literal, for records that are put together without a tree.
#pragma once

#include <string>
#include <string_view>

namespace redflag::daemon {

/// With its quotes. What is no valid UTF-8 is replaced, as everywhere that JSON is written.
std::string json_text(std::string_view text);

}  // namespace redflag::daemon
