#include "daemon/local/metric_line.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "daemon/local/python_dict.h"
#include "daemon/runs/json_number.h"

namespace redflag::daemon::local {
namespace {

constexpr std::size_t kMaxLine = 4000;  // what is printed for people is shorter; dicts may be longer
constexpr int kMaxNameWords = 3;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '/' || c == '@' || c == '.';
}

template <std::size_t Count>
bool one_of(std::string_view word, const std::array<std::string_view, Count>& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

constexpr std::array<std::string_view, 10> kStepWords{
    "step", "steps", "global_step", "iter", "iteration", "iters", "iterations", "it", "batch", "update"};
constexpr std::array<std::string_view, 2> kEpochWords{"epoch", "epochs"};
constexpr std::array<std::string_view, 28> kMetricWords{
    "loss",   "losses",    "acc",    "accuracy", "f1",   "lr",   "ppl",   "perplexity", "grad", "gradnorm",
    "reward", "rewards",   "bleu",   "auc",      "mse",  "mae",  "rmse",  "wer",        "cer",  "iou",
    "em",     "precision", "recall", "kl",       "rate", "norm", "gnorm", "mcc"};

/// Any part of the name between '_', '/' and '.' is a metric's word.
template <typename Test>
bool any_part(std::string_view name, Test test) {
  while (!name.empty()) {
    const auto end = std::min(name.find_first_of("_/.@"), name.size());
    std::string_view part = name.substr(0, end);
    while (part.size() > 1 && is_digit(part.back()) && part != "f1") part.remove_suffix(1);
    if (test(part)) return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

bool names_a_phase(std::string_view name) {
  return any_part(name, [](std::string_view part) {
    constexpr std::array<std::string_view, 9> kPhases{"train", "training", "test",       "val",       "valid",
                                                      "eval",  "dev",      "evaluation", "validation"};
    return one_of(part, kPhases);
  });
}

/// HF's and others' rows have a loss, a gradient norm, or a score of an evaluation; a printed dict of
/// anything else is no row.
bool looks_like_row(const LoggedRow& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row.is_number(i)) continue;
    const std::string_view name = row.name(i);
    if (name == "train_runtime" || name == "eval_runtime" || name == "train/train_runtime") return true;
    const bool good = any_part(name, [](std::string_view part) {
      return part == "loss" || part == "losses" || part == "grad" || part == "ppl" || part == "perplexity" ||
             part == "accuracy" || part == "acc";
    });
    if (good || (name.starts_with("eval") && names_a_phase(name))) return true;
  }
  return false;
}

/// A number, perhaps with '%', cut off from `rest`. nullopt: none.
struct Number {
  double value;
  bool percent;
  bool whole;
};
std::optional<Number> take_number(std::string_view& rest) {
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
  const auto number = take_number(ahead);
  if (!number || !number->whole || !(number->value >= 0) || number->value > 9e15) return std::nullopt;
  rest = ahead;
  return static_cast<std::int64_t>(number->value);
}

}  // namespace

bool is_metric_name(std::string_view name) {
  return any_part(name, [](std::string_view part) {
    return one_of(part, kMetricWords) ||
           (part.size() > 4 && (part.ends_with("loss") || part.ends_with("acc")));
  });
}

std::optional<MetricLine> MetricLineParser::parse(std::string_view line, LoggedRow& row) {
  row.clear();
  const auto brace = line.find('{');
  if (brace != std::string_view::npos) {
    if (auto object = parse_object(line.substr(brace), row)) {
      // "Loaded config {…}" is no row: with words before it, it needs to have a loss of its own.
      if (brace == 0 || (brace <= 160 && looks_like_row(row))) return object;
    }
    row.clear();
    return std::nullopt;
  }
  if (line.size() > kMaxLine) return std::nullopt;
  return parse_pairs(line, row, false);
}

bool MetricLineParser::parse_postfix(std::string_view text, LoggedRow& row) {
  row.clear();
  return parse_pairs(text.substr(0, kMaxLine), row, true).has_value();
}

std::optional<MetricLine> MetricLineParser::parse_object(std::string_view line, LoggedRow& row) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  if (!line.ends_with('}')) return std::nullopt;
  std::string_view inside = line.substr(1);
  skip_blanks(inside);
  if (inside.starts_with('"') && json_.parse(line, row) == RowJson::Outcome::row) {
    // read as JSON
  } else {
    row.clear();
    if (!parse_python_dict(line, row)) return std::nullopt;
  }
  if (!looks_like_row(row)) return std::nullopt;
  MetricLine found;
  found.is_dict = true;
  if (const auto epoch = row.number_of("epoch")) found.epoch = *epoch;
  return found;
}

