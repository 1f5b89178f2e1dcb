// What counts as a secret's shape or name, and how a line is shown without it.
#include "daemon/config/mask.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "daemon/config/suggest.h"
#include "daemon/config/url.h"

namespace redflag::daemon::settings {
namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr std::size_t kWindow = 110;

bool key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// Beside these it is part of a path or a host name, not a word of its own.
bool joins_words(char c) {
  return c == '/' || c == '.';
}

void find_keys(std::string_view text, std::vector<ByteRange>& into) {
  for (std::size_t i = 0; i < text.size();) {
    if (!key_char(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && key_char(text[end])) ++end;
    const bool alone =
        (i == 0 || !joins_words(text[i - 1])) && (end == text.size() || !joins_words(text[end]));
    if (end - i >= 40 && alone) into.push_back({i, end});
    i = end;
  }
}

std::size_t token_end(std::string_view text, std::size_t from) {
  return std::min(text.find_first_of(" \t\"'<>", from), text.size());
}

/// Slack's webhooks and tokens, and the userinfo of URLs.
void find_tokens(std::string_view text, std::vector<ByteRange>& into) {
  const std::string lower = lower_case(text);
  for (std::size_t at = lower.find("hooks.slack"); at != npos; at = lower.find("hooks.slack", at + 1)) {
    const std::size_t slash = text.find('/', at);
    const std::size_t end = token_end(text, at);
    if (slash != npos && slash < end) into.push_back({slash + 1, end});
  }
  for (std::size_t at = lower.find("/services/t"); at != npos; at = lower.find("/services/t", at + 1))
    into.push_back({at + 10, token_end(text, at)});
  for (std::size_t at = lower.find("xox"); at != npos; at = lower.find("xox", at + 1)) {
    const std::size_t end = token_end(text, at);
    if (at + 4 < end && lower[at + 4] == '-') into.push_back({at, end});
  }
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = token_end(text, i);
    const std::string_view token = text.substr(i, end - i);
    const std::size_t at = token.rfind('@');
    const std::size_t mark = token.find("://");
    if (at != npos && mark != npos && mark + 3 < at) into.push_back({i + mark + 3, i + at});
    i = end + 1;
  }
}

std::string normal(std::string_view key) {
  std::string name = lower_case(key);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

constexpr std::array<std::string_view, 10> kSecretNames{
    "api_key", "apikey", "webhook_url", "webhook",      "password",
    "passwd",  "secret", "token",       "access_token", "private_key"};

struct Character {
  std::string shown;
  std::size_t columns = 1;
};

/// Escapes what would move the cursor, end the line or turn the reading direction.
Character show_character(std::string_view bytes) {
  if (bytes == "\t") return {" ", 1};
  const auto first = static_cast<unsigned char>(bytes.front());
  std::string escaped;
  if (bytes.size() == 1) {
    if (first >= 0x20 && first < 0x7f) return {std::string(bytes), 1};
    escaped = fmt::format("\\x{:02x}", first);
  } else {
    const unsigned code = code_point_of(bytes);
    if (!is_invisible(code)) return {std::string(bytes), 1};
    escaped = fmt::format("\\u{{{:x}}}", code);
  }
  const std::size_t columns = escaped.size();
  return {std::move(escaped), columns};
}

/// The line as a row of characters; `column_of` receives, for each byte, the column it is shown at (one more
/// than bytes).
std::vector<Character> lay_out(std::string_view line, const std::vector<ByteRange>& masked,
                               std::vector<std::size_t>& column_of) {
  std::vector<Character> row;
  column_of.assign(line.size() + 1, 0);
  std::size_t column = 0;
  auto mask = masked.begin();
  for (std::size_t i = 0; i < line.size();) {
    while (mask != masked.end() && mask->end <= i) ++mask;
    std::size_t length = std::max<std::size_t>(utf8_length(line, i), 1);
    Character next;
    if (mask != masked.end() && mask->begin <= i) {
      length = mask->end - i;
      next = {"***", 3};
    } else {
      next = show_character(line.substr(i, length));
    }
    for (std::size_t k = i; k < i + length; ++k) column_of[k] = column;
    column += next.columns;
    row.push_back(std::move(next));
    i += length;
  }
  column_of[line.size()] = column;
  return row;
}

std::vector<ByteRange> merge(std::vector<ByteRange> ranges, std::size_t size) {
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::vector<ByteRange> merged;
  for (ByteRange range : ranges) {
    range.end = std::min(range.end, size);
    if (range.begin >= range.end) continue;
    if (!merged.empty() && range.begin <= merged.back().end)
      merged.back().end = std::max(merged.back().end, range.end);
    else
      merged.push_back(range);
  }
  return merged;
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const unsigned char first = byte(at);
  if (at >= text.size()) return 0;
  if (first < 0x80) return 1;
  const auto tail = [&](std::size_t i) { return (byte(at + i) & 0xc0U) == 0x80U; };
  if (first >= 0xc2 && first < 0xe0) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if (!tail(1) || !tail(2)) return 0;
    if (first == 0xe0 && byte(at + 1) < 0xa0) return 0;  // overlong
    if (first == 0xed && byte(at + 1) > 0x9f) return 0;  // surrogate
    return 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xf0 && byte(at + 1) < 0x90) return 0;
    if (first == 0xf4 && byte(at + 1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

unsigned code_point_of(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first;
  unsigned code = first & (0xffU >> (character.size() + 1));
  for (const char c : character.substr(1)) code = (code << 6) | (static_cast<unsigned char>(c) & 0x3fU);
  return code;
}

bool is_invisible(unsigned code) {
  return (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

bool is_wandb_key(std::string_view text) {
  if (text.size() < 40 || !std::all_of(text.begin(), text.end(), key_char)) return false;
  const bool hex = std::all_of(text.begin(), text.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return (hex && text.size() == 40) || text.starts_with("wandb_v") || text.starts_with("local-");
}

bool holds_secret(std::string_view text) {
  std::vector<ByteRange> found;
  find_tokens(text, found);
  return !found.empty();
}

std::vector<ByteRange> secret_shapes(std::string_view text) {
  std::vector<ByteRange> found;
  find_keys(text, found);
  find_tokens(text, found);
  // "user:password@host" without a scheme, as proxies are often written.
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = token_end(text, i);
    const std::string_view token = text.substr(i, end - i);
    const std::size_t at = token.rfind('@');
    if (at != npos && token.find("://") == npos && token.find(':') < at) found.push_back({i, i + at});
    i = end + 1;
  }
  return merge(std::move(found), text.size());
}

bool names_secret(std::string_view key) {
  const std::string name = normal(key);
  return std::any_of(kSecretNames.begin(), kSecretNames.end(), [&](std::string_view secret) {
    if (name == secret) return true;
    // "wandb_api_key", but neither "max_token" nor "special_token".
    return secret != "token" && name.size() > secret.size() && name.ends_with(secret) &&
           name[name.size() - secret.size() - 1] == '_';
  });
}

bool may_name_secret(std::string_view key) {
  const std::string name = normal(key);
  if (names_secret(name)) return true;
  for (const std::string_view part : {"key", "hook", "tok", "pass", "secr", "auth", "cred", "api"}) {
    if (name.find(part) != npos) return true;
  }
  return std::any_of(kSecretNames.begin(), kSecretNames.end(),
                     [&](std::string_view secret) { return edit_distance(name, secret) <= 3; });
}

std::size_t secret_value_start(std::string_view line, std::size_t& key_column) {
  for (std::size_t colon = line.find(':'); colon != npos; colon = line.find(':', colon + 1)) {
    std::size_t end = colon;
    while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
    if (end > 0 && (line[end - 1] == '"' || line[end - 1] == '\'')) --end;
    std::size_t begin = end;
    while (begin > 0 && key_char(line[begin - 1])) --begin;
    if (begin == end || !names_secret(line.substr(begin, end - begin))) continue;
    key_column = begin;
    return colon + 1;
  }
  return npos;
}

std::string shown(std::string_view text) {
  std::vector<std::size_t> columns;
  std::string out;
  for (const Character& character : lay_out(text, secret_shapes(text), columns)) out += character.shown;
  return out;
}

std::string in_quotes(std::string_view text) {
  std::vector<std::size_t> columns;
  std::string out = "\"";
  std::size_t count = 0;
  for (const Character& character : lay_out(text, secret_shapes(text), columns)) {
    if (++count > 60) {
      out += "…";
      break;
    }
    out += character.shown;
  }
  return out + "\"";
}

Excerpt excerpt_of(std::string_view line, std::vector<ByteRange> masked, ByteRange caret) {
  const std::vector<ByteRange> shapes = secret_shapes(line);
  masked.insert(masked.end(), shapes.begin(), shapes.end());
  masked = merge(std::move(masked), line.size());
  std::vector<std::size_t> column_of;
  const std::vector<Character> row = lay_out(line, masked, column_of);
  caret.begin = std::min(caret.begin, line.size());
  caret.end = std::clamp(caret.end, caret.begin, line.size());
  Excerpt excerpt;
  const std::size_t first = column_of[caret.begin];
  std::size_t last = std::max(column_of[caret.end], first + 1);
  for (const ByteRange& mask : masked) {
    if (caret.begin >= mask.begin && caret.begin < mask.end) last = std::max(last, first + 3);
  }
  // Long lines: a window with the caret in its first third.
  const std::size_t total = column_of[line.size()];
  std::size_t from = 0;
  if (total > kWindow && first > kWindow / 3) from = first - kWindow / 3;
  const std::size_t to = from + kWindow;
  std::size_t column = 0;
  std::size_t skipped = 0;
  for (const Character& character : row) {
    if (column >= from && column + character.columns <= to) {
      excerpt.text += character.shown;
    } else if (column < from) {
      skipped = column + character.columns;
    }
    column += character.columns;
  }
  excerpt.caret = first - std::min(first, skipped);
  excerpt.length = std::min(last, to) - std::min(first, to);
  if (skipped > 0) {
    excerpt.text = "…" + excerpt.text;
    excerpt.caret += 1;
  }
  if (total > to) excerpt.text += "…";
  excerpt.length = std::clamp<std::size_t>(excerpt.length, 1, kWindow);
  return excerpt;
}

}  // namespace redflag::daemon::settings
