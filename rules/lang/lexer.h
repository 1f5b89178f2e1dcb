// Text of an expression to tokens. A name may hold letters, digits and _ . / : so that `train/loss` is one
// name; division therefore needs spaces around it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace redflag {

enum class TokenKind : unsigned char {
  end,
  number,
  duration,
  text,
  name,
  plus,
  minus,
  star,
  slash,
  percent,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  word_and,
  word_or,
  word_not,
  word_in,
  word_true,
  word_false,
  open,
  close,
  open_window,
  close_window,
  comma,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t offset = 0;
  std::size_t length = 0;
  double number = 0.0;  ///< of a number; of a duration: seconds
  std::string text;     ///< of a name or a text
};

/// A mistake in an expression: byte offset from its beginning, and what is wrong.
struct ExpressionError {
  std::size_t offset = 0;
  std::string message;
};

/// Longest expression accepted, in bytes.
inline constexpr std::size_t kLongestExpression = 16384;

/// Splits `text` into tokens, the last being `end`. On a mistake sets `error` and returns what came before.
std::vector<Token> lex(std::string_view text, ExpressionError& error);

}  // namespace redflag
