// Which steps were told, exactly, in a few bytes: what is logged regularly is one arithmetic progression
// however long it goes on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon::follow {

/// Plain value. Exact up to kMostRuns progressions; beyond that the oldest half is summed up as "everything
/// up to there", so that memory stays bounded whatever is logged.
class StepSet {
 public:
  static constexpr std::size_t kMostRuns = 512;

  void add(std::int64_t step);
  bool contains(std::int64_t step) const;
  bool empty() const { return runs_.empty() && all_up_to_ < 0; }
  std::int64_t highest() const { return highest_; }  ///< -1: empty

  /// "A;first+stride*count;…"; `restored` gives an empty set for anything else.
  std::string serialize() const;
  static StepSet restored(std::string_view text);
  bool operator==(const StepSet&) const = default;

 private:
  struct Progression {
    std::int64_t first = 0;
    std::int64_t stride = 1;
    std::int64_t count = 1;
    std::int64_t last() const { return first + stride * (count - 1); }
    bool operator==(const Progression&) const = default;
  };
  std::vector<Progression> runs_;  // in the order in which they came
  std::int64_t all_up_to_ = -1;
  std::int64_t highest_ = -1;
};

}  // namespace redflag::daemon::follow
