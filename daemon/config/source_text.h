// The text of a configuration file, by lines: what diagnostics point into. It knows which parts must not be
// shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/diagnostics.h"
#include "daemon/config/mask.h"

namespace redflag::daemon::settings {

/// A place in the text: 0-based line, 0-based byte of the line.
struct Place {
  std::size_t line = 0;
  std::size_t byte = 0;
  std::size_t length = 1;  ///< bytes that the caret underlines; cut at the end of the line
};

class SourceText {
 public:
  /// Takes the text as read; a byte order mark at its start is dropped.
  SourceText(std::string name, std::string text);

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  std::size_t lines() const { return starts_.size(); }
  /// Without its line break. Empty beyond the end.
  std::string_view line(std::size_t index) const;
  /// Byte offset at which a line starts.
  std::size_t offset(std::size_t line) const { return line < starts_.size() ? starts_[line] : text_.size(); }
  /// 1-based column in characters, as people count.
  std::size_t column(const Place& place) const;

  /// Hides the line from this byte on, in whatever diagnostic shows it.
  void hide(std::size_t line, std::size_t from_byte);

  ConfigDiagnostic diagnose(ConfigDiagnostic::Level level, Place place, std::string message,
                            std::string help = {}) const;

 private:
  void hide_secret_values();

  std::string name_;
  std::string text_;
  std::vector<std::size_t> starts_;
  std::vector<std::size_t> hidden_from_;  // per line: first byte that is not shown; npos = all is
};

}  // namespace redflag::daemon::settings
