#include "daemon/local/metric_pairs.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "daemon/local/metric_words.h"
#include "daemon/runs/json_number.h"

namespace redflag::daemon::local {
namespace {

constexpr int kMaxNameWords = 3;
constexpr std::size_t kMaxName = 120;
constexpr double kLargestCount = 9e15;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '/' || c == '@' || c == '.';
}

/// "nan", "inf": a number although it begins with a letter.
bool begins_nonfinite(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_letter(text[end])) ++end;
  return nonfinite_from(text.substr(0, end)).has_value();
}

/// A number, perhaps with '%', cut off from `rest`. nullopt: none.
struct Number {
  double value;
  bool percent;
  bool whole;
};
std::optional<Number> take_number_from(std::string_view& rest) {
  std::size_t end = 0;
  if (end < rest.size() && (rest[end] == '-' || rest[end] == '+')) ++end;
  const std::size_t sign = end;
  if (end < rest.size() && is_letter(rest[end])) {
    while (end < rest.size() && is_letter(rest[end])) ++end;
    const auto special = nonfinite_from(rest.substr(0, end));
    if (!special || (end < rest.size() && is_word(rest[end]))) return std::nullopt;
    rest.remove_prefix(end);
    return Number{*special, false, false};
  }
  bool whole = true;
  bool digits = false;
  for (; end < rest.size(); ++end) {
    const char c = rest[end];
    if (is_digit(c)) {
      digits = true;
    } else if (c == '.' && end + 1 < rest.size() && is_digit(rest[end + 1]) && whole) {
      whole = false;
    } else if ((c == 'e' || c == 'E') && digits && end + 1 < rest.size() &&
               (is_digit(rest[end + 1]) ||
                (end + 2 < rest.size() && (rest[end + 1] == '-' || rest[end + 1] == '+') &&
                 is_digit(rest[end + 2])))) {
      whole = false;
      ++end;
    } else if (c == ',' && whole && digits && end - sign <= 3 && end + 3 < rest.size() &&
               is_digit(rest[end + 1]) && is_digit(rest[end + 2]) && is_digit(rest[end + 3]) &&
               (end + 4 >= rest.size() || !is_digit(rest[end + 4]))) {
      return std::nullopt;  // "18,432": no metric is written so
    } else {
      break;
    }
  }
  if (!digits) return std::nullopt;
  double value = 0.0;
  const char* const begin = rest.data() + (rest.front() == '+' ? 1 : 0);
  const auto [stop, error] = std::from_chars(begin, rest.data() + end, value);
  if (stop != rest.data() + end) return std::nullopt;
  if (error == std::errc::result_out_of_range)
    value = rest.substr(0, end).find("e-") != std::string_view::npos
                ? 0.0
                : std::numeric_limits<double>::infinity();
  rest.remove_prefix(end);
  const bool percent = rest.starts_with('%');
  if (percent) rest.remove_prefix(1);
  return Number{value, percent, whole && !percent};
}

void skip_blanks(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
}

/// "/ 500000" behind a number: the total.
std::optional<std::int64_t> take_total(std::string_view& rest) {
  std::string_view ahead = rest;
  skip_blanks(ahead);
  if (!ahead.starts_with('/')) return std::nullopt;
  ahead.remove_prefix(1);
  skip_blanks(ahead);
  const auto number = take_number_from(ahead);
  if (!number || !number->whole || !(number->value >= 0) || number->value > 9e15) return std::nullopt;
  rest = ahead;
  return static_cast<std::int64_t>(number->value);
}

/// "(1%)" behind a count: samples seen of all, as PyTorch's examples print them.
bool is_share_of_samples(std::string_view rest) {
  skip_blanks(rest);
  return rest.starts_with('(') && rest.substr(0, 8).find("%)") != std::string_view::npos;
}

}  // namespace

void MetricPairs::forget_name() {
  name_.clear();
  words_ = 0;
  separated_ = false;
}

