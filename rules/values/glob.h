// Shell-like patterns, as rules match runs and configurations name them.
#pragma once

#include <string_view>

namespace redflag {

/// Does all of `text` match? `*` is any run of characters, `?` any one. At worst quadratic, never
/// exponential.
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace redflag
