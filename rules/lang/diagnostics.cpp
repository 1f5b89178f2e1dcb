#include "rules/lang/diagnostics.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

namespace redflag {
namespace {

constexpr std::size_t kLongestLineShown = 160;
constexpr std::size_t kLongestNameCompared = 64;

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

/// Optimal string alignment distance: insert, delete, replace, swap of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

}  // namespace

std::string Diagnostic::render() const {
  if (line == 0) return fmt::format("{}: {}", file, message);
  std::string text = fmt::format("{}:{}:{}: {}", file, line, column, message);
  text += "\n  " + line_text + "\n  ";
  // Tabs stay tabs, so that the caret lands under its character whatever the terminal's tab width.
  std::size_t seen = 1;
  for (std::size_t i = 0; i < line_text.size() && seen < column; ++i) {
    if (continues(line_text[i])) continue;
    text += line_text[i] == '\t' ? '\t' : ' ';
    ++seen;
  }
  if (seen < column) text.append(std::min(column - seen, kLongestLineShown), ' ');
  return text + '^';
}

void Diagnostics::add(Diagnostic diagnostic) {
  if (list_.size() < kMost) {
    list_.push_back(std::move(diagnostic));
  } else {
    ++left_out_;
  }
}

std::string Diagnostics::render() const {
  std::string text;
  for (const Diagnostic& diagnostic : list_) text += diagnostic.render() + "\n";
  if (left_out_ > 0) text += fmt::format("and {} more\n", left_out_);
  return text;
}

SourceText::SourceText(std::string file, std::string text) : file_(std::move(file)), text_(std::move(text)) {
  starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') starts_.push_back(i + 1);
  }
}

std::string_view SourceText::line(std::size_t number) const {
  if (number >= starts_.size()) return {};
  const std::size_t end = number + 1 < starts_.size() ? starts_[number + 1] - 1 : text_.size();
  std::string_view line = std::string_view(text_).substr(starts_[number], end - starts_[number]);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

Diagnostic SourceText::at(std::size_t line_number, std::size_t column, std::string message) const {
  std::string_view whole = line(line_number);
  column = std::min(column, whole.size());
  const std::size_t place = characters(whole.substr(0, column)) + 1;
  if (whole.size() > kLongestLineShown) {
    // A line of a megabyte is not shown whole; when the place lies beyond what is shown, the number has to
    // do.
    std::size_t end = kLongestLineShown;
    while (end > 0 && continues(whole[end])) --end;
    whole = whole.substr(0, end);
  }
  std::string shown_line;
  for (char c : whole) {
    const auto byte = static_cast<unsigned char>(c);
    shown_line += (byte < 0x20 && c != '\t') || byte == 0x7F ? '?' : c;
  }
  if (!valid_utf8(shown_line))
    std::replace_if(
        shown_line.begin(), shown_line.end(), [](char c) { return c < 0; }, '?');
  return Diagnostic{file_, line_number + 1, place, std::move(message), std::move(shown_line)};
}

Diagnostic SourceText::whole_file(std::string message) const {
  return Diagnostic{file_, 0, 0, std::move(message), {}};
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kLongestNameCompared) return {};
  const std::size_t limit = std::max<std::size_t>(1, name.size() / 3);
  std::size_t best = limit + 1;
  std::string nearest;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestNameCompared) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = nearest_name(name, candidates);
  return nearest.empty() ? std::string{} : fmt::format("; did you mean '{}'?", nearest);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i >= kMost && !continues(text[i])) return out + "...";
    const auto byte = static_cast<unsigned char>(text[i]);
    out += byte < 0x20 || byte == 0x7F ? ' ' : text[i];
  }
  return out;
}

bool valid_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  while (i < text.size()) {
    const unsigned first = byte(i);
    std::size_t more = 0;
    unsigned point = first;
    if (first >= 0x80) {
      if (first >= 0xC2 && first <= 0xDF)
        more = 1;
      else if (first >= 0xE0 && first <= 0xEF)
        more = 2;
      else if (first >= 0xF0 && first <= 0xF4)
        more = 3;
      else
        return false;
      point = first & (0x3FU >> more);
    }
    if (i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if (!continues(text[i + k])) return false;
      point = (point << 6U) | (byte(i + k) & 0x3FU);
    }
    if (more == 2 && (point < 0x800 || (point >= 0xD800 && point <= 0xDFFF))) return false;
    if (more == 3 && (point < 0x10000 || point > 0x10FFFF)) return false;
    i += more + 1;
  }
  return true;
}

}  // namespace redflag
