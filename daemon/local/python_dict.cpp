#include "daemon/local/python_dict.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "daemon/runs/json_number.h"

namespace redflag::daemon::local {
namespace {

constexpr int kMaxDepth = 16;

class Parser {
 public:
  Parser(std::string_view text, LoggedRow& row) : text_(text), row_(row) {}

  bool whole() {
    skip_space();
    if (!dict({}, 0)) return false;
    skip_space();
    return at_ == text_.size();
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char now() const { return text_[at_]; }

  void skip_space() {
    while (!at_end() && (now() == ' ' || now() == '\t')) ++at_;
  }

  bool eat(char c) {
    if (at_end() || now() != c) return false;
    ++at_;
    return true;
  }

  bool quoted(std::string& out) {
    if (at_end() || (now() != '\'' && now() != '"')) return false;
    const char quote = text_[at_++];
    out.clear();
    for (; !at_end(); ++at_) {
      if (now() == quote) return ++at_, true;
      if (now() == '\\' && ++at_ >= text_.size()) return false;
      out += now();
    }
    return false;
  }

  bool dict(const std::string& prefix, int depth) {
    if (depth > kMaxDepth || !eat('{')) return false;
    skip_space();
    if (eat('}')) return true;
    std::string key;
    for (;;) {
      skip_space();
      if (!quoted(key)) {
        // Keys that are numbers or names are legal, and no metrics.
        const std::string_view bare = word();
        if (bare.empty()) return false;
        key.assign(bare);
      }
      skip_space();
      if (!eat(':')) return false;
      skip_space();
      if (!value(prefix.empty() ? key : prefix + '.' + key, depth)) return false;
      skip_space();
      if (eat(',')) {
        skip_space();
        if (eat('}')) return true;
        continue;
      }
      return eat('}');
    }
  }

  bool sequence(char close, int depth) {
    ++at_;
    if (depth > kMaxDepth) return false;
    for (;;) {
      skip_space();
      if (eat(close)) return true;
      LoggedRow ignored;
      Parser inner(text_, ignored);
      inner.at_ = at_;
      if (!inner.value({}, depth)) return false;
      at_ = inner.at_;
      skip_space();
      if (eat(',')) continue;
      return eat(close);
    }
  }

  /// A run of what numbers and names are made of.
  std::string_view word() {
    const std::size_t begin = at_;
    while (!at_end() && (std::isalnum(static_cast<unsigned char>(now())) != 0 || now() == '_' ||
                         now() == '.' || now() == '+' || now() == '-'))
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  static std::optional<double> number(std::string_view text) {
    if (const auto special = nonfinite_from(text)) return special;
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || text.empty()) return std::nullopt;
    if (error == std::errc::result_out_of_range)
      return text.find("e-") != std::string_view::npos ? 0.0
             : text.front() == '-'                     ? -std::numeric_limits<double>::infinity()
                                                       : std::numeric_limits<double>::infinity();
    return error == std::errc{} ? std::optional(value) : std::nullopt;
  }

  bool value(const std::string& name, int depth) {
    if (at_end()) return false;
    std::string text;
    switch (now()) {
      case '{':
        return dict(name, depth + 1);
      case '[':
        return sequence(']', depth + 1);
      case '(':
        return sequence(')', depth + 1);
      case '\'':
      case '"':
        if (!quoted(text)) return false;
        if (const auto inside = number(text)) {
          row_.append(name, *inside);
        } else {
          row_.append_text(name, text);
        }
        return true;
      default:
        break;
    }
    const std::string_view bare = word();
    if (bare.empty()) return false;
    if (const auto found = number(bare)) {
      row_.append(name, *found);
      return true;
    }
    if (bare == "None" || bare == "True" || bare == "False" || bare == "null" || bare == "true" ||
        bare == "false")
      return true;
    return at_end() || now() != '(' ? false : call(name, depth);
  }

  /// "tensor(0.5, device='cuda:0')": the first argument counts when it is a number.
  bool call(const std::string& name, int depth) {
    ++at_;
    skip_space();
    const std::size_t begin = at_;
    const auto first = number(word());
    if (first) {
      row_.append(name, *first);
    } else {
      at_ = begin;
    }
    if (depth > kMaxDepth) return false;
    // The rest of the arguments: anything with matching brackets.
    int open = 1;
    std::string ignored;
    while (!at_end()) {
      if (now() == '\'' || now() == '"') {
        if (!quoted(ignored)) return false;
        continue;
      }
      open += now() == '(' ? 1 : now() == ')' ? -1 : 0;
      ++at_;
      if (open == 0) return true;
    }
    return false;
  }

  std::string_view text_;
  LoggedRow& row_;
  std::size_t at_ = 0;
};

}  // namespace

bool parse_python_dict(std::string_view text, LoggedRow& row) {
  if (!Parser(text, row).whole()) return false;
  row.settle();
  return true;
}

}  // namespace redflag::daemon::local
