// Everything that the checklist (`redflag validate`) is judged from and the report is drawn from: the
// overview, the curves of the runs that count, what was found in files, and the alerts, also those that ended
// lately. Plain values.
#pragma once

#include <string>
#include <vector>

#include "daemon/overview/curve_point.h"
#include "daemon/overview/overview.h"

namespace redflag::daemon {

/// One metric of one run, in order, attempts joined (a resumed run's steps go back no more). Thinned by
/// keeping, of each stretch of points, its lowest, highest, first, last and where it is not finite (first and
/// last point of each such series): no spike is lost.
struct Curve {
  std::string metric;  ///< canonical
  std::vector<CurvePoint> points;
  std::uint64_t points_total = 0;  ///< before thinning
};

struct RunEvidence {
  std::string key;  ///< of Overview::runs
  std::vector<Curve> curves;
  std::vector<LatestValue> final_values;  ///< the run's summary, where it left one
};

/// The last word about a file, step directory, series or checkpoint: the facts as the rules see them
/// (daemon/results/results_source.h and daemon/contents/content_source.h name them).
struct SubjectFacts {
  Subject subject;
  Time time;
  Attributes attributes;
};

struct Evidence {
  Overview overview;  ///< with all runs
  std::vector<RunEvidence> runs;
  std::vector<SubjectFacts> facts;  ///< of representations, checkpoints, logs and hosts
  std::vector<AlertLine> ended;     ///< alerts that ended, newest first, as far as they are kept
  bool contents_checked = false;    ///< somebody looked inside the files, and is done with it
  std::string contents_reason;      ///< why not: "inspection is off", "212 files wait"; empty when done
  bool forward_checked = false;     ///< the same of forward passes (redflag-forward)
  std::string forward_reason;
};

}  // namespace redflag::daemon
