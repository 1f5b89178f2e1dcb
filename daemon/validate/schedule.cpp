// Peak first: what lies before it is warm-up, what lies after it is decay. Each has its own ways to go wrong.
#include "daemon/validate/schedule.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "daemon/runs/json_number.h"

namespace redflag::daemon::validate {
namespace {

constexpr double kSame = 1e-6;       // of the peak: rates this close are equal (float32 in between)
constexpr double kEnd = 0.9;         // share of the run after which a rate of 0 is the end of the schedule
constexpr double kStuckShare = 0.1;  // of the run's steps on one rate, in the midst of a fall
constexpr double kFloor = 0.1;       // of the peak: schedules may rest on a floor as low as this

const nlohmann::json* find(const nlohmann::json& config, const char* key, int depth = 2) {
  if (!config.is_object()) return nullptr;
  if (const auto found = config.find(key); found != config.end()) return &*found;
  if (depth == 0) return nullptr;
  for (const auto& section : config) {
    if (const auto* found = find(section, key, depth - 1)) return found;
  }
  return nullptr;
}

/// "linear", "cosine", "constant", …; empty when the configuration does not name it. Python writes its
/// enumerations as "SchedulerType.LINEAR".
std::string type_of(const nlohmann::json& config) {
  for (const char* key : {"lr_scheduler_type", "lr_scheduler", "scheduler_type", "scheduler"}) {
    const nlohmann::json* found = find(config, key);
    const auto* text = found == nullptr ? nullptr : found->get_ptr<const std::string*>();
    if (text == nullptr || text->empty()) continue;
    std::string name = text->substr(text->rfind('.') == std::string::npos ? 0 : text->rfind('.') + 1);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return name.substr(0, 60);
  }
  return {};
}

std::optional<double> positive(const nlohmann::json& config, const char* key) {
  const nlohmann::json* found = find(config, key);
  const auto number = found == nullptr ? std::nullopt : number_from(*found);
  return number && std::isfinite(*number) && *number > 0 ? number : std::nullopt;
}

ScheduleSays wrong(std::string words, const char* advice, std::int64_t step = -1) {
  return {ScheduleSays::Verdict::wrong, std::move(words), advice, step};
}

struct Shape {
  std::vector<CurvePoint> points;
  double peak = 0.0;
  std::size_t first_peak = 0, last_peak = 0;  ///< where it is reached, and where it is left
  std::int64_t end = 0;                       ///< the run's last step
  std::string type;
  bool same(double a, double b) const { return std::fabs(a - b) <= kSame * peak; }
  bool restarts() const {
    return type.find("restart") != std::string::npos || type.find("cycl") != std::string::npos;
  }
  bool constant() const { return type.starts_with("constant"); }
};

std::optional<ScheduleSays> judge_warm_up(const Shape& shape, const nlohmann::json& config,
                                          std::int64_t total_steps) {
  const auto& points = shape.points;
  for (std::size_t i = 1; i <= shape.first_peak; ++i) {
    if (points[i].value < points[i - 1].value * (1 - 1e-3) - kSame * shape.peak && !shape.restarts())
      return wrong(
          fmt::format("the learning rate falls from {:.3g} to {:.3g} at step {}, before its peak of {:.3g}",
                      points[i - 1].value, points[i].value, points[i].step, shape.peak),
          "look whether the scheduler was built anew, or two of them are stepped", points[i].step);
  }
  const std::int64_t reached = points[shape.first_peak].step;
  const auto spacing = static_cast<double>(points.size() > 1 ? points[1].step - points[0].step : 1);
  std::optional<double> meant = positive(config, "warmup_steps");
  if (!meant) meant = positive(config, "num_warmup_steps");
  if (!meant && total_steps > 0) {
    if (const auto ratio = positive(config, "warmup_ratio"))
      meant = *ratio * static_cast<double>(total_steps);
  }
  if (meant && static_cast<double>(reached) > 1.5 * *meant + 2 * spacing && !shape.restarts())
    return wrong(fmt::format("the warm-up lasts to step {}, the configuration says {:.0f}", reached, *meant),
                 "check the scheduler's warm-up against gradient accumulation: steps or batches?", reached);
  if (meant && shape.first_peak == 0 && static_cast<double>(points[0].step) < 0.5 * *meant)
    return wrong(
        fmt::format("no warm-up: already {:.3g} at step {}, the configuration says {:.0f} steps of it",
                    points[0].value, points[0].step, *meant),
        "check that warmup_steps reaches the scheduler", points[0].step);
  if (static_cast<double>(reached) > 0.5 * static_cast<double>(shape.end) && !shape.restarts())
    return wrong(fmt::format("the learning rate still rises at step {} of {}", reached, shape.end),
                 "shorten the warm-up; check the scheduler's number of training steps", reached);
  return std::nullopt;
}

std::optional<ScheduleSays> judge_decay(const Shape& shape) {
  const auto& points = shape.points;
  const std::size_t from = shape.last_peak;
  std::size_t moved = 0;
  std::size_t flat_since = from;
  for (std::size_t i = from + 1; i < points.size(); ++i) {
    const double before = points[i - 1].value;
    const double now = points[i].value;
    if (now > before * (1 + 1e-2) + kSame * shape.peak && !shape.restarts())
      return wrong(fmt::format("the learning rate rises again, from {:.3g} to {:.3g} at step {}", before, now,
                               points[i].step),
                   "check that the scheduler's state was loaded with the checkpoint", points[i].step);
    if (!shape.same(now, before)) {
      ++moved;
      flat_since = i;
      continue;
    }
    // What fell with nearly every row and then stands still is no longer stepped; a schedule in stairs is no
    // such thing.
    const std::size_t pairs_before = flat_since - from;
    const bool fell = pairs_before >= 5 && moved * 10 >= pairs_before * 7;
    const auto length = static_cast<double>(points[i].step - points[flat_since].step);
    if (fell && now > kFloor * shape.peak && i - flat_since >= 3 &&
        length > kStuckShare * static_cast<double>(shape.end))
      return wrong(
          fmt::format("the learning rate is stuck at {:.3g} from step {} on", now, points[flat_since].step),
          "look whether the gradient scaler skips every step, and whether scheduler.step() is still called",
          points[flat_since].step);
  }
  return std::nullopt;
}

std::optional<ScheduleSays> judge_zeros(const Shape& shape) {
  const auto& points = shape.points;
  for (std::size_t i = shape.last_peak; i < points.size(); ++i) {
    const bool early = static_cast<double>(points[i].step) < kEnd * static_cast<double>(shape.end);
    if (points[i].value == 0.0 && early)
      return wrong(fmt::format("the learning rate is 0 from step {} on, the run goes on to {}",
                               points[i].step, shape.end),
                   "check the scheduler's number of training steps against the run's", points[i].step);
  }
  return std::nullopt;
}

std::string described(const Shape& shape) {
  const auto& points = shape.points;
  std::string text = shape.first_peak > 0 ? fmt::format("rises to {:.3g} by step {}", shape.peak,
                                                        points[shape.first_peak].step)
                                          : fmt::format("begins at {:.3g}", shape.peak);
  if (shape.same(points.back().value, shape.peak))
    return text + fmt::format(" and stays there to step {}", points.back().step);
  return text + fmt::format(", falls to {:.3g} at step {}", points.back().value, points.back().step);
}

}  // namespace

ScheduleSays judge_schedule(const Curve& curve, const nlohmann::json& config, std::int64_t last_step,
                            std::int64_t total_steps, bool finished) {
  Shape shape;
  shape.points = curve.points;
  shape.type = type_of(config);
  for (std::size_t i = 0; i < shape.points.size(); ++i) {
    const CurvePoint& point = shape.points[i];
    if (!std::isfinite(point.value) || point.value < 0)
      return wrong(
          fmt::format("the learning rate is {} at step {}",
                      std::isnan(point.value) ? "NaN" : fmt::format("{:.3g}", point.value), point.step),
          "check the scheduler", point.step);
    if (point.value > shape.peak) {
      shape.peak = point.value;
      shape.first_peak = i;
    }
  }
  if (shape.points.size() < 3)
    return {ScheduleSays::Verdict::unclear, "too few points to see a schedule", "", -1};
  if (shape.peak == 0.0)
    return wrong("the learning rate is 0 throughout: nothing is learnt",
                 "check the optimizer's learning rate");
  // The first of those that are as good as the peak; a schedule may rest there.
  for (std::size_t i = 0; i < shape.points.size(); ++i) {
    if (!shape.same(shape.points[i].value, shape.peak)) continue;
    shape.first_peak = std::min(shape.first_peak, i);
    if (i == shape.first_peak || i == shape.last_peak + 1) shape.last_peak = i;
  }
  shape.end = std::max(last_step, shape.points.back().step);
  if (auto says = judge_warm_up(shape, config, total_steps)) return *says;
  if (auto says = judge_zeros(shape)) return *says;
  if (auto says = judge_decay(shape)) return *says;

  const bool falls =
      std::any_of(shape.points.begin() + static_cast<std::ptrdiff_t>(shape.first_peak), shape.points.end(),
                  [&](const CurvePoint& each) { return !shape.same(each.value, shape.peak); });
  if (!falls && shape.type.empty())
    return {
        ScheduleSays::Verdict::unclear,
        described(shape) + ": the configuration names no schedule, so nobody can tell constant from stuck",
        "log lr_scheduler_type with the run's configuration", -1};
  if (!falls && !shape.constant())
    return wrong(fmt::format("{}, although the schedule is {}", described(shape), shape.type),
                 "check that scheduler.step() is called", shape.points.back().step);
  const bool goes_to_zero = shape.type == "linear" || shape.type == "cosine" || shape.type == "polynomial";
  const bool at_end =
      total_steps > 0 && static_cast<double>(shape.end) >= 0.95 * static_cast<double>(total_steps);
  if (finished && at_end && goes_to_zero && shape.points.back().value > 0.5 * shape.peak)
    return wrong(
        fmt::format("{}: the run ended in the midst of its {} schedule", described(shape), shape.type),
        "the scheduler was built for more steps than the run has", shape.points.back().step);
  std::string words = described(shape);
  if (!shape.type.empty()) words += " (" + shape.type + ")";
  return {ScheduleSays::Verdict::plausible, std::move(words), "", -1};
}

}  // namespace redflag::daemon::validate
