// A console line into a row: HF's printed dicts, JSON lines, and what training scripts print for people:
//   "step 100 | loss 1.23 | lr 3e-05"           "iter 250: loss 2.1234, time 120.11ms"
//   "Epoch [20/50], Loss: 0.9286, Accuracy: 79.32%"   "Test Accuracy: 78.18%"
//   " iteration      100/  500000 | learning rate: 1.5E-04 | lm loss: 8.6E+00 | grad norm: 1.2 |"
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/runs/logged_row.h"
#include "daemon/runs/row_json.h"

namespace redflag::daemon::local {

struct MetricLine {
  std::int64_t step = -1;  ///< as the line says it
  std::int64_t of = -1;    ///< "step 90/200": 200
  double epoch = -1.0;     ///< as the line says it: "Epoch [20/50]": 20; -1: not said
  bool is_dict = false;    ///< a printed dict or JSON: HF's Trainer, or a logger
  bool continues = false;  ///< metrics without a position, of the line before ("Test Accuracy: 78.18%")
};

/// Not thread-safe (keeps scratch memory).
class MetricLineParser {
 public:
  /// nullopt: the line holds no metric that it names clearly. `row` is cleared first; a dict's or JSON's
  /// values are all in it, of other lines the metrics. `step` and `epoch` are not among the values unless the
  /// line is a dict that has them.
  std::optional<MetricLine> parse(std::string_view line, LoggedRow& row);

  /// "loss=0.41, v_num=0" or "loss: 0.41 - accuracy: 0.8": the pairs beside a bar that are metrics. Whether
  /// there was any.
  bool parse_postfix(std::string_view text, LoggedRow& row);

 private:
  std::optional<MetricLine> parse_object(std::string_view line, LoggedRow& row);
  std::optional<MetricLine> parse_pairs(std::string_view line, LoggedRow& row, bool postfix);

  RowJson json_;
  std::string name_;
};

/// "loss", "val_acc", "train/grad_norm", "lr", …: a name that training code gives a metric.
bool is_metric_name(std::string_view lower_case);

}  // namespace redflag::daemon::local
