#include "daemon/runs/row_builder.h"

#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/runs/json_number.h"
#include "daemon/runs/logged_row.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSamples = 2000;

struct StepKey {
  const char* name;
  StepOrigin origin;
};
constexpr std::array<StepKey, 5> kStepKeys{{
    {"train/global_step", StepOrigin::training},
    {"trainer/global_step", StepOrigin::training},
    {"global_step", StepOrigin::training},
    {"step", StepOrigin::counter},
    {"current_steps", StepOrigin::counter},
}};

/// A whole number that may have been logged as a float; as step_from does it.
std::optional<std::int64_t> whole(std::optional<double> number) {
  return number ? step_from(json(*number)) : std::nullopt;
}

void find_step(const LoggedRow& row, BuiltRow& built) {
  if (const auto step = whole(row.number_of("_step"))) {
    built.observation.seq = *step;
    built.observation.step = *step;
    built.origin = StepOrigin::sequence;
  }
  for (const auto& key : kStepKeys) {
    if (const auto step = whole(row.number_of(key.name))) {
      built.observation.step = *step;
      built.origin = key.origin;
      return;
    }
  }
}

Time time_from(double number) {
  if (number > 1e11) return from_unix_seconds(number / 1000.0);  // milliseconds
  // Less than this is a count of seconds since the start, not a date.
  return number > 5e8 ? from_unix_seconds(number) : Time{};
}

Time find_time(const LoggedRow& row) {
  for (const char* key : {"_timestamp", "timestamp", "time"}) {
    const auto found = row.find(key);
    if (!found) continue;
    const Time time = row.is_number(*found) ? time_from(row.number(*found))
                                            : parse_rfc3339(row.text(*found)).value_or(Time{});
    if (time != Time{}) return time;
  }
  return Time{};
}

/// Gathers the samples of one row; of several names for one canonical metric it keeps the best.
class SampleCollector {
 public:
  explicit SampleCollector(const MetricNames& names) : names_(names) {}

  void take(const LoggedRow& row) {
    for (std::size_t i = 0; i < row.size() && samples.size() < kMaxSamples; ++i)
      if (row.is_number(i)) take(row.name(i), row.number(i));
  }

  std::vector<Sample> samples;
  bool is_total = false;  ///< HF's last row, known by its train_runtime

 private:
  struct Place {
    std::size_t index;
    std::uint32_t rank;
  };

  void take(std::string_view name, double value) {
    if (name == "train_runtime" || name == "train/train_runtime" || name == "train.train_runtime")
      is_total = true;
    if (prefix_is_time(name)) return;
    const MetricMeaning& meaning = names_.lookup(name);
    if (meaning.ignored) return;
    value *= meaning.scale;
    // Sums of floats may end a hair above 1; anything further above cannot be a share.
    if (meaning.score && value > 1.001 && value <= 100.0) value /= 100.0;
    const auto [place, fresh] = places_.try_emplace(meaning.canonical, Place{samples.size(), meaning.rank});
    if (fresh) {
      samples.push_back(
          {meaning.canonical, value, name == meaning.canonical ? std::string{} : std::string(name)});
      return;
    }
    Sample& kept = samples[place->second.index];
    const bool better = meaning.rank < place->second.rank;
    const bool larger = meaning.rank == place->second.rank && meaning.take_largest && value > kept.value;
    if (!better && !larger) return;
    place->second.rank = meaning.rank;
    kept.value = value;
    kept.original = name == meaning.canonical ? std::string{} : std::string(name);
  }

  static bool prefix_is_time(std::string_view name) { return name == "timestamp" || name == "time"; }

  const MetricNames& names_;
  std::unordered_map<std::string, Place> places_;
};

std::optional<BuiltRow> build_row(const LoggedRow& row, const RowTarget& target, const MetricNames& names,
                                  bool total) {
  SampleCollector collector(names);
  collector.take(row);
  if (collector.samples.empty()) return std::nullopt;
  BuiltRow built;
  find_step(row, built);
  Observation& observation = built.observation;
  observation.kind = total || collector.is_total ? ObservationKind::summary : ObservationKind::row;
  observation.subject = target.subject;
  observation.run = target.run;
  observation.source = target.source;
  observation.time = find_time(row);
  observation.samples = std::move(collector.samples);
  return built;
}

}  // namespace

std::optional<BuiltRow> RowBuilder::build(const LoggedRow& row, const RowTarget& target) const {
  return build_row(row, target, names_, false);
}

std::optional<BuiltRow> RowBuilder::build(const json& row, const RowTarget& target) const {
  LoggedRow logged;
  append_json(row, logged);
  return build_row(logged, target, names_, false);
}

std::optional<BuiltRow> RowBuilder::build_summary(const LoggedRow& totals, const RowTarget& target) const {
  return build_row(totals, target, names_, true);
}

std::optional<BuiltRow> RowBuilder::build_summary(const json& totals, const RowTarget& target) const {
  LoggedRow logged;
  append_json(totals, logged);
  return build_row(logged, target, names_, true);
}

}  // namespace redflag::daemon
