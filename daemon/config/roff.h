// Manual pages in roff (man(7)): escaping, and the few shapes that our pages are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon {

/// Text that roff shows as it is; what stands between `backticks` is set bold.
std::string roff_text(std::string_view text);

/// A page under construction. Clean under `man --warnings` and `mandoc -Tlint`.
class RoffPage {
 public:
  /// `name` of the page: "redflag-replay"; `summary` one line, for whatis(1). The date is that of
  /// $SOURCE_DATE_EPOCH, else today.
  RoffPage(std::string_view name, int section, std::string_view summary);

  void heading(std::string_view title);     ///< "EXIT STATUS"
  void subheading(std::string_view title);  ///< "wandb"
  void paragraph(std::string_view text);
  /// Lines as they are, indented.
  void verbatim(const std::vector<std::string>& lines);
  /// `tag` is roff already (see bold, italic); `text` may be empty.
  void tagged(const std::string& tag, std::string_view text);
  /// A line of roff.
  void raw(std::string_view line);
  /// "a(1), b(8)": set as references.
  void see_also(const std::vector<std::string>& pages);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool fresh_ = true;  // right after a heading, where a paragraph's request would be one too many
};

std::string roff_bold(std::string_view text);
std::string roff_italic(std::string_view text);

}  // namespace redflag::daemon
