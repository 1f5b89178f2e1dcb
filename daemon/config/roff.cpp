// Everything that is not a letter of ASCII goes out as an escape: what groff makes of bytes depends on locale
// and device.
#include "daemon/config/roff.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

namespace redflag::daemon {
namespace {

/// Takes one code point off `text`, which is UTF-8 of our own sources.
std::uint32_t next_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::uint32_t point = length == 1 ? first : first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length && i < text.size(); ++i) point = point << 6 | (byte(i) & 0x3fU);
  text.remove_prefix(std::min(length, text.size()));
  return point;
}

std::string escaped(std::string_view text) {
  std::string out;
  bool line_start = true;
  while (!text.empty()) {
    const std::uint32_t point = next_code_point(text);
    if (line_start && (point == '.' || point == '\'')) out += "\\&";
    line_start = point == '\n';
    switch (point) {
      case '\\':
        out += "\\(rs";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += point < 0x80 ? std::string(1, static_cast<char>(point)) : fmt::format("\\[u{:04X}]", point);
    }
  }
  return out;
}

std::string page_date() {
  std::time_t when = std::time(nullptr);
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH"); epoch != nullptr) when = std::atoll(epoch);
  std::tm parts{};
  if (::gmtime_r(&when, &parts) == nullptr) return "1970-01-01";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

}  // namespace

std::string roff_bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}

std::string roff_italic(std::string_view text) {
  return "\\fI" + escaped(text) + "\\fR";
}

std::string roff_text(std::string_view text) {
  std::string out;
  bool line_start = true;
  while (!text.empty()) {
    const std::size_t open = text.find('`');
    const std::size_t close = open == std::string_view::npos ? open : text.find('`', open + 1);
    const std::string_view plain = text.substr(0, close == std::string_view::npos ? close : open);
    std::string piece = escaped(plain);
    // A word in bold inside a sentence is no line's start, so the escape for one is of no use there.
    if (!line_start && piece.starts_with("\\&")) piece.erase(0, 2);
    out += piece;
    if (close == std::string_view::npos) break;
    out += roff_bold(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
    line_start = false;
  }
  return out;
}

RoffPage::RoffPage(std::string_view name, int section, std::string_view summary) {
  std::string title(name);
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  text_ = fmt::format(".TH {} {} {} \"redflag {}\" \"redflag\"\n", escaped(title), section, page_date(),
                      REDFLAG_VERSION);
  text_ += ".nh\n.ad l\n";  // commands and keys are not to be broken, nor lines stretched
  heading("NAME");
  raw(fmt::format("{} \\- {}", escaped(name), roff_text(summary)));
}

void RoffPage::raw(std::string_view line) {
  text_ += line;
  text_ += '\n';
  fresh_ = false;
}

void RoffPage::heading(std::string_view title) {
  text_ += fmt::format(".SH {}\n", roff_text(title));
  fresh_ = true;
}

void RoffPage::subheading(std::string_view title) {
  text_ += fmt::format(".SS {}\n", roff_text(title));
  fresh_ = true;
}

void RoffPage::paragraph(std::string_view text) {
  if (!fresh_) text_ += ".PP\n";
  raw(roff_text(text));
}

void RoffPage::verbatim(const std::vector<std::string>& lines) {
  if (!fresh_) text_ += ".PP\n";
  text_ += ".nf\n.RS 4\n";
  // roff takes an empty line for a request of its own.
  for (const std::string& line : lines) text_ += line.empty() ? ".sp 1\n" : escaped(line) + "\n";
  raw(".RE\n.fi");
}

void RoffPage::tagged(const std::string& tag, std::string_view text) {
  text_ += ".TP\n" + tag + "\n";
  raw(text.empty() ? "\\&" : roff_text(text));
}

void RoffPage::see_also(const std::vector<std::string>& pages) {
  heading("SEE ALSO");
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::size_t paren = pages[i].find('(');
    raw(fmt::format(".BR {} {}{}", escaped(pages[i].substr(0, paren)), pages[i].substr(paren),
                    i + 1 < pages.size() ? "," : ""));
  }
}

}  // namespace redflag::daemon
