// Follows section 2.1 of the GraphQL specification; strings are decoded here, so nobody else sees an escape.
#include "daemon/simulator/graphql_lexer.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "rules/values/utf8.h"

namespace redflag::daemon::graphql {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Four hex digits at the front of `text`; -1 if they are not there.
std::int32_t hex4(std::string_view text) {
  if (text.size() < 4) return -1;
  std::int32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// Takes the common indentation and the blank first and last lines off a block string, as the specification
/// says.
std::string dedent(const std::string& raw) {
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n') continue;
    if (raw[i] == '\n' || raw[i] == '\r') {
      lines.emplace_back();
    } else {
      lines.back() += raw[i];
    }
  }
  const auto indent_of = [](const std::string& line) { return line.find_first_not_of(" \t"); };
  std::size_t common = std::string::npos;
  for (std::size_t i = 1; i < lines.size(); ++i) common = std::min(common, indent_of(lines[i]));
  for (std::size_t i = 1; i < lines.size() && common != std::string::npos; ++i) {
    lines[i].erase(0, std::min(common, lines[i].size()));
  }
  std::size_t first = 0;
  std::size_t last = lines.size();
  while (first < last && indent_of(lines[first]) == std::string::npos) ++first;
  while (last > first && indent_of(lines[last - 1]) == std::string::npos) --last;
  std::string out;
  for (std::size_t i = first; i < last; ++i) out += (i > first ? "\n" : "") + lines[i];
  return out;
}

}  // namespace

Lexer::Lexer(std::string_view text) : text_(text) {
  if (looking_at("\xEF\xBB\xBF")) at_ = 3;
}

std::string Lexer::place(std::size_t at) const {
  const std::string_view before = text_.substr(0, std::min(at, text_.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.rfind('\n');
  const std::size_t column = start == std::string_view::npos ? before.size() + 1 : before.size() - start;
  return fmt::format("line {}, column {}", line, column);
}

void Lexer::skip_ignored() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '#') {
      while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
      ++at_;
    } else {
      return;
    }
  }
}

Token Lexer::next() {
  skip_ignored();
  if (at_ >= text_.size()) return {Token::Kind::end, {}, text_.size()};
  const std::size_t start = at_;
  const char c = text_[at_];
  if (is_name_start(c)) {
    while (at_ < text_.size() && (is_name_start(text_[at_]) || is_digit(text_[at_]))) ++at_;
    return {Token::Kind::name, std::string{text_.substr(start, at_ - start)}, start};
  }
  if (is_digit(c) || c == '-') return number();
  if (looking_at("\"\"\"")) return block_string();
  if (c == '"') return string();
  if (looking_at("...")) {
    at_ += 3;
    return {Token::Kind::punctuator, "...", start};
  }
  ++at_;
  if (std::string_view{"!$&():=@[]{|}"}.find(c) != std::string_view::npos) {
    return {Token::Kind::punctuator, std::string(1, c), start};
  }
  return {Token::Kind::bad, fmt::format("byte 0x{:02x} has no place here", static_cast<unsigned char>(c)),
          start};
}

Token Lexer::number() {
  const std::size_t start = at_;
  const auto digits = [&] {
    const std::size_t from = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ > from;
  };
  bool good = true;
  bool real = false;
  if (text_[at_] == '-') ++at_;
  good = digits();
  if (good && at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    real = true;
    good = digits();
  }
  if (good && at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    real = true;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    good = digits();
  }
  if (at_ < text_.size() && (is_name_start(text_[at_]) || text_[at_] == '.')) good = false;
  if (!good) return {Token::Kind::bad, "this is not a number", start};
  return {real ? Token::Kind::real : Token::Kind::integer, std::string{text_.substr(start, at_ - start)},
          start};
}

bool Lexer::escape(std::string& out) {
  ++at_;  // the backslash
  if (at_ >= text_.size()) return false;
  const char c = text_[at_++];
  static constexpr std::string_view kFrom = "\"\\/bfnrt";
  static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  if (const std::size_t i = kFrom.find(c); i != std::string_view::npos) {
    out += kTo[i];
    return true;
  }
  if (c != 'u') return false;
  const std::int32_t high = hex4(text_.substr(at_));
  if (high < 0) return false;
  at_ += 4;
  auto code = static_cast<std::uint32_t>(high);
  if (code >= 0xD800 && code < 0xDC00) {
    const std::int32_t low = looking_at("\\u") ? hex4(text_.substr(at_ + 2)) : -1;
    if (low < 0xDC00 || low > 0xDFFF) return false;
    at_ += 6;
    code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<std::uint32_t>(low) - 0xDC00);
  } else if (code >= 0xDC00 && code < 0xE000) {
    return false;
  }
  append_utf8(out, code);
  return true;
}

Token Lexer::string() {
  const std::size_t start = at_++;
  std::string out;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return {Token::Kind::string, std::move(out), start};
    }
    if (c == '\n' || c == '\r') break;
    if (c == '\\') {
      if (!escape(out)) return {Token::Kind::bad, "this escape is not valid", start};
      continue;
    }
    out += c;
    ++at_;
  }
  return {Token::Kind::bad, "this string does not end", start};
}

Token Lexer::block_string() {
  const std::size_t start = at_;
  at_ += 3;
  std::string raw;
  while (at_ < text_.size()) {
    if (looking_at("\"\"\"")) {
      at_ += 3;
      return {Token::Kind::string, dedent(raw), start};
    }
    if (looking_at("\\\"\"\"")) {
      raw += "\"\"\"";
      at_ += 4;
      continue;
    }
    raw += text_[at_++];
  }
  return {Token::Kind::bad, "this string does not end", start};
}

}  // namespace redflag::daemon::graphql
