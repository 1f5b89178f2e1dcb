// Lossless escaping of file names, and figures with thousands separators.
#include "daemon/results/printable.h"

#include <fmt/format.h>

namespace redflag::daemon {
namespace {

/// Length of the valid UTF-8 sequence at the start of `text`, 0 when there is none (overlong forms and
/// surrogates are not).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

}  // namespace

std::string printable_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  while (!path.empty()) {
    const std::size_t length = utf8_length(path);
    const auto first = static_cast<unsigned char>(path.front());
    if (length == 0 || first < 0x20 || first == 0x7f) {
      out += fmt::format("\\x{:02x}", first);
      path.remove_prefix(1);
    } else if (first == '\\' && path.size() > 1 && path[1] == 'x') {
      out += "\\x5c";  // a real backslash before an x, or the escape would be ambiguous
      path.remove_prefix(1);
    } else {
      out.append(path.substr(0, length));
      path.remove_prefix(length);
    }
  }
  return out;
}

std::string with_commas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

}  // namespace redflag::daemon