void MetricPairs::read(std::string_view line) {
  rest_ = line;
  forget_name();
  while (!rest_.empty()) {
    const char c = rest_.front();
    const bool sign = (c == '-' || c == '+') && rest_.size() > 1 && words_ > 0 &&
                      (is_digit(rest_[1]) || begins_nonfinite(rest_.substr(1)));
    const bool nonfinite = is_letter(c) && (separated_ || is_metric_name(name_)) && begins_nonfinite(rest_);
    if (is_digit(c) || sign || nonfinite) {
      if (!take_number()) {
        // "3x", "1.2.3": no number; over all of it
        do rest_.remove_prefix(1);
        while (!rest_.empty() && (is_word(rest_.front()) || rest_.front() == ','));
        forget_name();
      }
    } else if (is_letter(c) || c == '_') {
      take_word();
    } else {
      take_sign(c);
      rest_.remove_prefix(1);
    }
  }
}

bool MetricPairs::take_number() {
  std::string_view ahead = rest_;
  const auto number = take_number_from(ahead);
  if (!number) return false;
  // "0.5x" is no loss, but "120.11ms" is a time
  const bool runs_on = !ahead.empty() && is_letter(ahead.front());
  if (runs_on && is_metric_name(name_)) return false;
  rest_ = ahead;
  take_value(number->percent ? number->value / 100.0 : number->value, number->whole);
  forget_name();
  return true;
}

void MetricPairs::take_value(double value, bool whole) {
  const bool countable = value >= 0 && value < kLargestCount;
  if (is_step_name(name_) && whole && countable) {
    if (step_ >= 0) return;
    step_ = static_cast<std::int64_t>(value);
    of_ = take_total(rest_).value_or(-1);
  } else if (is_epoch_name(name_) && countable) {
    if (epoch_ < 0) {
      epoch_ = value;
      take_total(rest_);
    }
    after_epoch_ = true;
    return;
  } else if (words_ > 0 && is_metric_name(name_)) {
    row_.append(name_, value);
    ++metrics_;
    bare_ = bare_ || !separated_;
    named_phase_ = named_phase_ || names_a_phase(name_);
  } else if (after_epoch_ && words_ == 0 && whole && countable && step_ < 0) {
    // the place within the epoch: "Epoch [1][50/100]", "epoch 001:    100 / 2000 loss=…"
    const auto total = take_total(rest_);
    if (total && !is_share_of_samples(rest_)) {
      step_ = static_cast<std::int64_t>(value);
      of_ = *total;
    }
  }
  after_epoch_ = false;
}

void MetricPairs::take_word() {
  std::size_t end = 0;
  while (end < rest_.size() &&
         (is_word(rest_[end]) || (rest_[end] == '-' && end + 1 < rest_.size() && is_letter(rest_[end + 1]))))
    ++end;
  std::string_view word = rest_.substr(0, end);
  while (!word.empty() && word.back() == '.') word.remove_suffix(1);
  rest_.remove_prefix(std::max<std::size_t>(end, 1));
  if (separated_) forget_name();  // the value was a word
  if (++words_ > kMaxNameWords) {
    // Only the last words before a number can be its name.
    prose_ = true;
    words_ = kMaxNameWords;
    const auto first = name_.find('_');
    name_.erase(0, first == std::string::npos ? name_.size() : first + 1);
  }
  if (!name_.empty()) name_ += '_';
  for (const char c : word)
    name_ += static_cast<char>(c == '-' ? '_' : std::tolower(static_cast<unsigned char>(c)));
  if (name_.size() > kMaxName) forget_name();
}

void MetricPairs::take_sign(char sign) {
  switch (sign) {
    case ':':
    case '=':
    case ']':
      if (is_phase(name_)) {
        phase_ = name_;  // "val: loss 1.2 acc 0.5", "[train] step=5"
        forget_name();
      } else if (sign == ']' || separated_) {
        forget_name();
      } else if (words_ > 0) {
        separated_ = true;
      }
      break;
    case ',':
    case '|':
    case ';':
    case ')':
      forget_name();
      break;
    case '-':
      if (rest_.substr(1, 1) == " ") forget_name();
      break;
    default:
      break;
  }
}

}  // namespace redflag::daemon::local
