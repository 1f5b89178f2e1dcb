#include "daemon/local/progress_bar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace redflag::daemon::local {
namespace {

constexpr std::size_t kMaxBytes = 2000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The digits at the start of `text`, cut off from it: a bar has six such numbers, and is drawn ten times a
/// second. nullopt: there are none, or more than any count has.
std::optional<std::int64_t> take_digits(std::string_view& text) {
  std::size_t length = 0;
  std::int64_t value = 0;
  for (; length < text.size() && is_digit(text[length]); ++length) {
    if (length == 18) return std::nullopt;
    value = value * 10 + (text[length] - '0');
  }
  if (length == 0) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

/// "90", "1.2k", "3.4M", "12,345". Cut off from `text`.
std::optional<std::int64_t> take_count(std::string_view& text) {
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  double value = static_cast<double>(*whole);
  if (text.size() > 1 && text.front() == '.' && is_digit(text[1])) {
    double scale = 0.1;
    text.remove_prefix(1);
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), scale /= 10)
      value += scale * (text.front() - '0');
  }
  if (!text.empty()) {
    const char unit = text.front();
    const double factor = unit == 'k'   ? 1e3
                          : unit == 'M' ? 1e6
                          : unit == 'G' ? 1e9
                          : unit == 'T' ? 1e12
                                        : 0.0;
    if (factor > 0) {
      value *= factor;
      text.remove_prefix(1);
    }
  }
  if (value > 1e15) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(value));
}

/// "00:31", "1:20:33", "2 days, 1:20:33" (the days are left out by tqdm itself), "38s". Negative: none.
Duration take_clock(std::string_view text) {
  text = trimmed(text);
  std::int64_t seconds = 0;
  bool any = false;
  std::int64_t days = 0;
  if (const auto day = text.find(" day"); day != std::string_view::npos) {
    std::from_chars(text.data(), text.data() + day, days);
    const auto comma = text.find(' ', day + 1);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  while (!text.empty()) {
    const auto part = take_digits(text);
    if (!part || *part > 10000000) break;
    seconds = seconds * 60 + *part;
    any = true;
    if (!text.starts_with(':')) break;
    text.remove_prefix(1);
  }
  if (!any || seconds > 1000000000 || days < 0 || days > 10000) return Duration{-1};
  return std::chrono::seconds(seconds + days * 86400);
}

/// "2.83it/s", "27.52s/it", "350ms/step".
double take_rate(std::string_view text) {
  text = trimmed(text);
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !(number > 0.0) || !std::isfinite(number)) return 0.0;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.starts_with("s/")) return 1.0 / number;
  if (unit.starts_with("ms/")) return 1000.0 / number;
  if (unit.starts_with("us/")) return 1e6 / number;
  if (unit.ends_with("/s")) return number * (unit.front() == 'k' ? 1e3 : unit.front() == 'M' ? 1e6 : 1.0);
  return 0.0;
}

/// "[elapsed<remaining, rate, postfix]" without its brackets.
void take_bracket(std::string_view inside, Bar& bar) {
  const auto comma = inside.find(',');
  const std::string_view clocks = inside.substr(0, comma);
  const auto less = clocks.find('<');
  bar.progress.elapsed = std::max(take_clock(clocks.substr(0, less)), Duration{});
  if (less != std::string_view::npos) bar.progress.remaining = take_clock(clocks.substr(less + 1));
  if (comma == std::string_view::npos) return;
  inside.remove_prefix(comma + 1);
  const auto second = inside.find(',');
  bar.progress.per_second = take_rate(inside.substr(0, second));
  if (second != std::string_view::npos) bar.postfix = trimmed(inside.substr(second + 1));
}

std::optional<Bar> parse_tqdm(std::string_view line) {
  const auto percent = line.find("%|");
  if (percent == std::string_view::npos || percent == 0 || !is_digit(line[percent - 1])) return std::nullopt;
  std::size_t begin = percent;
  while (begin > 0 && (is_digit(line[begin - 1]) || line[begin - 1] == '.')) --begin;
  Bar bar;
  bar.progress.remaining = Duration{-1};
  std::string_view label = trimmed(line.substr(0, begin));
  if (label.ends_with(':')) label.remove_suffix(1);
  bar.progress.label.assign(label.substr(0, 100));
  const auto close = line.find('|', percent + 2);
  if (close == std::string_view::npos) return std::nullopt;
  std::string_view rest = trimmed(line.substr(close + 1));
  const auto done = take_count(rest);
  if (!done || !rest.starts_with('/')) return std::nullopt;
  rest.remove_prefix(1);
  const auto total = take_count(rest);
  if (!total) return std::nullopt;
  bar.progress.done = *done;
  bar.progress.total = *total;
  const auto open = rest.find('[');
  if (open == std::string_view::npos || open > 12) return std::nullopt;
  // A postfix may hold brackets of its own.
  std::size_t end = open + 1;
  for (int depth = 1; end < rest.size(); ++end) {
    depth += rest[end] == '[' ? 1 : rest[end] == ']' ? -1 : 0;
    if (depth == 0) break;
  }
  if (end >= rest.size()) return std::nullopt;  // not written whole
  take_bracket(rest.substr(open + 1, end - open - 1), bar);
  bar.rest = trimmed(rest.substr(end + 1));
  return bar;
}

std::optional<Bar> parse_keras(std::string_view line) {
  std::string_view rest = trimmed(line);
  if (rest.empty() || !is_digit(rest.front())) return std::nullopt;
  const auto done = take_count(rest);
  if (!done || !rest.starts_with('/')) return std::nullopt;
  rest.remove_prefix(1);
  const auto total = take_count(rest);
  if (!total || !rest.starts_with(' ')) return std::nullopt;
  rest = trimmed(rest);
  Bar bar;
  bar.keras = true;
  bar.progress.done = *done;
  bar.progress.total = *total;
  bar.progress.remaining = Duration{-1};
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos || close < 10) return std::nullopt;
    for (const char c : rest.substr(1, close - 1))
      if (c != '=' && c != '>' && c != '.') return std::nullopt;
    rest.remove_prefix(close + 1);
  } else if (rest.starts_with("\u2501")) {
    while (rest.starts_with("\u2501")) rest.remove_prefix(std::strlen("\u2501"));
  } else {
    return std::nullopt;
  }
  rest = trimmed(rest);
  if (const auto eta = rest.find("ETA: "); eta != std::string_view::npos)
    bar.progress.remaining = take_clock(rest.substr(eta + 5));
  const auto dash = rest.find(" - ");
  bar.postfix = rest.starts_with("- ")           ? rest.substr(2)
                : dash == std::string_view::npos ? ""
                                                 : rest.substr(dash + 3);
  return bar;
}

}  // namespace

std::optional<Bar> parse_bar(std::string_view line) {
  const std::string_view head = line.substr(0, kMaxBytes);
  if (head.find("%|") != std::string_view::npos) {
    std::optional<Bar> bar = parse_tqdm(head);
    if (bar && head.size() < line.size())
      bar->rest = {bar->rest.data(), bar->rest.size() + (line.size() - head.size())};
    return bar;
  }
  return parse_keras(head);
}

}  // namespace redflag::daemon::local
