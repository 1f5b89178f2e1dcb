#include "daemon/runs/relaxed_json.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/runs/row_json.h"

namespace redflag::daemon {
namespace {

/// One token of the original text that strict JSON does not know.
struct Replacement {
  std::size_t offset;
  std::size_t length;
  std::string_view text;
};

struct Scan {
  std::vector<Replacement> replacements;
  std::optional<std::size_t> too_deep_at;
};

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '+' ||
         c == '.';
}

/// True when the number is valid but larger than a double holds. Too small is no problem: it reads as 0.
bool overflows(std::string_view token) {
  const char* const end = token.data() + token.size();
  double value = 0.0;
  return read_json_number(token.data(), end, value) == end && std::isinf(value);
}

std::string_view replacement_for(std::string_view token) {
  if (token == "NaN" || token == "-NaN") return "\"NaN\"";
  if (token == "Infinity") return "\"Infinity\"";
  if (token == "-Infinity") return "\"-Infinity\"";
  const bool digit = token.front() == '-' || (token.front() >= '0' && token.front() <= '9');
  // Fewer than 300 characters without an exponent cannot reach 1e308.
  if (!digit || (token.size() < 300 && token.find_first_of("eE") == std::string_view::npos) ||
      !overflows(token))
    return {};
  return token.front() == '-' ? "\"-Infinity\"" : "\"Infinity\"";
}

/// A name is to be in quotes, whatever it says.
bool is_name(std::string_view text, std::size_t end) {
  const std::size_t next = text.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && text[next] == ':';
}

std::size_t end_of_string(std::string_view text, std::size_t open) {
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

Scan scan(std::string_view text, std::size_t max_depth) {
  Scan found;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      i = end_of_string(text, i);
    } else if (is_token_char(c)) {
      const std::size_t begin = i;
      while (i < text.size() && is_token_char(text[i])) ++i;
      const auto replacement = replacement_for(text.substr(begin, i - begin));
      if (!replacement.empty() && !is_name(text, i))
        found.replacements.push_back({begin, i - begin, replacement});
    } else {
      if ((c == '[' || c == '{') && ++depth > max_depth) {
        found.too_deep_at = i;
        return found;
      }
      if ((c == ']' || c == '}') && depth > 0) --depth;
      ++i;
    }
  }
  return found;
}

std::string rewrite(std::string_view text, const std::vector<Replacement>& replacements) {
  std::string out;
  out.reserve(text.size() + 2 * replacements.size());
  std::size_t from = 0;
  for (const auto& r : replacements) {
    out.append(text.substr(from, r.offset - from)).append(r.text);
    from = r.offset + r.length;
  }
  return out.append(text.substr(from));
}

/// Position in the original of a position in the rewritten text.
std::size_t original_offset(std::size_t rewritten, const std::vector<Replacement>& replacements) {
  std::size_t from = 0;      // in the original
  std::size_t produced = 0;  // in the rewritten text
  for (const auto& r : replacements) {
    const std::size_t plain = r.offset - from;
    if (rewritten < produced + plain) break;
    produced += plain;
    if (rewritten < produced + r.text.size()) return r.offset;
    produced += r.text.size();
    from = r.offset + r.length;
  }
  return from + (rewritten - produced);
}

/// Accepts everything; only remembers where the parser stopped.
class ErrorPosition : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    offset = position > 0 ? position - 1 : 0;
    return false;
  }
  std::size_t offset = 0;
};

std::string place(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  std::size_t line = 1;
  std::size_t column = 1;
  for (const char c : text.substr(0, offset)) {
    column = c == '\n' ? 1 : column + 1;
    if (c == '\n') ++line;
  }
  return fmt::format("line {}, column {} (byte {})", line, column, offset);
}

}  // namespace

Result<nlohmann::json> parse_relaxed_json(std::string_view text, std::string doing,
                                          const RelaxedJsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::too_large, std::move(doing),
                fmt::format("{} bytes of JSON, the limit is {}", text.size(), limits.max_bytes));
  }
  // The library takes a NUL for the end, and would say nothing of what follows.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return fail(ErrorCode::malformed, std::move(doing),
                fmt::format("not valid JSON: a NUL byte at {}", place(text, nul)));
  }
  const Scan found = scan(text, limits.max_depth);
  if (found.too_deep_at) {
    return fail(
        ErrorCode::malformed, std::move(doing),
        fmt::format("nested deeper than {} levels at {}", limits.max_depth, place(text, *found.too_deep_at)));
  }
  std::string rewritten;
  if (!found.replacements.empty()) rewritten = rewrite(text, found.replacements);
  const std::string_view input = found.replacements.empty() ? text : std::string_view(rewritten);
  auto value = nlohmann::json::parse(input, nullptr, false);
  if (!value.is_discarded()) return value;

  ErrorPosition position;
  nlohmann::json::sax_parse(input, &position);
  const std::size_t offset = original_offset(position.offset, found.replacements);
  const bool cut = offset >= text.size();
  return fail(ErrorCode::malformed, std::move(doing),
              fmt::format("not valid JSON: {} at {}", cut ? "it ends too early" : "unexpected text",
                          place(text, offset)));
}

}  // namespace redflag::daemon
