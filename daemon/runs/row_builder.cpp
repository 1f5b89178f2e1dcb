#include "daemon/runs/row_builder.h"

#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/runs/json_number.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSamples = 2000;
constexpr std::size_t kMaxNameBytes = 256;
constexpr int kMaxDepth = 8;

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

void find_step(const json& row, BuiltRow& built) {
  const auto sequence = row.find("_step");
  if (sequence != row.end()) {
    if (const auto step = step_from(*sequence)) {
      built.observation.seq = *step;
      built.observation.step = *step;
      built.origin = StepOrigin::sequence;
    }
  }
  for (const auto& key : kStepKeys) {
    const auto found = row.find(key.name);
    if (found == row.end()) continue;
    if (const auto step = step_from(*found)) {
      built.observation.step = *step;
      built.origin = key.origin;
      return;
    }
  }
}

Time time_from(const json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) return parse_rfc3339(*text).value_or(Time{});
  if (!value.is_number()) return Time{};
  const double number = value.get<double>();
  if (number > 1e11) return from_unix_seconds(number / 1000.0);  // milliseconds
  // Less than this is a count of seconds since the start, not a date.
  return number > 5e8 ? from_unix_seconds(number) : Time{};
}

Time find_time(const json& row) {
  for (const char* key : {"_timestamp", "timestamp", "time"}) {
    const auto found = row.find(key);
    if (found == row.end()) continue;
    const Time time = time_from(*found);
    if (time != Time{}) return time;
  }
  return Time{};
}

/// Gathers the samples of one row; of several names for one canonical metric it keeps the best.
class SampleCollector {
 public:
  explicit SampleCollector(const MetricNames& names) : names_(names) {}

  void walk(const json& object, const std::string& prefix, int depth) {
    for (const auto& [key, value] : object.items()) {
      if (samples.size() >= kMaxSamples) return;
      if (key.size() + prefix.size() > kMaxNameBytes) continue;
      if (value.is_object()) {
        if (depth < kMaxDepth && !value.contains("_type")) walk(value, prefix + key + '.', depth + 1);
      } else if (const auto number = number_from(value)) {
        take(prefix + key, *number);
      }
    }
  }

  std::vector<Sample> samples;
  bool is_total = false;  ///< HF's last row, known by its train_runtime

 private:
  struct Place {
    std::size_t index;
    std::uint32_t rank;
  };

  void take(std::string name, double value) {
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
          {meaning.canonical, value, name == meaning.canonical ? std::string{} : std::move(name)});
      return;
    }
    Sample& kept = samples[place->second.index];
    const bool better = meaning.rank < place->second.rank;
    const bool larger = meaning.rank == place->second.rank && meaning.take_largest && value > kept.value;
    if (!better && !larger) return;
    place->second.rank = meaning.rank;
    kept.value = value;
    kept.original = name == meaning.canonical ? std::string{} : std::move(name);
  }

  static bool prefix_is_time(const std::string& name) { return name == "timestamp" || name == "time"; }

  const MetricNames& names_;
  std::unordered_map<std::string, Place> places_;
};

std::optional<BuiltRow> build_row(const json& row, const RowTarget& target, const MetricNames& names,
                                  bool total) {
  if (!row.is_object()) return std::nullopt;
  SampleCollector collector(names);
  collector.walk(row, "", 0);
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

std::optional<BuiltRow> RowBuilder::build(const json& row, const RowTarget& target) const {
  return build_row(row, target, names_, false);
}

std::optional<BuiltRow> RowBuilder::build_summary(const json& totals, const RowTarget& target) const {
  return build_row(totals, target, names_, true);
}

}  // namespace redflag::daemon
