// "Did you mean": the nearest of the names that would have been right.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon::settings {

/// Insertions, deletions, replacements and swaps of neighbours between the two. Texts beyond 64 bytes are
/// never near: 65.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name nearest to `wrong`, ignoring case and taking "-" for "_"; empty when none is near enough to be
/// meant.
std::string_view nearest(std::string_view wrong, const std::vector<std::string_view>& names);

/// "a, b or c".
std::string one_of(const std::vector<std::string_view>& names);

}  // namespace redflag::daemon::settings
