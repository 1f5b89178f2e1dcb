#include "daemon/local/log_prefix.h"

#include <cstring>

namespace redflag::daemon::local {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Length of "2026-11-23T02:11:11.123Z" or "2026-11-23 02:11:11,123" at the start; 0: there is none.
std::size_t timestamp_length(std::string_view text, bool& has_zone) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kShape.size()) return 0;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const char c = text[i];
    const bool good = kShape[i] == 'd'   ? is_digit(c)
                      : kShape[i] == 'T' ? (c == 'T' || c == ' ')
                                         : c == kShape[i];
    if (!good) return 0;
  }
  std::size_t at = kShape.size();
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
    ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
  }
  has_zone = false;
  if (at < text.size() && text[at] == 'Z') {
    has_zone = true;
    return at + 1;
  }
  if (at + 6 <= text.size() && (text[at] == '+' || text[at] == '-') && is_digit(text[at + 1]) &&
      is_digit(text[at + 2]) && text[at + 3] == ':' && is_digit(text[at + 4])) {
    has_zone = true;
    return at + 6;
  }
  return at;
}

bool cut_timestamp(PrefixedLine& line) {
  std::string_view text = line.text;
  const bool bracket = text.starts_with('[');
  if (bracket) text.remove_prefix(1);
  bool has_zone = false;
  const std::size_t length = timestamp_length(text, has_zone);
  if (length == 0) return false;
  if (has_zone) line.time = parse_rfc3339(text.substr(0, length)).value_or(Time{});
  text.remove_prefix(length);
  if (bracket) {
    const auto close = text.substr(0, 40).find(']');
    if (close == std::string_view::npos) return false;
    text.remove_prefix(close + 1);
  }
  if (text.starts_with(':')) text.remove_prefix(1);
  if (text.starts_with(' ')) text.remove_prefix(1);
  // containerd: "2026-… stderr F text"
  if (text.starts_with("stderr F ") || text.starts_with("stdout F ")) text.remove_prefix(9);
  line.text = text;
  return true;
}

bool all_digits(std::string_view text) {
  for (const char c : text)
    if (!is_digit(c)) return false;
  return !text.empty();
}

/// "[rank3]:", "[default0]:", "[1,3]<stderr>:", "(RayTrainWorker pid=77) ", "3: ".
bool cut_rank(PrefixedLine& line) {
  const std::string_view text = line.text;
  std::size_t end = 0;
  if (text.starts_with("[rank") || text.starts_with("[default")) {
    const auto close = text.substr(0, 24).find(']');
    const std::size_t word = text[1] == 'r' ? 5 : 8;
    if (close == std::string_view::npos || close <= word || !all_digits(text.substr(word, close - word)))
      return false;
    line.rank = text.substr(1, close - 1);
    end = close + 1;
    if (end < text.size() && text[end] == ':') ++end;
  } else if (text.starts_with('[') && text.size() > 4 && is_digit(text[1])) {
    const auto close = text.substr(0, 24).find("]<std");
    if (close == std::string_view::npos) return false;
    const auto colon = text.substr(0, 40).find(">:");
    if (colon == std::string_view::npos) return false;
    line.rank = text.substr(1, close - 1);
    end = colon + 2;
  } else if (text.starts_with('(')) {
    const auto close = text.substr(0, 120).find(')');
    if (close == std::string_view::npos || text.substr(0, close).find("pid=") == std::string_view::npos)
      return false;
    line.rank = text.substr(1, close - 1);
    end = close + 1;
  } else {
    std::size_t digits = 0;
    while (digits < text.size() && digits < 4 && is_digit(text[digits])) ++digits;
    if (digits == 0 || text.substr(digits, 2) != ": ") return false;
    line.rank = text.substr(0, digits);
    end = digits + 1;
  }
  line.text.remove_prefix(end);
  if (line.text.starts_with(' ')) line.text.remove_prefix(1);
  return true;
}

}  // namespace

PrefixedLine split_prefix(std::string_view line) {
  PrefixedLine split{{}, line, Time{}};
  if (line.empty()) return split;
  const char first = line.front();
  if (first != '[' && first != '(' && !is_digit(first)) return split;
  if (cut_timestamp(split)) {
    cut_rank(split);
  } else if (cut_rank(split)) {
    cut_timestamp(split);
  }
  return split;
}

std::string_view without_ansi(std::string_view line, std::string& scratch) {
  if (line.empty() || std::memchr(line.data(), '\x1b', line.size()) == nullptr) return line;
  scratch.clear();
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] != '\x1b') {
      scratch += line[i++];
      continue;
    }
    ++i;
    if (i >= line.size()) break;
    const char kind = line[i++];
    if (kind == '[') {  // CSI: parameters, then one letter
      while (i < line.size() && (static_cast<unsigned char>(line[i]) < 0x40 || line[i] == '[')) ++i;
      if (i < line.size()) ++i;
    } else if (kind == ']') {  // OSC: to BEL or ESC backslash
      while (i < line.size() && line[i] != '\a' && line[i] != '\x1b') ++i;
      if (i < line.size()) i += line[i] == '\a' ? 1 : 2;
    } else if (kind == '(' || kind == ')') {
      ++i;
    }
  }
  return scratch;
}

}  // namespace redflag::daemon::local
