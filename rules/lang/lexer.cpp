#include "rules/lang/lexer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "rules/lang/diagnostics.h"

namespace redflag {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool in_name(char c) {
  return is_letter(c) || is_digit(c) || c == '.' || c == '/' || c == ':';
}

constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
    {{"ms", 0.001}, {"s", 1.0}, {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}}};

constexpr std::array<std::pair<std::string_view, TokenKind>, 6> kWords{{{"and", TokenKind::word_and},
                                                                        {"or", TokenKind::word_or},
                                                                        {"not", TokenKind::word_not},
                                                                        {"in", TokenKind::word_in},
                                                                        {"true", TokenKind::word_true},
                                                                        {"false", TokenKind::word_false}}};

constexpr std::array<std::pair<std::string_view, TokenKind>, 6> kPairs{{{"<=", TokenKind::less_equal},
                                                                        {">=", TokenKind::greater_equal},
                                                                        {"==", TokenKind::equal},
                                                                        {"!=", TokenKind::not_equal},
                                                                        {"&&", TokenKind::end},
                                                                        {"||", TokenKind::end}}};

TokenKind single(char c) {
  switch (c) {
    case '+':
      return TokenKind::plus;
    case '-':
      return TokenKind::minus;
    case '*':
      return TokenKind::star;
    case '/':
      return TokenKind::slash;
    case '%':
      return TokenKind::percent;
    case '<':
      return TokenKind::less;
    case '>':
      return TokenKind::greater;
    case '(':
      return TokenKind::open;
    case ')':
      return TokenKind::close;
    case '[':
      return TokenKind::open_window;
    case ']':
      return TokenKind::close_window;
    case ',':
      return TokenKind::comma;
    default:
      return TokenKind::end;
  }
}

class Lexer {
 public:
  Lexer(std::string_view text, ExpressionError& error) : text_(text), error_(error) {}

  std::vector<Token> run() {
    while (error_.message.empty()) {
      while (at_ < text_.size() &&
             (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
        ++at_;
      }
      if (at_ >= text_.size()) break;
      step();
    }
    tokens_.push_back(Token{TokenKind::end, text_.size(), 0, 0.0, {}});
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void fail(std::size_t offset, std::string message) { error_ = {offset, std::move(message)}; }

  void push(TokenKind kind, std::size_t from, double number = 0.0, std::string value = {}) {
    tokens_.push_back(Token{kind, from, at_ - from, number, std::move(value)});
  }

  void step() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_letter(c)) return name();
    if (c == '"' || c == '\'') return quoted(c);
    const std::size_t from = at_;
    for (const auto& [spelling, kind] : kPairs) {
      if (text_.substr(at_, 2) != spelling) continue;
      if (kind == TokenKind::end)
        return fail(from, spelling == "&&" ? "write 'and' instead of '&&'" : "write 'or' instead of '||'");
      at_ += 2;
      return push(kind, from);
    }
    if (c == '=') return fail(from, "a comparison is written '=='");
    if (c == '!') return fail(from, "write 'not' instead of '!'");
    const TokenKind kind = single(c);
    if (kind == TokenKind::end) return fail(from, "this character means nothing here");
    ++at_;
    push(kind, from);
  }

  void number() {
    const std::size_t from = at_;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && (is_digit(peek(1)) || !in_name(peek(1)))) {
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
      if (is_digit(peek(sign))) {
        at_ += sign;
        while (is_digit(peek())) ++at_;
      }
    }
    double value = 0.0;
    const auto result = std::from_chars(text_.data() + from, text_.data() + at_, value);
    if (result.ec != std::errc{} || !std::isfinite(value))
      return fail(from, "this number cannot be represented");
    if (!in_name(peek())) return push(TokenKind::number, from, value);
    const std::size_t unit_from = at_;
    while (in_name(peek())) ++at_;
    const std::string_view unit = text_.substr(unit_from, at_ - unit_from);
    for (const auto& [spelling, seconds] : kUnits) {
      if (unit == spelling) return push(TokenKind::duration, from, value * seconds);
    }
    fail(unit_from, fmt::format("'{}' is no unit of time; there are ms, s, m, h and d", shown(unit)));
  }

  void name() {
    const std::size_t from = at_;
    while (in_name(peek())) ++at_;
    const std::string_view value = text_.substr(from, at_ - from);
    for (const auto& [spelling, kind] : kWords) {
      if (value == spelling) return push(kind, from);
    }
    if (value.size() > 200) return fail(from, "a name of more than 200 characters");
    if (!is_letter(value.back()) && !is_digit(value.back())) {
      return fail(at_ - 1,
                  fmt::format("a name cannot end in '{}'; division needs spaces around it", value.back()));
    }
    push(TokenKind::name, from, 0.0, std::string(value));
  }

  void quoted(char quote) {
    const std::size_t from = at_++;
    std::string value;
    while (at_ < text_.size() && peek() != quote) {
      if (peek() == '\\') {
        ++at_;
        if (peek() != quote && peek() != '\\')
          return fail(at_ - 1, "in a text only \\\" and \\\\ may follow a backslash");
      }
      value += text_[at_++];
    }
    if (at_ >= text_.size()) return fail(from, "this text is not closed");
    ++at_;
    push(TokenKind::text, from, 0.0, std::move(value));
  }

  std::string_view text_;
  ExpressionError& error_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view text, ExpressionError& error) {
  if (text.size() > kLongestExpression) {
    error = {0, fmt::format("longer than {} bytes", kLongestExpression)};
    return {Token{}};
  }
  return Lexer(text, error).run();
}

}  // namespace redflag
