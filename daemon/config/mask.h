// Keeps secrets, and what could upset a terminal, out of everything that is shown: a key pasted into the
// wrong place of the file is the commonest way for it to end up in a log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon::settings {

/// A range of bytes [begin, end) of a line.
struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// What in this text looks like a secret wherever it stands: a W&B key (40 or more of [A-Za-z0-9_-] as a word
/// of its own), the path of a Slack webhook, Slack tokens, the userinfo of a URL. Sorted, not overlapping.
std::vector<ByteRange> secret_shapes(std::string_view text);

/// Does a key of this name hold a secret: api_key, webhook_url, password, token, …, in any spelling?
bool names_secret(std::string_view key);
/// As above, but generous: a key that is unknown and may be a misspelt one of those.
bool may_name_secret(std::string_view key);

/// Where on the line the value of a key that holds a secret begins; npos when there is none. `key_column` is
/// set to where that key stands. Works on text that is not valid YAML.
std::size_t secret_value_start(std::string_view line, std::size_t& key_column);

/// Is there a Slack webhook, a Slack token or a URL's userinfo in it: what no setting ever is?
bool holds_secret(std::string_view text);
/// A W&B key of either generation, as a whole.
bool is_wandb_key(std::string_view text);

/// Control characters beyond ASCII, and those that turn the reading direction or take no space.
bool is_invisible(unsigned code_point);
/// Code point of a character that utf8_length() has found valid.
unsigned code_point_of(std::string_view character);

/// The text with secret shapes as "***" and with control and bidirectional characters escaped.
std::string shown(std::string_view text);

/// shown() in quotation marks, shortened to 60 characters.
std::string in_quotes(std::string_view text);

/// One line as shown below a diagnostic: masked, escaped, cut to a window around the caret.
struct Excerpt {
  std::string text;
  std::size_t caret = 0;   ///< characters before the caret
  std::size_t length = 1;  ///< characters that it underlines
};

/// `masked` need not be sorted. caret: byte range of the line that is meant.
Excerpt excerpt_of(std::string_view line, std::vector<ByteRange> masked, ByteRange caret);

/// Bytes of the UTF-8 character at `at`, 1 to 4; 0 when there is no valid one.
std::size_t utf8_length(std::string_view text, std::size_t at);

}  // namespace redflag::daemon::settings
