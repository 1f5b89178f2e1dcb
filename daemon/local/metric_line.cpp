#include "daemon/local/metric_line.h"

#include <algorithm>

#include "daemon/local/metric_pairs.h"
#include "daemon/local/metric_words.h"
#include "daemon/local/python_dict.h"

namespace redflag::daemon::local {
namespace {

constexpr std::size_t kMaxLine = 4000;     // what is printed for people is shorter; dicts may be longer
constexpr std::size_t kMaxPreamble = 160;  // a logger's words before a dict

/// HF's and others' rows have a loss, a gradient norm, or a score of an evaluation; a printed dict of
/// anything else is no row.
bool looks_like_row(const LoggedRow& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row.is_number(i)) continue;
    const std::string_view name = row.name(i);
    if (name == "train_runtime" || name == "eval_runtime" || name == "train/train_runtime") return true;
    if (names_a_core_metric(name) || (name.starts_with("eval") && names_a_phase(name))) return true;
  }
  return false;
}

}  // namespace

std::optional<MetricLine> MetricLineParser::parse(std::string_view line, LoggedRow& row) {
  row.clear();
  const auto brace = line.find('{');
  if (brace != std::string_view::npos) {
    auto object = brace <= kMaxPreamble ? parse_object(line.substr(brace), row) : std::nullopt;
    if (!object) row.clear();
    return object;
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
  const std::string_view inside = line.substr(std::min(line.find_first_not_of(" \t", 1), line.size()));
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
  MetricPairs pairs(row);
  pairs.read(line);
  if (pairs.metrics() == 0) return std::nullopt;
  row.settle();
  MetricLine found;
  found.step = pairs.step();
  found.of = pairs.of();
  found.epoch = pairs.epoch();
  if (postfix) return found;
  if (!pairs.phase().empty()) {
    LoggedRow renamed;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string_view name = row.name(i);
      renamed.append(names_a_phase(name) ? std::string(name) : pairs.phase() + "_" + std::string(name),
                     row.number(i));
    }
    row = std::move(renamed);
  }
  if (found.step >= 0 || found.epoch >= 0) return found;
  // Without a position only what is unmistakably a result: "Test Accuracy: 78.18%".
  if (!pairs.is_plain_result()) return std::nullopt;
  found.continues = true;
  return found;
}

}  // namespace redflag::daemon::local
