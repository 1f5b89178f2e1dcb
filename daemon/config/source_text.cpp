// Lines, columns, and the values of keys that hold secrets, found without parsing: a file that is no valid
// YAML must not leak either.
#include "daemon/config/source_text.h"

#include <algorithm>

namespace redflag::daemon::settings {
namespace {

constexpr std::size_t npos = std::string_view::npos;

}  // namespace

SourceText::SourceText(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  if (text_.starts_with("\xef\xbb\xbf")) text_.erase(0, 3);
  starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n' && i + 1 < text_.size()) starts_.push_back(i + 1);
  }
  hidden_from_.assign(starts_.size(), npos);
  hide_secret_values();
}

std::string_view SourceText::line(std::size_t index) const {
  if (index >= starts_.size()) return {};
  std::string_view line = std::string_view(text_).substr(starts_[index]);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::size_t SourceText::column(const Place& place) const {
  const std::string_view text = line(place.line);
  std::size_t column = 1;
  for (std::size_t i = 0; i < std::min(place.byte, text.size()); ++column)
    i += std::max<std::size_t>(utf8_length(text, i), 1);
  return column;
}

void SourceText::hide(std::size_t line, std::size_t from_byte) {
  if (line < hidden_from_.size()) hidden_from_[line] = std::min(hidden_from_[line], from_byte);
}

void SourceText::hide_secret_values() {
  std::size_t owner = npos;  // column of the key whose value may go on over the next lines
  for (std::size_t i = 0; i < lines(); ++i) {
    const std::string_view text = line(i);
    const std::size_t indent = text.find_first_not_of(" \t");
    if (indent == npos) continue;
    if (owner != npos) {
      const bool goes_on = indent > owner || (indent == owner && text[indent] == '-');
      if (goes_on)
        hide(i, indent);
      else
        owner = npos;
    }
    std::size_t key_column = 0;
    const std::size_t value = secret_value_start(text, key_column);
    if (value == npos) continue;
    hide(i, std::min(text.find_first_not_of(" \t", value), text.size()));
    if (owner == npos) owner = key_column;
  }
}

ConfigDiagnostic SourceText::diagnose(ConfigDiagnostic::Level level, Place place, std::string message,
                                      std::string help) const {
  // yaml-cpp can point behind the last line: show the end of the last one instead.
  if (place.line >= lines()) place = {lines() - 1, line(lines() - 1).size(), 1};
  const std::string_view text = line(place.line);
  place.byte = std::min(place.byte, text.size());
  std::vector<ByteRange> masked;
  if (hidden_from_[place.line] < text.size()) masked.push_back({hidden_from_[place.line], text.size()});
  const Excerpt excerpt = excerpt_of(text, std::move(masked), {place.byte, place.byte + place.length});
  ConfigDiagnostic diagnostic;
  diagnostic.level = level;
  diagnostic.where = shown(name_);
  diagnostic.line = place.line + 1;
  diagnostic.column = column(place);
  diagnostic.message = std::move(message);
  diagnostic.help = std::move(help);
  diagnostic.excerpt = excerpt.text;
  diagnostic.caret = excerpt.caret;
  diagnostic.caret_length = excerpt.length;
  return diagnostic;
}

}  // namespace redflag::daemon::settings
