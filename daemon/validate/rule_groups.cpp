#include "daemon/validate/rule_groups.h"

#include <algorithm>
#include <array>
#include <utility>

namespace redflag::daemon::validate {
namespace {

using enum RuleGroup;

constexpr std::array<std::pair<std::string_view, RuleGroup>, 53> kGroups{{
    {"loss-nan", loss},
    {"hidden-nan", loss},
    {"loss-zero", loss},
    {"loss-diverged", loss},
    {"loss-exploding", loss},
    {"loss-spike", loss},
    {"loss-never-fell", loss},
    {"loss-not-falling", loss},
    {"loss-unstable", loss},
    {"loss-flat", loss},
    {"loss-and-gradient-zero", loss},
    {"loss-plateau", loss},
    {"loss-repeated", loss},
    {"loss-too-high", loss},
    {"loss-suspiciously-low", loss},
    {"eval-loss-high", loss},
    {"eval-loss-repeated", loss},
    {"eval-loss-diverged", loss},
    {"overfitting", loss},
    {"overfit-severe", loss},
    {"metric-missing-train-loss", loss},
    {"metric-missing-eval-loss", loss},
    {"evaluation-never-ran", loss},
    {"learning-rate-jump", schedule},
    {"learning-rate-zero", schedule},
    {"learning-rate-frozen", schedule},
    {"metric-missing-learning-rate", schedule},
    {"learning-rate-missing-among-peers", schedule},
    {"gradient-nonfinite", gradient},
    {"gradient-growing", gradient},
    {"gradient-fading", gradient},
    {"gradient-explosion", gradient},
    {"gradient-vanishing", gradient},
    {"metric-missing-gradient-norm", gradient},
    {"gradient-norm-missing-among-peers", gradient},
    {"score-low", performance},
    {"score-low-f1", performance},
    {"accuracy-constant", performance},
    {"accuracy-collapsed", performance},
    {"uniform-answer", performance},
    {"rss-leak", memory},
    {"gpu-memory-leak", memory},
    {"gpu-memory-high", memory},
    {"metric-missing-rss", memory},
    {"rss-missing-among-peers", memory},
    {"log-out-of-memory", memory},
    {"log-shared-memory", memory},
    {"oom-kill", memory},
    {"host-memory-low", memory},
    {"throughput-drop", note},
    {"step-time-outliers", note},
    {"same-config-other-label", note},
    {"log-user-alert", note},
}};

constexpr std::array<std::string_view, 23> kSystem{"run-failed",
                                                   "run-finished-broken",
                                                   "run-silent",
                                                   "wandb-unreachable",
                                                   "wandb-stale",
                                                   "results-unreachable",
                                                   "inspector-unavailable",
                                                   "disk-filling",
                                                   "trainer-died",
                                                   "trainer-stopped",
                                                   "trainer-stuck",
                                                   "gpu-xid",
                                                   "gpu-lost",
                                                   "gpu-ecc-uncorrected",
                                                   "gpu-throttled",
                                                   "inodes-filling",
                                                   "disk-not-answering",
                                                   "disk-no-room-for-checkpoint",
                                                   "log-cause-of-death",
                                                   "log-collective-failed",
                                                   "log-disk-full",
                                                   "log-gpu-fault",
                                                   "log-own-pattern"};

}  // namespace

RuleGroup group_of(std::string_view rule) {
  for (const auto& [name, group] : kGroups) {
    if (name == rule) return group;
  }
  if (rule.starts_with("representation-") || rule.starts_with("checkpoint-")) return files;
  if (rule == "results-degraded" || std::find(kSystem.begin(), kSystem.end(), rule) != kSystem.end())
    return system;
  return unknown;
}

}  // namespace redflag::daemon::validate
