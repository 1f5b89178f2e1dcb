#include "daemon/runs/metric_names.h"

#include <algorithm>
#include <array>
#include <limits>

#include "rules/values/glob.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMaxCached = 20000;

/// Where the training step is logged as a metric; a step is no curve.
constexpr std::array<std::string_view, 6> kStepNames{
    "train/global_step", "trainer/global_step", "global_step", "step", "current_steps", "total_steps"};
constexpr std::array<std::string_view, 5> kScores{"eval_accuracy", "eval_f1", "eval_exact_match", "accuracy",
                                                  "f1"};

std::string with_slashes(std::string name) {
  std::replace(name.begin(), name.end(), '.', '/');
  return name;
}

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

MetricNames::MetricNames(std::vector<MetricAlias> own) {
  std::uint32_t rank = 0;
  const auto add = [&](MetricAlias alias) {
    alias.name = with_slashes(std::move(alias.name));
    if (alias.name.find('*') == std::string::npos) {
      exact_.try_emplace(alias.name, alias, rank);
    } else {
      patterns_.push_back(alias);
      pattern_ranks_.push_back(rank);
    }
    ++rank;
  };
  for (auto& alias : own) add(std::move(alias));
  for (const auto& alias : default_metric_aliases()) add(alias);
}

MetricMeaning MetricNames::resolve(const std::string& logged) const {
  MetricMeaning meaning;
  meaning.canonical = logged;
  meaning.rank = std::numeric_limits<std::uint32_t>::max();
  const std::string name = with_slashes(logged);
  if (name.empty() || name.front() == '_' || contains(kStepNames, name)) {
    meaning.ignored = true;
    return meaning;
  }
  // What the table says first counts, be it exact or a pattern: a user's pattern outranks a built-in name.
  const auto exact = exact_.find(name);
  const MetricAlias* alias = nullptr;
  if (exact != exact_.end()) {
    alias = &exact->second.first;
    meaning.rank = exact->second.second;
  }
  for (std::size_t i = 0; i < patterns_.size() && pattern_ranks_[i] < meaning.rank; ++i) {
    if (!glob_match(patterns_[i].name, name)) continue;
    alias = &patterns_[i];
    meaning.rank = pattern_ranks_[i];
    break;
  }
  if (alias != nullptr) {
    meaning.canonical = alias->canonical;
    meaning.scale = alias->scale;
  }
  meaning.score = contains(kScores, meaning.canonical);
  meaning.take_largest = meaning.canonical == "gpu_memory_mb" || meaning.canonical == "gpu_memory_percent";
  return meaning;
}

const MetricMeaning& MetricNames::lookup(std::string_view logged) const {
  std::string name(logged);
  if (const auto found = cache_.find(name); found != cache_.end()) return found->second;
  if (cache_.size() >= kMaxCached) cache_.clear();
  MetricMeaning meaning = resolve(name);
  return cache_.emplace(std::move(name), std::move(meaning)).first->second;
}

}  // namespace redflag::daemon
