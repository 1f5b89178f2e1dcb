#include "daemon/runs/attempt_tracker.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace redflag::daemon {
namespace {

bool carries_training_metric(const Observation& row) {
  return std::any_of(row.samples.begin(), row.samples.end(), [](const Sample& sample) {
    return sample.metric == "train_loss" || sample.metric == "learning_rate" ||
           sample.metric == "gradient_norm_total";
  });
}

}  // namespace

void AttemptTracker::place(BuiltRow& row) {
  Observation& observation = row.observation;
  if (observation.kind != ObservationKind::row) {
    if (row.origin < origin_) observation.step = last_step_;
    observation.attempt = attempt_;
    return;
  }
  if (row.origin > origin_) {
    // The steps seen so far were of a lesser kind and say nothing about this one.
    origin_ = row.origin;
    highest_ = -1;
    last_step_ = -1;
  }
  if (row.origin < origin_) {
    observation.step = last_step_;
  } else if (observation.step >= 0) {
    if (carries_training_metric(observation)) {
      if (observation.step < highest_) {
        ++attempt_;
        highest_ = observation.step;
      }
      highest_ = std::max(highest_, observation.step);
    }
    last_step_ = observation.step;
  }
  observation.attempt = attempt_;
}

void AttemptTracker::restart() {
  const std::uint32_t next = attempt_ + 1;
  *this = AttemptTracker{};
  attempt_ = next;
}

std::string AttemptTracker::serialize() const {
  return fmt::format("{} {} {} {}", attempt_, highest_, last_step_, static_cast<int>(origin_));
}

AttemptTracker AttemptTracker::restored(std::string_view text) {
  std::array<std::int64_t, 4> fields{};
  for (auto& field : fields) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), field);
    if (code != std::errc{}) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  const bool valid = text.empty() && fields[0] >= 1 && fields[0] < 1000000000 && fields[1] >= -1 &&
                     fields[2] >= -1 && fields[3] >= 0 && fields[3] <= static_cast<int>(StepOrigin::training);
  if (!valid) return {};
  AttemptTracker tracker;
  tracker.attempt_ = static_cast<std::uint32_t>(fields[0]);
  tracker.highest_ = fields[1];
  tracker.last_step_ = fields[2];
  tracker.origin_ = static_cast<StepOrigin>(fields[3]);
  return tracker;
}

}  // namespace redflag::daemon
