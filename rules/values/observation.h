// What the sources tell the engine: the only input of the rules. Plain values, no behaviour.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "rules/values/time.h"

namespace redflag {

/// What an observation, a rule or an alert is about.
enum class SubjectKind : std::uint8_t {
  run,             ///< a training run; key "host/entity/project/id", or a path for a run known only from disk
  source,          ///< a source of observations, e.g. key "wandb:ent/proj" or "results:/data/results"
  representation,  ///< a file or step directory of hidden states; key is its path
  checkpoint,      ///< a checkpoint directory or a file in it; key is its path
  log,             ///< a console log; key is its path
  host,            ///< the machine itself; key is the host name
};

std::string_view to_string(SubjectKind kind);
std::optional<SubjectKind> subject_kind_from(std::string_view name);

struct Subject {
  SubjectKind kind = SubjectKind::run;
  std::string key;
  auto operator<=>(const Subject&) const = default;
};

/// One number of a row. NaN and infinities are legal values; "not logged" is the absence of a sample.
struct Sample {
  std::string metric;  ///< canonical name, after aliasing and unit scaling
  double value = 0.0;  ///< in the canonical unit
  std::string
      original;  ///< the name it was logged under, kept as evidence; may be empty when equal to `metric`
  bool operator==(const Sample&) const = default;
};

/// A fact that is not a curve: a run's state, a file's verdict, a source's health. A missing attribute is
/// unknown.
using Attribute = std::variant<bool, double, std::string>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

enum class ObservationKind : std::uint8_t {
  row,      ///< a point of the subject's curves: `samples` are appended to the series, all at once
  summary,  ///< totals of a run (HF's last row, W&B's summaryMetrics): `samples` never enter a curve
  facts,  ///< `attributes` replace those of the same name; numeric ones also form a series (disk_free_bytes)
};

/// The unit of input. Applied whole: a rule over two metrics never sees half of one.
struct Observation {
  ObservationKind kind = ObservationKind::row;
  Subject subject;
  std::string run;     ///< key of the run it belongs to; equals subject.key for runs; empty = unattributed
  std::string source;  ///< who says so: "wandb", "trainer_state", "results", …
  std::int64_t seq =
      -1;  ///< the source's cursor (W&B `_step`, line number, offset): for resuming only, never a step
  std::uint32_t attempt =
      1;  ///< 1, 2, …: a run resumed at an earlier step opens the next; windows are cut back to it
  std::int64_t step = -1;  ///< training step; -1 = not known
  Time time;               ///< when it happened, as the source tells it; Time{} = not known
  std::vector<Sample> samples;
  Attributes attributes;
};

/// "Everything that happened to this subject up to this time has been told." Absence, stall, overdue, `for:
/// 10m` and ages are judged against it and never against the wall clock, so neither an outage nor a catch-up
/// can raise a false stall.
struct Watermark {
  Subject subject;
  Time complete_up_to;
};

}  // namespace redflag
