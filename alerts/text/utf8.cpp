#include "alerts/text/utf8.h"

namespace redflag::alerts {
namespace {

constexpr char32_t kZeroWidthJoiner = 0x200D;
constexpr int kMaxClusterCodePoints = 16;

bool in(char32_t code, char32_t first, char32_t last) {
  return code >= first && code <= last;
}

/// Does the code point belong to the one before it?
bool extends(char32_t code) {
  return in(code, 0x0300, 0x036F) || in(code, 0x0483, 0x0489) || in(code, 0x0591, 0x05BD) ||
         in(code, 0x064B, 0x065F) || in(code, 0x093A, 0x094F) || in(code, 0x0E31, 0x0E3A) ||
         in(code, 0x1160, 0x11FF) || in(code, 0x1AB0, 0x1AFF) || in(code, 0x1DC0, 0x1DFF) ||
         in(code, 0x200C, 0x200D) || in(code, 0x20D0, 0x20FF) || in(code, 0xFE00, 0xFE0F) ||
         in(code, 0xFE20, 0xFE2F) || in(code, 0x1F3FB, 0x1F3FF) || in(code, 0xE0020, 0xE007F) ||
         in(code, 0xE0100, 0xE01EF);
}

bool is_flag_half(char32_t code) {
  return in(code, 0x1F1E6, 0x1F1FF);
}

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace

Decoded decode_at(std::string_view text, std::size_t at) {
  const unsigned first = byte_at(text, at);
  if (first < 0x80) return {first, 1, true};
  std::size_t length = 0;
  char32_t code = 0;
  char32_t smallest = 0;
  if ((first & 0xE0U) == 0xC0) {
    length = 2, code = first & 0x1FU, smallest = 0x80;
  } else if ((first & 0xF0U) == 0xE0) {
    length = 3, code = first & 0x0FU, smallest = 0x800;
  } else if ((first & 0xF8U) == 0xF0) {
    length = 4, code = first & 0x07U, smallest = 0x10000;
  } else {
    return {};
  }
  if (text.size() - at < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned next = byte_at(text, at + i);
    if ((next & 0xC0U) != 0x80) return {};
    code = (code << 6U) | (next & 0x3FU);
  }
  if (code < smallest || code > 0x10FFFF || in(code, 0xD800, 0xDFFF)) return {};
  return {code, length, true};
}

std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decode_at(text, at);
    units += next.code >= 0x10000 ? 2 : 1;
    at += next.bytes;
  }
  return units;
}

std::size_t cluster_bytes(std::string_view text, std::size_t at) {
  const Decoded first = decode_at(text, at);
  std::size_t end = at + first.bytes;
  if (!first.valid || is_control(first.code)) return first.bytes;
  char32_t previous = first.code;
  bool flag_open = is_flag_half(first.code);
  for (int count = 1; end < text.size() && count < kMaxClusterCodePoints; ++count) {
    const Decoded next = decode_at(text, end);
    const bool closes_flag = flag_open && is_flag_half(next.code);
    const bool joined =
        previous == kZeroWidthJoiner && next.code >= 0x2190;  // pictographs: a family, a profession
    if (!next.valid || !(extends(next.code) || closes_flag || joined)) break;
    flag_open = false;
    previous = next.code;
    end += next.bytes;
  }
  return end - at;
}

std::string cut(std::string_view text, std::size_t max_units) {
  if (text.size() <= max_units || utf16_units(text) <= max_units) return std::string(text);
  if (max_units == 0) return {};
  std::size_t units = 1;  // the ellipsis
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t bytes = cluster_bytes(text, at);
    const std::size_t more = utf16_units(text.substr(at, bytes));
    if (units + more > max_units) break;
    units += more;
    at += bytes;
  }
  return std::string(text.substr(0, at)) + "…";
}

bool is_control(char32_t code) {
  return code < 0x20 || in(code, 0x7F, 0x9F) || code == 0x2028 || code == 0x2029;
}

bool is_bidi_control(char32_t code) {
  return code == 0x061C || in(code, 0x200E, 0x200F) || in(code, 0x202A, 0x202E) || in(code, 0x2066, 0x2069);
}

bool is_invisible(char32_t code) {
  return code == 0x00AD || code == 0x034F || code == 0x115F || code == 0x1160 || code == 0x180E ||
         code == 0x200B || in(code, 0x2060, 0x2065) || in(code, 0x206A, 0x206F) || code == 0x3164 ||
         code == 0xFEFF || code == 0xFFA0 || in(code, 0xFFF9, 0xFFFB) || in(code, 0xE0000, 0xE007F) ||
         (code & 0xFFFEU) == 0xFFFE || in(code, 0xFDD0, 0xFDEF);
}

}  // namespace redflag::alerts
