// What is wrong with a rule file, and where: file:line:column, the line, a caret, and the nearest valid name.
// All mistakes of a file are collected, because a person fixing one at a time at 3 a.m. is a person who gives
// up.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace redflag {

/// One mistake. Lines and columns count from 1, columns in characters (UTF-8 code points); 0 means "the file
/// as a whole".
struct Diagnostic {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message;    ///< one line, with advice where there is any
  std::string line_text;  ///< the offending line as written, cut when very long

  /// "file:3:9: message", the line, and a caret under the place; no newline at the end.
  std::string render() const;
};

class Diagnostics {
 public:
  /// Keeps at most kMost; later ones are only counted.
  void add(Diagnostic diagnostic);

  bool empty() const { return list_.empty(); }
  const std::vector<Diagnostic>& list() const { return list_; }
  std::string render() const;

  static constexpr std::size_t kMost = 50;

 private:
  std::vector<Diagnostic> list_;
  std::size_t left_out_ = 0;
};

/// A rule file held while it is compiled: its text and where its lines begin.
class SourceText {
 public:
  SourceText(std::string file, std::string text);

  const std::string& file() const { return file_; }
  const std::string& text() const { return text_; }
  std::size_t line_count() const { return starts_.size(); }
  /// Line by number from 0, without its line end; empty when there is no such line.
  std::string_view line(std::size_t number) const;

  /// `line` and `column` count from 0, the column in bytes.
  Diagnostic at(std::size_t line, std::size_t column, std::string message) const;
  Diagnostic whole_file(std::string message) const;

 private:
  std::string file_;
  std::string text_;
  std::vector<std::size_t> starts_;
};

/// The candidate nearest to `name` by edit distance, when it is near enough to be meant; empty otherwise.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

/// "; did you mean 'slope'?" or nothing.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// `text` for an error message: cut to a readable length, control characters replaced.
std::string shown(std::string_view text);

/// True when `text` is well-formed UTF-8.
bool valid_utf8(std::string_view text);

}  // namespace redflag
