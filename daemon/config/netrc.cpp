// A tokenizer for netrc(5), with what Python's and curl's readers accept besides.
#include "daemon/config/netrc.h"

#include <algorithm>
#include <string>

#include "daemon/config/url.h"

namespace redflag::daemon {
namespace {

class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}
  ~Tokens() { wipe(token_); }
  Tokens(const Tokens&) = delete;
  Tokens& operator=(const Tokens&) = delete;

  /// The next token; false at the end. A '#' begins a comment only where a keyword may stand: passwords begin
  /// with it, too.
  bool next(bool keyword) {
    token_.clear();
    for (;;) {
      at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
      if (at_ == text_.size()) return false;
      if (!keyword || text_[at_] != '#') break;
      at_ = std::min(text_.find('\n', at_), text_.size());
    }
    token_.reserve(256);  // so that growing leaves no copy behind
    const bool in_quotes = text_[at_] == '"';
    if (in_quotes) ++at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (in_quotes && c == '"') {
        ++at_;
        break;
      }
      if (!in_quotes && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) break;
      if (in_quotes && c == '\\' && at_ + 1 < text_.size()) ++at_;
      token_ += text_[at_];
    }
    return true;
  }

  const std::string& token() const { return token_; }

  /// A macro's body ends at an empty line.
  void skip_macro() {
    std::size_t line = std::min(text_.find('\n', at_), text_.size());
    while (line < text_.size()) {
      std::size_t end = std::min(text_.find('\n', line + 1), text_.size());
      const std::string_view body = text_.substr(line + 1, end - line - 1);
      line = end;
      if (body.find_first_not_of(" \t\r") == std::string_view::npos) break;
    }
    at_ = line;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::string token_;
};

}  // namespace

std::optional<Secret> netrc_password(std::string_view text, std::string_view host) {
  const std::string wanted = settings::lower_case(host);
  std::optional<Secret> by_default;
  std::optional<Secret> found;
  enum class Entry { none, ours, fallback } entry = Entry::none;
  Tokens tokens(text);
  while (!found && tokens.next(true)) {
    const std::string& token = tokens.token();
    if (token == "machine") {
      entry =
          tokens.next(false) && settings::lower_case(tokens.token()) == wanted ? Entry::ours : Entry::none;
    } else if (token == "default") {
      entry = Entry::fallback;
    } else if (token == "macdef") {
      tokens.skip_macro();
    } else if (token == "login" || token == "user" || token == "account") {
      tokens.next(false);
    } else if (token == "password") {
      if (!tokens.next(false) || tokens.token().empty()) continue;
      if (entry == Entry::ours) found.emplace(tokens.token());
      if (entry == Entry::fallback && !by_default) by_default.emplace(tokens.token());
    }
  }
  return found ? std::move(found) : std::move(by_default);
}

}  // namespace redflag::daemon
