// The report's charts, each with the table behind it. All raw text is escaped here or below.
#pragma once

#include <string>
#include <vector>

#include "daemon/overview/evidence.h"
#include "daemon/validate/checklist.h"

namespace redflag::daemon::validate {

/// A chart as it stands in the page: picture, caption, and its figures as a table that can be opened.
struct Figure {
  std::string svg;
  std::string caption;  ///< HTML
  std::string table;    ///< HTML
  bool empty() const { return svg.empty(); }
};

/// Where something was flagged on a run.
struct Mark {
  std::int64_t step = -1;
  Severity severity = Severity::warning;
  std::string words;  ///< raw
};

/// train_loss and eval_loss of one run, flagged points marked. Empty when it has neither.
Figure loss_figure(std::string_view id, const RunView& run, const RunEvidence& curves,
                   const std::vector<Mark>& marks);

/// The scores of one task: a dot for each seed, a row for each method, the expected range shaded. Empty
/// without a score.
Figure score_figure(std::string_view id, const TaskView& task);

/// One figure of step directories over the steps, by method.
struct DriftPoint {
  std::string method;
  std::int64_t step = -1;
  double drift = 0;
  std::optional<double> cka;
  std::string layer;  ///< that has moved furthest; may be empty
};
Figure drift_figure(std::string_view id, std::string_view task, const std::vector<DriftPoint>& points);

/// Which steps and checkpoints there are, and where something was flagged: a row for each.
struct TimelineRow {
  std::string name;  ///< raw
  std::vector<StepCell> cells;
  std::vector<std::int64_t> missing;
  std::vector<Mark> marks;
  bool final = false;  ///< a final model or adapter beside the numbered ones
};
Figure timeline_figure(std::string_view id, std::string_view title, const std::vector<TimelineRow>& rows);

}  // namespace redflag::daemon::validate
