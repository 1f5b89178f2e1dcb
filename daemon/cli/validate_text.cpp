// Everything from outside is escaped by folded().
#include "daemon/cli/validate_text.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "daemon/statistics/words.h"

namespace redflag::daemon {
namespace {

using validate::Checklist;
using validate::Line;
using validate::LineVerdict;
using validate::Remark;

constexpr std::size_t kNarrow = 60;
constexpr std::size_t kShownFailures = 5;
constexpr std::size_t kShownHoles = 3;
constexpr std::size_t kLongestRemark = 300;

std::string painted(std::string text, const char* code, const Look& look) {
  return look.color ? fmt::format("\033[{}m{}\033[0m", code, text) : std::move(text);
}

const char* color_of(LineVerdict verdict) {
  switch (verdict) {
    case LineVerdict::pass:
      return "32";
    case LineVerdict::fail:
      return "1;31";
    case LineVerdict::not_checked:
      return "33";
  }
  return "33";
}

/// What our own words use beyond ASCII, for terminals that cannot show it.
std::string plain(std::string text, const Look& look) {
  if (look.unicode) return text;
  for (const auto& [from, to] : {std::pair{"±", "+-"}, {"…", "..."}}) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
      text.replace(at, std::string_view(from).size(), to);
  }
  return text;
}

class Writer {
 public:
  explicit Writer(const Look& look) : look_(look), narrow_(look.width < kNarrow) {}

  /// `raw` at `indent`, folded with what follows hanging by `hang` more.
  void say(std::size_t indent, std::string_view raw, std::size_t hang = 0, const char* color = "") {
    const std::string text = folded(plain(std::string(raw), look_), indent + hang, look_.width);
    // The first line begins further left than folded() takes it to; it only gets shorter.
    out_ += std::string(indent, ' ') + (*color == '\0' ? text : painted(text, color, look_)) + '\n';
  }
  void gap() { out_ += '\n'; }
  void raw(std::string text) { out_ += plain(std::move(text), look_); }
  bool narrow() const { return narrow_; }
  const Look& look() const { return look_; }
  std::string take() { return std::move(out_); }

 private:
  const Look& look_;
  bool narrow_;
  std::string out_;
};

std::string words_of(const Remark& remark) {
  const std::string text = remark.about.empty() ? remark.words : remark.about + ": " + remark.words;
  return alerts::cut(text, kLongestRemark);
}

void remarks(Writer& out, std::size_t indent, const std::vector<Remark>& all, std::size_t total,
             std::size_t most) {
  for (std::size_t i = 0; i < std::min(all.size(), most); ++i) out.say(indent, "- " + words_of(all[i]), 2);
  const std::size_t shown = std::min(all.size(), most);
  if (total > shown) out.say(indent, fmt::format("- and {} more (--json, --html)", total - shown), 2);
}

void line_text(Writer& out, const Line& line) {
  const Look& look = out.look();
  const std::string verdict(to_string(line.verdict));
  std::size_t indent = 18;
  if (out.narrow()) {
    indent = 2;
    out.raw(painted(verdict, color_of(line.verdict), look) + " ");
    out.raw(folded(line.id + " " + line.title, verdict.size() + 1, look.width) + "\n");
  } else {
    std::string word = verdict;
    word.resize(11, ' ');
    out.raw("  " + painted(word, color_of(line.verdict), look) + fmt::format("  {:<3}  ", line.id) +
            folded(line.title, indent + 2, look.width) + "\n");
    indent = 20;
  }
  if (line.verdict == LineVerdict::pass) {
    out.say(indent, line.summary, 0, "2");
    return;
  }
  remarks(out, indent, line.failures, line.failures_total, kShownFailures);
  if (line.failures_total > 0 && line.holes_total > 0) {
    out.say(indent, "not looked at:");
    remarks(out, indent, line.holes, line.holes_total, 1);
  } else {
    remarks(out, indent, line.holes, line.holes_total, kShownHoles);
  }
  if (line.failures_total + line.holes_total == 0) out.say(indent, line.summary);
  const std::size_t most = line.verdict == LineVerdict::fail ? 2 : 1;
  for (std::size_t i = 0; i < std::min(line.advice.size(), most); ++i)
    out.say(indent, "-> " + line.advice[i], 3);
}

std::string ids_of(const Checklist& list, LineVerdict verdict) {
  std::string out;
  for (const validate::Section& section : list.sections) {
    for (const Line& line : section.lines) {
      if (line.verdict == verdict) out += (out.empty() ? "" : " ") + line.id;
    }
  }
  return out;
}

void head(Writer& out, const Checklist& list) {
  const std::size_t all = list.passed + list.failed + list.not_checked;
  const Look& look = out.look();
  if (list.failed > 0) {
    out.say(0,
            fmt::format("FAIL: {} of {} lines fail, {} not checked, {} pass.", list.failed, all,
                        list.not_checked, list.passed),
            0, "1;31");
  } else if (list.not_checked > 0) {
    out.say(0,
            fmt::format("NOT CHECKED: {} of {} lines could not be checked, {} pass, none fails.",
                        list.not_checked, all, list.passed),
            0, "33");
  } else {
    out.say(0, fmt::format("PASS: all {} lines were checked and pass.", all), 0, "32");
  }
  if (const std::string failing = ids_of(list, LineVerdict::fail); !failing.empty())
    out.say(2, "fail: " + failing, 6);
  if (const std::string open = ids_of(list, LineVerdict::not_checked); !open.empty())
    out.say(2, "not checked: " + open, 13);
  if (list.now != Time{}) out.say(2, "as of " + to_rfc3339(list.now), 0, "2");
  (void)look;
}

void statistics_text(Writer& out, const Checklist& list) {
  if (!list.statistics.empty()) {
    out.gap();
    out.say(0, "Scores over seeds, against the lower end of their range", 0, "1");
    for (const validate::TaskStatistics& each : list.statistics) {
      const std::string method = each.method.empty() ? "no method named" : each.method;
      out.say(2,
              fmt::format("{} {}, {}: {}", validate::task_title(each.task), each.metric, method,
                          statistics::average_words(each.test.found)),
              2);
      std::string words = statistics::bound_words(each.test);
      if (each.test.found.interval && each.test.found.n >= statistics::kSeedsNeeded)
        words += fmt::format("; true average likely within {} to {}",
                             statistics::score_words(each.test.found.interval->low),
                             statistics::score_words(each.test.found.interval->high));
      out.say(4, words, 0);
    }
  }
  if (list.comparisons.empty()) return;
  out.gap();
  out.say(0, "Methods compared", 0, "1");
  for (const validate::Comparison& each : list.comparisons) {
    out.say(2,
            fmt::format("{}: {} against {}: {}", validate::task_title(each.task), each.first, each.second,
                        each.words),
            2);
  }
}

}  // namespace

std::string checklist_text(const Checklist& list, const Look& look) {
  Writer out(look);
  head(out, list);
  for (const validate::Section& section : list.sections) {
    out.gap();
    out.say(0, section.title, 0, "1");
    for (const Line& line : section.lines) line_text(out, line);
  }
  statistics_text(out, list);
  return out.take();
}

}  // namespace redflag::daemon
