#include "daemon/runs/row_json.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "daemon/runs/byte_scan.h"
#include "daemon/runs/json_number.h"
#include "rules/values/utf8.h"

namespace redflag::daemon {
namespace {

constexpr int kMaxDepth = 200;
constexpr int kMaxNamedDepth = 8;  // as append_json: what lies deeper is no metric

constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool hex4(std::string_view text, std::size_t at, std::uint32_t& code) {
  if (at + 4 > text.size()) return false;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, code, 16);
  return error == std::errc{} && end == text.data() + at + 4;
}

/// Where a string's plain text ends: at its quote, an escape, or what may not stand in it.
constexpr std::array<bool, 256> kEndsText = [] {
  std::array<bool, 256> ends{};
  for (std::size_t c = 0; c < 0x20; ++c) ends[c] = true;
  ends[static_cast<unsigned char>('"')] = ends[static_cast<unsigned char>('\\')] = true;
  return ends;
}();

}  // namespace

/// An exact short cut (Clinger's): up to 2^53 in the digits and a power of ten that a double holds exactly.
/// Everything else goes to from_chars.
const char* read_json_number(const char* p, const char* end, double& value) {
  const char* const begin = p;
  const bool negative = p < end && *p == '-';
  if (negative) ++p;
  if (p >= end || !is_digit(*p)) return nullptr;
  std::uint64_t digits = 0;
  int count = 0;
  if (*p == '0') {
    ++p;
    if (p < end && is_digit(*p)) return nullptr;
  } else {
    for (; p < end && is_digit(*p); ++p, ++count) digits = digits * 10 + static_cast<unsigned>(*p - '0');
  }
  int exponent = 0;
  if (p < end && *p == '.') {
    ++p;
    if (p >= end || !is_digit(*p)) return nullptr;
    const char* const fraction = p;
    for (; p < end && is_digit(*p); ++p) {
      digits = digits * 10 + static_cast<unsigned>(*p - '0');
      if (digits != 0) ++count;
    }
    exponent = -static_cast<int>(std::min<std::ptrdiff_t>(p - fraction, 100000));
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p >= end || !is_digit(*p)) return nullptr;
    int written = 0;
    for (; p < end && is_digit(*p); ++p) written = std::min(written * 10 + (*p - '0'), 100000);
    exponent += minus ? -written : written;
  }
  if (count <= 19 && digits <= (std::uint64_t{1} << 53U) && exponent >= -22 && exponent <= 22) {
    const auto whole = static_cast<double>(digits);
    value = exponent < 0 ? whole / kPowers[-exponent] : whole * kPowers[exponent];
    if (negative) value = -value;
    return p;
  }
  const auto [stop, error] = std::from_chars(begin, p, value);
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(begin, p).c_str(), nullptr);
  return p;
}

bool RowJson::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return true;
    ++at_;
  }
  return false;
}

