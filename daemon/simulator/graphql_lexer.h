// GraphQL's tokens. Any bytes can come in; what is not GraphQL becomes a token of kind `bad` with the reason.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace redflag::daemon::graphql {

struct Token {
  enum class Kind { end, name, integer, real, string, punctuator, bad };
  Kind kind = Kind::end;
  std::string text;  ///< name, digits, decoded string, the punctuator, or what is wrong
  std::size_t at = 0;
};

class Lexer {
 public:
  /// `text` must outlive the lexer.
  explicit Lexer(std::string_view text);
  Token next();
  /// "line 3, column 7" of a byte offset.
  std::string place(std::size_t at) const;

 private:
  void skip_ignored();
  Token number();
  Token string();
  Token block_string();
  bool escape(std::string& out);
  bool looking_at(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace redflag::daemon::graphql
