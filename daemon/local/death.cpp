#include "daemon/local/death.h"

#include <algorithm>

namespace redflag::daemon::local {
namespace {

constexpr std::size_t kMaxSuspects = 32;
constexpr int kException = 20;
/// So many lines of other talk after an error, and nothing else wrong: it was logged, not died of.
constexpr std::uint64_t kQuietLines = 60;

}  // namespace

void DeathWatch::add(const LogMatch& match, int weight) {
  if (suspects_.size() >= kMaxSuspects) suspects_.erase(suspects_.begin() + kMaxSuspects / 2);
  suspects_.push_back({match, weight, lines_});
  last_ = suspects_.back();
  went_on_ = false;
}

void DeathWatch::note() {
  noted_ = true;
  went_on_ = false;
}

void DeathWatch::replace_last(const LogMatch& match, int weight) {
  if (suspects_.empty()) return add(match, weight);
  suspects_.back() = {match, weight, lines_};
  last_ = suspects_.back();
}

void DeathWatch::trained(bool sure) {
  if (last_ || noted_) went_on_ = true;
  if (sure) {
    doubted_.clear();
  } else if (!suspects_.empty()) {
    doubted_ = suspects_;
  }
  suspects_.clear();
}

const DeathWatch::Suspect* DeathWatch::heaviest(const std::vector<Suspect>& suspects) const {
  const Suspect* best = nullptr;
  for (const Suspect& suspect : suspects) {
    // An exception long before another one was survived.
    const bool stale = best != nullptr && best->weight <= kException && suspect.weight >= kException / 2 &&
                       suspect.at > best->at + kQuietLines;
    const bool later_exception = best != nullptr && suspect.weight == kException &&
                                 best->weight == kException && suspect.match.rank == best->match.rank;
    if (best == nullptr || suspect.weight > best->weight || stale || later_exception) best = &suspect;
  }
  return best;
}

LastWords DeathWatch::judge(std::optional<int> exit_code) const {
  LastWords words;
  words.completed = completed_;
  words.went_on = went_on_;
  if (last_) {
    words.last_error = last_->match;
    words.lines_after = lines_ - last_->at;
  }
  if (exit_code && *exit_code == 0) return words;
  const Suspect* cause = heaviest(suspects_);
  const bool must_be = exit_code && *exit_code != 0;
  if (cause == nullptr && must_be) cause = heaviest(doubted_);
  if (cause == nullptr) return words;
  if (!must_be && lines_ - suspects_.back().at > kQuietLines) return words;
  words.cause = cause->match;
  return words;
}

}  // namespace redflag::daemon::local
