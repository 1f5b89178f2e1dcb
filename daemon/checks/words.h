// Names, counts and shapes as a message shows them: short, and valid UTF-8 whatever the file held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redflag::checks {

/// The name with other bytes than UTF-8 escaped, cut at 80 bytes.
std::string shown(std::string_view name);
/// "layer_3, layer_4 and 5 more"; the names as they were in the file.
std::string some_of(const std::vector<std::string>& names);
/// "1 layer", "1,200 layers".
std::string counted(std::size_t count, std::string_view noun);
/// "is" or "are".
std::string_view is_or_are(std::size_t count);
/// "100 x 512"; "*" for a dimension below 0, "a single number" without dimensions.
std::string shape_text(const std::vector<std::int64_t>& shape);
/// What follows the last "/".
std::string_view base_name(std::string_view path);

}  // namespace redflag::checks
