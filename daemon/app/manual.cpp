// The details of a command are plain text as a terminal shows it; here their shapes are recognised again.
#include "daemon/app/manual.h"

#include <array>
#include <string_view>

#include "daemon/config/roff.h"

namespace redflag::daemon {
namespace {

struct NamedSection {
  std::string_view prefix;
  std::string_view heading;
};

/// In the order in which manual pages have them.
constexpr std::array<NamedSection, 5> kSections{{{"exit codes:", "EXIT STATUS"},
                                                 {"environment:", "ENVIRONMENT"},
                                                 {"signals:", "SIGNALS"},
                                                 {"examples:", "EXAMPLES"},
                                                 {"see also:", "NOTES"}}};

/// Paragraphs: runs of lines that are not empty.
std::vector<std::vector<std::string>> paragraphs_of(std::string_view text) {
  std::vector<std::vector<std::string>> all(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end == 0) {
      if (!all.back().empty()) all.emplace_back();
    } else {
      all.back().emplace_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (all.back().empty()) all.pop_back();
  return all;
}

/// Indented lines stay as they are, the others are filled. An indented line below text goes on with it.
void write_lines(const std::vector<std::string>& lines, RoffPage& page) {
  std::string text;
  std::vector<std::string> code;
  const auto flush = [&] {
    if (!text.empty()) page.paragraph(text);
    if (!code.empty()) page.verbatim(code);
    text.clear();
    code.clear();
  };
  for (const std::string& line : lines) {
    const bool indented = line.starts_with("  ");
    if (indented != !code.empty()) flush();
    if (indented) {
      code.push_back(line.substr(2));
    } else {
      text += (text.empty() ? "" : " ") + line;
    }
  }
  flush();
}

void write_options(const CommandSpec& spec, RoffPage& page) {
  page.heading("OPTIONS");
  for (const OptionSpec& option : spec.options) {
    page.tagged(
        roff_bold("--" + option.name) + (option.argument.empty() ? "" : " " + roff_italic(option.argument)),
        option.help);
  }
  page.tagged(roff_bold("--help"), "what it does, in short");
}

}  // namespace

std::string manual_page(const ManualSubject& subject) {
  const CommandSpec& spec = *subject.spec;
  std::string summary = spec.summary;
  if (summary.ends_with('.')) summary.pop_back();
  RoffPage page(subject.name, subject.section, summary);
  page.heading("SYNOPSIS");
  page.raw(roff_bold(subject.invocation) + (spec.options.empty() ? "" : " [" + roff_italic("OPTIONS") + "]") +
           (spec.operands.empty() ? "" : " " + roff_italic(spec.operands)));

  page.heading("DESCRIPTION");
  page.paragraph(spec.summary);
  std::array<std::vector<std::vector<std::string>>, kSections.size()> named;
  for (std::vector<std::string>& lines : paragraphs_of(spec.details)) {
    std::size_t section = 0;
    while (section < kSections.size() && !lines.front().starts_with(kSections[section].prefix)) ++section;
    if (section == kSections.size()) {
      write_lines(lines, page);
      continue;
    }
    std::string& first = lines.front();
    first.erase(0, kSections[section].prefix.size());
    first.erase(0, first.find_first_not_of(' '));
    if (first.empty()) lines.erase(lines.begin());
    if (!lines.empty()) named[section].push_back(std::move(lines));
  }
  if (!subject.commands.empty()) {
    page.heading("COMMANDS");
    for (const auto& [name, about] : subject.commands) page.tagged(roff_bold(name), about);
  }
  if (!spec.options.empty()) write_options(spec, page);
  for (std::size_t i = 0; i < kSections.size(); ++i) {
    if (!named[i].empty()) page.heading(kSections[i].heading);
    for (const std::vector<std::string>& lines : named[i]) write_lines(lines, page);
  }
  page.see_also(subject.see_also);
  return page.text();
}

}  // namespace redflag::daemon