std::optional<MetricLine> MetricLineParser::parse_pairs(std::string_view line, LoggedRow& row, bool postfix) {
  MetricLine found;
  name_.clear();
  std::string phase;
  int words = 0;
  bool separated = false;     // ':' or '=' since the name
  bool bare_metrics = false;  // "loss 1.2" without a separator
  bool named_phase = false;
  bool prose = false;
  std::size_t metrics = 0;
  enum class Position { none, step, epoch } position = Position::none;
  std::string_view rest = line;
  const auto forget_name = [&] {
    name_.clear();
    words = 0;
    separated = false;
  };
  while (!rest.empty()) {
    const char c = rest.front();
    const bool signed_number =
        (c == '-' || c == '+') && rest.size() > 1 && (is_digit(rest[1]) || rest[1] == 'i' || rest[1] == 'n');
    const bool special =
        is_letter(c) && separated &&
        nonfinite_from(rest.substr(0, std::min(rest.find_first_not_of(
                                                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                                               rest.size())))
            .has_value();
    const bool bare_special =
        is_letter(c) && !separated && words > 0 && is_metric_name(name_) &&
        nonfinite_from(rest.substr(0, std::min(rest.find_first_not_of(
                                                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                                               rest.size())))
            .has_value();
    if (is_digit(c) || (signed_number && (separated || words > 0)) || special || bare_special) {
      std::string_view ahead = rest;
      const auto number = take_number(ahead);
      if (!number || (!ahead.empty() && is_letter(ahead.front()) && separated && !postfix &&
                      is_metric_name(name_) && ahead.front() != 's' && ahead.front() != 'm')) {
        // "3x", "1.2.3": pass over the whole of it
        do rest.remove_prefix(1);
        while (!rest.empty() && (is_word(rest.front()) || rest.front() == ','));
        forget_name();
        continue;
      }
      rest = ahead;
      const bool is_step = one_of(std::string_view(name_), kStepWords);
      const bool is_epoch = one_of(std::string_view(name_), kEpochWords) ||
                            (name_.ends_with("_epoch") && !is_metric_name(name_));
      const bool can_be_position = number->value >= 0 && number->value < 9e15;
      if (is_step && number->whole && can_be_position) {
        if (found.step < 0) {
          found.step = static_cast<std::int64_t>(number->value);
          if (const auto total = take_total(rest)) found.of = *total;
        }
        position = Position::step;
      } else if (is_epoch && can_be_position) {
        if (found.epoch < 0) {
          found.epoch = number->value;
          take_total(rest);
        }
        position = Position::epoch;
      } else if (words > 0 && is_metric_name(name_)) {
        double value = number->value;
        if (number->percent) value /= 100.0;
        row.append(name_, value);
        ++metrics;
        if (!separated) bare_metrics = true;
        if (names_a_phase(name_)) named_phase = true;
        position = Position::none;
      } else if (position == Position::epoch && words == 0) {
        // "Epoch [1][50/100]", "epoch 001:    100 / 2000 loss=…": the place within the epoch
        const auto total = number->whole && can_be_position ? take_total(rest) : std::nullopt;
        if (total && found.step < 0) {
          found.step = static_cast<std::int64_t>(number->value);
          found.of = *total;
        }
        position = Position::none;
      }
      forget_name();
      continue;
    }
    if (is_letter(c) || c == '_') {
      std::size_t end = 0;
      while (end < rest.size() &&
             (is_word(rest[end]) || (rest[end] == '-' && end + 1 < rest.size() && is_letter(rest[end + 1]))))
        ++end;
      std::string_view word = rest.substr(0, end);
      while (!word.empty() && word.back() == '.') word.remove_suffix(1);
      if (separated) {
        forget_name();  // the value was a word
      }
      if (++words > kMaxNameWords) {
        // Only the last words before a number can be its name.
        prose = true;
        const auto first = name_.find('_');
        name_.erase(0, first == std::string::npos ? name_.size() : first + 1);
        words = kMaxNameWords;
      }
      if (!name_.empty()) name_ += '_';
      for (const char letter : word)
        name_ += static_cast<char>(letter == '-' ? '_' : std::tolower(static_cast<unsigned char>(letter)));
      if (name_.size() > 120) forget_name();
      rest.remove_prefix(std::max<std::size_t>(end, 1));
      continue;
    }
    if (c == ':' || c == '=') {
      if (words > 0 && !separated) {
        separated = true;
      } else if (separated) {
        forget_name();
      }
      if (name_ == "train" || name_ == "val" || name_ == "eval" || name_ == "test" || name_ == "valid") {
        // "val: loss 1.2 acc 0.5"
        phase = name_;
        forget_name();
      }
    } else if (c == ',' || c == '|' || c == ';' || c == ')' || c == '\xc2') {
      forget_name();
      if (c == '|' || c == ';') position = position == Position::epoch ? position : Position::none;
    } else if (c == '-' && words > 0 && rest.size() > 1 && rest[1] == ' ') {
      forget_name();
    }
    rest.remove_prefix(1);
  }
  if (metrics == 0) return std::nullopt;
  row.settle();
  if (postfix) return found;
  if (!phase.empty() && !named_phase) {
    LoggedRow renamed;
    for (std::size_t i = 0; i < row.size(); ++i)
      renamed.append(phase + "_" + std::string(row.name(i)), row.number(i));
    row = std::move(renamed);
  }
  const bool has_position = found.step >= 0 || found.epoch >= 0;
  if (has_position) return found;
  // Without a position only what is unmistakably a result: "Test Accuracy: 78.18%".
  if (!bare_metrics && named_phase && !prose) {
    found.continues = true;
    return found;
  }
  return std::nullopt;
}

}  // namespace redflag::daemon::local
