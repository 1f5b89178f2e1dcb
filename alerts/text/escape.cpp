#include "alerts/text/escape.h"

#include <cstdint>
#include <iterator>

#include <fmt/format.h>

#include "alerts/text/utf8.h"

namespace redflag::alerts {
namespace {

constexpr std::string_view kMark = "\xEF\xBF\xBD";  // U+FFFD

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

unsigned byte_of(char c) {
  return static_cast<unsigned char>(c);
}

}  // namespace

std::string escape_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Decoded next = decode_at(bytes, at);
    if (!next.valid) {
      fmt::format_to(std::back_inserter(out), "{}x{:02X}", kMark, byte_of(bytes[at]));
    } else {
      out += bytes.substr(at, next.bytes);
      if (next.code == kReplacement) out += kMark;
    }
    at += next.bytes;
  }
  return out;
}

std::string unescape_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (!rest.starts_with(kMark)) {
      out += text[at++];
      continue;
    }
    const std::string_view after = rest.substr(kMark.size());
    if (after.size() >= 3 && after[0] == 'x' && hex_digit(after[1]) >= 0 && hex_digit(after[2]) >= 0) {
      out += static_cast<char>(static_cast<unsigned char>(hex_digit(after[1]) * 16 + hex_digit(after[2])));
      at += kMark.size() + 3;
    } else {
      out += kMark;
      at += after.starts_with(kMark) ? 2 * kMark.size() : kMark.size();
    }
  }
  return out;
}

std::string escape_terminal(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Decoded next = decode_at(bytes, at);
    if (!next.valid) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte_of(bytes[at]));
    } else if (next.code == '\n') {
      out += "\\n";
    } else if (next.code == '\t') {
      out += "\\t";
    } else if (next.code == '\r') {
      out += "\\r";
    } else if (next.code == '\\') {
      out += "\\\\";
    } else if (is_control(next.code) || is_bidi_control(next.code) || is_invisible(next.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<std::uint32_t>(next.code));
    } else {
      out += bytes.substr(at, next.bytes);
    }
    at += next.bytes;
  }
  return out;
}

}  // namespace redflag::alerts
