// Names and numbers in a line of prose-like output: "Epoch [20/50], Loss: 0.9286, Accuracy: 79.32%".
//
// A name is up to three words before a number, with ':' or '=' between or nothing. Which numbers count is
// decided by the words (metric_words.h): a step, an epoch, a metric; every other pair is passed over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/runs/logged_row.h"

namespace redflag::daemon::local {

/// One line's walk. Appends the metrics to `row`.
class MetricPairs {
 public:
  explicit MetricPairs(LoggedRow& row) : row_(row) {}

  void read(std::string_view line);

  std::int64_t step() const { return step_; }  ///< -1: not said
  std::int64_t of() const { return of_; }      ///< "step 90/200": 200; -1: not said
  double epoch() const { return epoch_; }      ///< -1: not said
  std::size_t metrics() const { return metrics_; }
  const std::string& phase() const { return phase_; }  ///< "val: loss 1.2": "val"; no metric's name says it
  /// Every metric stood behind ':' or '=', one names its phase, and there was no more text than names.
  bool is_plain_result() const { return metrics_ > 0 && !bare_ && named_phase_ && !prose_; }

 private:
  bool take_number();
  void take_value(double value, bool whole);
  void take_word();
  void take_sign(char sign);
  void forget_name();

  LoggedRow& row_;
  std::string_view rest_;
  std::string name_;
  int words_ = 0;
  bool separated_ = false;    // by ':' or '=' since the name
  bool after_epoch_ = false;  // the number before was an epoch: "[50/100]" may follow
  std::int64_t step_ = -1;
  std::int64_t of_ = -1;
  double epoch_ = -1.0;
  std::size_t metrics_ = 0;
  std::string phase_;
  bool bare_ = false;
  bool named_phase_ = false;
  bool prose_ = false;
};

}  // namespace redflag::daemon::local
