// Alerts that come and go: once one has fired several times within a while, its changes are no longer told,
// until it has been steady; then people hear how it stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "alerts/alert.h"

namespace redflag::alerts {

struct FlapOptions {
  std::uint32_t count = 4;                   ///< firings …
  Duration window = std::chrono::hours{1};   ///< … within so long; 0 firings or window: never flapping
  Duration calm = std::chrono::minutes{15};  ///< without a change: steady again
};

/// Of what ended untold while it flapped: its end is owed to those who were told that it fires.
struct OwedEnd {
  Transition transition;
  Severity worst = Severity::warning;
  RunContext run;
  std::uint32_t changes = 0;
};

/// Not thread-safe. `what` is rule, run and subject, as the lifecycle writes it. `at` is when it happened,
/// `now` the wall clock: during a catch-up the two differ, and it is the former that tells flapping from a
/// slow day.
class FlapBook {
 public:
  explicit FlapBook(FlapOptions options = {}) : options_(options) {}

  /// It fires. True: from now on it flaps; this once people are told.
  bool fired(const std::string& what, Time at, Time now);
  void ended(const std::string& what, Time now);
  bool flapping(const std::string& what) const;
  /// "4 times in 38 min".
  std::string words(const std::string& what) const;

  /// What people were told last: that it fires, or that it does not.
  void told(const std::string& what, bool firing);
  bool told_firing(const std::string& what) const;

  /// It ended untold, while people believe that it fires.
  void owe(const std::string& what, OwedEnd end);
  /// It fires again: the end is no longer due.
  void settle(const std::string& what);

  /// Those that are steady again; what is owed of them. Forgets what has not changed for a window.
  std::vector<OwedEnd> calm_down(Time now);

 private:
  struct Entry {
    std::vector<Time> fires;    // few, and there is one for each alert of the last hour
    Time last_change;           // wall clock
    std::uint32_t changes = 0;  // since it flaps
    bool flapping = false;
    bool told_firing = false;
    std::unique_ptr<OwedEnd> owed;
  };
  FlapOptions options_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace redflag::alerts
