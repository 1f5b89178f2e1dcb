// "label   words" lines about one thing: what `redflag alerts show` and `redflag flags show` are made of.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "daemon/cli/operator_text.h"
#include "rules/values/time.h"

namespace redflag::daemon {

class FactList {
 public:
  /// `look` outlives it.
  explicit FactList(const Look& look) : look_(look) {}

  /// A line of its own, folded; below 60 columns the words stand below the label. Nothing when there is
  /// nothing to say.
  void add(std::string_view label, std::string_view words);
  /// "2026-11-23T02:56:39Z (12 min ago)"; nothing for Time{}.
  void add_time(std::string_view label, Time time, Time now);

  std::string take() { return std::move(text_); }

 private:
  const Look& look_;
  std::string text_;
};

/// "CRITICAL  loss-too-high", coloured, folded, with its line end.
std::string alert_headline(const nlohmann::json& alert, const Look& look);
/// "full_ft_sst2_seed42 (sst2, full_finetune, seed 42; running)".
std::string run_words(const nlohmann::json& alert);
/// "8.45 > 5"; empty when there is no value.
std::string value_text(const nlohmann::json& alert);
/// "700, since step 650, attempt 2"; empty when there is no step.
std::string step_text(const nlohmann::json& alert);
/// A number as JSON carries it here: also "NaN", "Infinity", "-Infinity"; NaN for what is none.
double number_of(const nlohmann::json& value);

}  // namespace redflag::daemon
