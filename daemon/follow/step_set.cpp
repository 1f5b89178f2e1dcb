#include "daemon/follow/step_set.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace redflag::daemon::follow {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 53;

bool read_number(std::string_view& text, std::int64_t& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

void StepSet::add(std::int64_t step) {
  if (step < 0 || step > kLargest || contains(step)) return;
  highest_ = std::max(highest_, step);
  if (!runs_.empty()) {
    Progression& last = runs_.back();
    if (last.count == 1 && step > last.first) {
      last.stride = step - last.first;
      last.count = 2;
      return;
    }
    if (last.count > 1 && step == last.last() + last.stride) {
      ++last.count;
      return;
    }
  }
  if (runs_.size() == kMostRuns) {
    const auto half = runs_.begin() + static_cast<std::ptrdiff_t>(kMostRuns / 2);
    for (auto run = runs_.begin(); run != half; ++run) all_up_to_ = std::max(all_up_to_, run->last());
    runs_.erase(runs_.begin(), half);
  }
  runs_.push_back({step, 1, 1});
}

bool StepSet::contains(std::int64_t step) const {
  if (step < 0 || step > highest_) return false;
  if (step <= all_up_to_) return true;
  return std::any_of(runs_.rbegin(), runs_.rend(), [step](const Progression& run) {
    return step >= run.first && step <= run.last() && (step - run.first) % run.stride == 0;
  });
}

std::string StepSet::serialize() const {
  std::string text = std::to_string(all_up_to_);
  for (const Progression& run : runs_) text += fmt::format(";{}+{}*{}", run.first, run.stride, run.count);
  return text;
}

StepSet StepSet::restored(std::string_view text) {
  StepSet set;
  if (!read_number(text, set.all_up_to_) || set.all_up_to_ < -1 || set.all_up_to_ > kLargest) return {};
  set.highest_ = set.all_up_to_;
  while (!text.empty()) {
    Progression run;
    if (!skip(text, ';') || !read_number(text, run.first) || !skip(text, '+') ||
        !read_number(text, run.stride) || !skip(text, '*') || !read_number(text, run.count))
      return {};
    if (run.first < 0 || run.first > kLargest || run.stride < 1 || run.count < 1 ||
        run.count > kLargest / run.stride || set.runs_.size() == kMostRuns)
      return {};
    set.highest_ = std::max(set.highest_, run.last());
    set.runs_.push_back(run);
  }
  return set;
}

}  // namespace redflag::daemon::follow
