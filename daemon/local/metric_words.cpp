#include "daemon/local/metric_words.h"

#include <algorithm>
#include <array>

namespace redflag::daemon::local {
namespace {

template <std::size_t Count>
bool one_of(std::string_view word, const std::array<std::string_view, Count>& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

constexpr std::array<std::string_view, 17> kStepWords{
    "step",       "steps",      "global_step",    "iter",         "iteration",          "iters",
    "iterations", "it",         "batch",          "update",       "train_step",         "training_step",
    "train_iter", "optim_step", "optimizer_step", "current_step", "trainer_global_step"};
constexpr std::array<std::string_view, 9> kPhases{"train", "training", "test",       "val",       "valid",
                                                  "eval",  "dev",      "evaluation", "validation"};
constexpr std::array<std::string_view, 28> kMetricWords{
    "loss",   "losses",    "acc",    "accuracy", "f1",   "lr",   "ppl",   "perplexity", "grad", "gradnorm",
    "reward", "rewards",   "bleu",   "auc",      "mse",  "mae",  "rmse",  "wer",        "cer",  "iou",
    "em",     "precision", "recall", "kl",       "rate", "norm", "gnorm", "mcc"};
constexpr std::array<std::string_view, 7> kCoreWords{"loss", "losses",     "grad",    "gnorm",
                                                     "ppl",  "perplexity", "accuracy"};
constexpr std::array<std::string_view, 14> kSettingWords{
    "weight", "weights", "alpha",    "coef",  "coeff",        "scale", "type",
    "fn",     "clip",    "clipping", "accum", "accumulation", "max",   "function"};

/// Parts between '_', '/', '.' and '@'; digits at a part's end do not count ("loss2").
template <typename Test>
bool any_part(std::string_view name, Test test) {
  while (!name.empty()) {
    const auto end = std::min(name.find_first_of("_/.@"), name.size());
    std::string_view part = name.substr(0, end);
    while (part.size() > 2 && part.back() >= '0' && part.back() <= '9') part.remove_suffix(1);
    if (test(part)) return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

}  // namespace

bool is_metric_name(std::string_view name) {
  return any_part(name, [](std::string_view part) {
    return one_of(part, kMetricWords) ||
           (part.size() > 4 && (part.ends_with("loss") || part.ends_with("acc")));
  });
}

bool is_step_name(std::string_view name) {
  return one_of(name, kStepWords);
}

bool is_epoch_name(std::string_view name) {
  return name == "epoch" || name == "epochs" || (name.ends_with("_epoch") && !is_metric_name(name));
}

bool names_a_phase(std::string_view name) {
  return any_part(name, [](std::string_view part) { return one_of(part, kPhases); });
}

bool is_phase(std::string_view name) {
  return one_of(name, kPhases);
}

bool names_a_core_metric(std::string_view name) {
  if (any_part(name, [](std::string_view part) { return one_of(part, kSettingWords); })) return false;
  return any_part(name, [](std::string_view part) { return one_of(part, kCoreWords) || part == "acc"; });
}

}  // namespace redflag::daemon::local
