// Text for people.
#include "daemon/checks/words.h"

#include <fmt/format.h>

#include "daemon/results/printable.h"

namespace redflag::checks {

std::string shown(std::string_view name) {
  constexpr std::size_t kMost = 80;
  std::string out = daemon::printable_path(name.substr(0, 2 * kMost));
  if (out.size() <= kMost) return out;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0U) == 0x80U) --end;
  return out.substr(0, end) + "...";
}

std::string some_of(const std::vector<std::string>& names) {
  std::string out;
  const std::size_t named = names.size() > 5 ? 4 : names.size();
  for (std::size_t i = 0; i < named; ++i) {
    const bool last = i + 1 == names.size() && i > 0;
    out += (i == 0 ? "" : last ? " and " : ", ") + shown(names[i]);
  }
  if (named < names.size()) out += fmt::format(" and {} more", daemon::with_commas(names.size() - named));
  return out;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", daemon::with_commas(count), noun, count == 1 ? "" : "s");
}

std::string_view is_or_are(std::size_t count) {
  return count == 1 ? "is" : "are";
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  if (shape.empty()) return "a single number";
  std::string out;
  for (std::size_t i = 0; i < shape.size() && i < 8; ++i) {
    out += i == 0 ? "" : " x ";
    out += shape[i] < 0 ? "*" : std::to_string(shape[i]);
  }
  return shape.size() > 8 ? out + " x ..." : out;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0: all of it
}

}  // namespace redflag::checks