/// Over one object or array by its brackets alone.
bool RowJson::skip_nested() {
  const char* p = text_.data() + at_;
  const char* const end = text_.data() + text_.size();
  for (std::size_t depth = 0; (p = first_of<'"', '{', '[', '}', ']'>(p, end)) < end; ++p) {
    const char c = *p;
    if (c == '"') {
      for (p = first_of<'"', '\\'>(p + 1, end); p < end && *p == '\\';)
        p = first_of<'"', '\\'>(std::min(p + 2, end), end);
      if (p == end) break;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (--depth == 0) {
      at_ = static_cast<std::size_t>(p - text_.data()) + 1;
      return true;
    }
  }
  at_ = text_.size();
  return false;
}

bool RowJson::expect(char c) {
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool RowJson::string(std::string_view& out, std::string& scratch) {
  if (!expect('"')) return false;
  const char* const begin = text_.data() + at_;
  const char* const end = text_.data() + text_.size();
  const char* p = begin;
  while (p < end && !kEndsText[static_cast<unsigned char>(*p)]) ++p;
  if (p >= end) {
    at_ = text_.size();
    return false;
  }
  if (*p == '"') {
    out = {begin, static_cast<std::size_t>(p - begin)};
    at_ = static_cast<std::size_t>(p - text_.data()) + 1;
    return true;
  }
  scratch.assign(begin, p);
  at_ = static_cast<std::size_t>(p - text_.data());
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '"') {
      out = scratch;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return --at_, false;
    if (c != '\\') {
      scratch += c;
      continue;
    }
    if (at_ >= text_.size()) return false;
    const char escaped = text_[at_++];
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    if (const auto index = kFrom.find(escaped); index != std::string_view::npos) {
      scratch += kTo[index];
      continue;
    }
    std::uint32_t code = 0;
    if (escaped != 'u' || !hex4(text_, at_, code)) {
      if (escaped == 'u' && text_.size() - at_ < 4) at_ = text_.size();
      return false;
    }
    at_ += 4;
    if (code >= 0xDC00 && code <= 0xDFFF) return false;
    if (code >= 0xD800 && code <= 0xDBFF) {
      std::uint32_t low = 0;
      if (text_.substr(at_, 2) != "\\u" || !hex4(text_, at_ + 2, low) || low < 0xDC00 || low > 0xDFFF)
        return false;
      at_ += 6;
      code = 0x10000U + ((code - 0xD800U) << 10U) + (low - 0xDC00U);
    }
    append_utf8(scratch, code);
  }
  return false;
}

bool RowJson::number_or_word(std::string_view name, LoggedRow* row) {
  const char* const begin = text_.data() + at_;
  const char* const end = text_.data() + text_.size();
  const std::string_view rest(begin, static_cast<std::size_t>(end - begin));
  double number = 0.0;
  const char first = *begin;
  if (is_digit(first) || (first == '-' && rest.size() > 1 && is_digit(rest[1]))) {
    const char* stop = read_json_number(begin, end, number);
    if (stop == nullptr) {
      if (rest.find_first_not_of("0123456789+-.eE") == std::string_view::npos)
        at_ = text_.size();  // cut short
      return false;
    }
    // A token may not run on: 1.2.3, 12abc.
    if (stop < end && (std::isalnum(static_cast<unsigned char>(*stop)) != 0 || *stop == '.' || *stop == '+' ||
                       *stop == '-'))
      return false;
    at_ += static_cast<std::size_t>(stop - begin);
    if (row != nullptr) row->append(name, number);
    return true;
  }
  std::size_t length = 0;
  while (length < rest.size() && length < 12 &&
         (std::isalnum(static_cast<unsigned char>(rest[length])) != 0 || rest[length] == '-'))
    ++length;
  const std::string_view word = rest.substr(0, length);
  if (word == "null" || word == "true" || word == "false") {
    at_ += length;
    return true;
  }
  if (word == "NaN" || word == "-NaN" || word == "Infinity" || word == "-Infinity") {
    at_ += length;
    if (row != nullptr) row->append(name, *nonfinite_from(word));
    return true;
  }
  if (length == rest.size()) at_ = text_.size();  // it may only be cut short
  return false;
}

bool RowJson::array(int depth) {
  if (depth > kMaxDepth || !expect('[') || !skip_space()) return false;
  if (text_[at_] == ']') return ++at_, true;
  for (;;) {
    if (!skip_space() || !value({}, depth, nullptr) || !skip_space()) return false;
    if (text_[at_] == ',') {
      ++at_;
      continue;
    }
    return expect(']');
  }
}

bool RowJson::object(std::string_view prefix, int depth, LoggedRow* row) {
  if (depth > kMaxDepth || !expect('{') || !skip_space()) return false;
  if (text_[at_] == '}') return ++at_, true;
  // Typed objects (histograms, images) are no rows: known by their "_type", wherever in them it stands.
  LoggedRow nested;
  const bool below = row != nullptr && depth > 1;
  LoggedRow* const into = below ? &nested : row;
  bool typed = false;
  std::string name;
  for (;;) {
    std::string_view key;
    if (!skip_space() || !string(key, key_scratch_)) return false;
    if (depth > 1 && key == "_type") typed = true;
    // A name of the top object is used as it stands there; one that was unescaped, nested strings overwrite.
    const bool stands = prefix.empty() && key.data() != key_scratch_.data();
    if (into != nullptr && !stands) {
      name.assign(prefix);
      if (!prefix.empty()) name += '.';
      name += key;
    }
    if (!skip_space() || !expect(':') || !skip_space()) return false;
    if (!value(stands ? key : std::string_view(name), depth, into) || !skip_space()) return false;
    if (text_[at_] == ',') {
      ++at_;
      continue;
    }
    if (!expect('}')) return false;
    break;
  }
  if (below && !typed) {
    for (std::size_t i = 0; i < nested.size(); ++i) {
      if (nested.is_number(i)) {
        row->append(nested.name(i), nested.number(i));
      } else {
        row->append_text(nested.name(i), nested.text(i));
      }
    }
  }
  return true;
}

bool RowJson::value(std::string_view name, int depth, LoggedRow* row) {
  switch (text_[at_]) {
    case '{':
      return object(name, depth + 1, depth > kMaxNamedDepth ? nullptr : row);
    case '[':
      return array(depth + 1);
    case '"': {
      std::string_view text;
      if (!string(text, value_scratch_)) return false;
      if (row == nullptr) return true;
      if (const auto number = nonfinite_from(text)) {
        row->append(name, *number);
      } else {
        row->append_text(name, text);
      }
      return true;
    }
    default:
      return number_or_word(name, row);
  }
}

RowJson::Outcome RowJson::parse(std::string_view text, LoggedRow& row) {
  text_ = text;
  at_ = 0;
  if (!skip_space()) return Outcome::malformed;
  const bool is_object = text_[at_] == '{';
  const bool good = is_object ? object({}, 1, &row) : value({}, 0, nullptr);
  if (!good || skip_space()) return Outcome::malformed;
  if (!is_object) return Outcome::not_object;
  row.settle();
  return Outcome::row;
}

bool RowJson::parse_value(std::string_view text, std::string_view name, LoggedRow& row) {
  text_ = text;
  at_ = 0;
  name_.assign(name);
  return skip_space() && value(name_, 1, &row) && !skip_space();
}

}  // namespace redflag::daemon
