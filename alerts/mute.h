// Why nobody is told of an alert although it fires: silences that people made, and inhibitions, by which one
// alert speaks for others (a crashed run has no news of its being stalled).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "alerts/alert.h"
#include "alerts/matcher.h"
#include "alerts/silence.h"
#include "rules/values/error.h"

namespace redflag::alerts {

/// While an alert fires that `source` matches, those that `target` matches are muted where all labels of
/// `equal` have the same value; "run" and "subject" are the usual ones. An alert never mutes itself, nor one
/// that mutes it.
struct Inhibition {
  std::vector<Matcher> source;
  std::vector<Matcher> target;
  std::vector<std::string> equal;
};

/// Those that hold unless the configuration says otherwise; rules of the shipped packs.
std::vector<Inhibition> default_inhibitions();

/// Not thread-safe.
class MuteBook {
 public:
  void set_inhibitions(std::vector<Inhibition> inhibitions) { inhibitions_ = std::move(inhibitions); }

  /// New, or in place of that with the same id.
  void put(Silence silence);
  /// By id or a unique beginning of one.
  Result<Silence> find(const std::string& id) const;
  /// The newest first.
  std::vector<Silence> silences() const;
  /// Forgets silences that ended before `then`.
  void forget_ended_before(Time then);
  /// When the set of active silences next changes; Time::max() = never.
  Time next_change(Time now) const;

  /// "silence 4f1c22aa (comment)" when one in force matches; empty when none does.
  std::string silenced(const Transition& transition, const RunContext& run, Time now) const;

  /// A firing alert's claim to mute others; call for all of them, then `inhibited`.
  struct Firing {
    const Transition* transition = nullptr;
    RunContext run;
  };
  /// "inhibited by run-failed 9f3c0a4be2d17788", else empty. `firing` in any order.
  std::string inhibited(const Transition& transition, const RunContext& run,
                        const std::vector<Firing>& firing) const;
  /// Could an alert like this mute any other? Those that cannot need not be in `firing`.
  bool may_inhibit(const Transition& transition, const RunContext& run) const;

 private:
  std::map<std::string, Silence> silences_;
  std::vector<Inhibition> inhibitions_;
};

}  // namespace redflag::alerts
