// The built-in table of metric names. Within a canonical name the order is the order of preference: when one
// row carries several of them, the first one counts. Names are written with '/', which also stands for '.'.
#include <initializer_list>

#include "daemon/runs/metric_names.h"

namespace redflag::daemon {
namespace {

constexpr double kFromBytes = 1.0 / 1048576.0;
constexpr double kFromKib = 1.0 / 1024.0;
constexpr double kFromGib = 1024.0;

void add(std::vector<MetricAlias>& table, const char* canonical, std::initializer_list<const char*> names,
         double scale = 1.0) {
  for (const char* name : names) table.push_back({canonical, name, scale});
}

void add_curves(std::vector<MetricAlias>& table) {
  add(table, "train_loss",
      {"train_loss", "train/loss", "training_loss", "training/loss", "train_loss_step", "train/loss_step",
       "loss/train", "train/total_loss", "loss", "train/train_loss", "lm_loss", "lm loss", "train/epoch_loss",
       "epoch_loss"});
  add(table, "eval_loss",
      {"eval_loss", "eval/loss", "val_loss", "val/loss", "valid_loss", "valid/loss", "validation_loss",
       "validation/loss", "dev_loss", "dev/loss", "loss/eval", "loss/val", "loss/validation",
       "val_loss_epoch", "val/loss_epoch", "eval/eval_loss", "validation/epoch_loss"});
  add(table, "learning_rate",
      {"learning_rate", "train/learning_rate", "lr", "train/lr", "training/learning_rate", "optimizer/lr",
       "optimizer/learning_rate", "epoch_learning_rate", "train/epoch_learning_rate", "lr_scheduler/lr",
       "optim/learning_rate", "lr-*"});
  add(table, "gradient_norm_total",
      {"gradient_norm_total",
       "gradients/gradient_norm_total",
       "train/gradient_norm_total",
       "train/grad_norm",
       "grad_norm",
       "gradient_norm",
       "train/gradient_norm",
       "grad_norm_total",
       "total_grad_norm",
       "global_grad_norm",
       "train/global_grad_norm",
       "grad_norm/total",
       "grad_norm/global",
       "grad_norm/all",
       "gradients/total_norm",
       "gradients/global_norm",
       "gnorm",
       "grad norm",
       "gradients/grad_norm",
       "optim/total_grad_norm",
       "grad_*_norm_total",
       "grad_norm/global*",
       "gradients/*norm_total"});
  add(table, "epoch", {"epoch", "train/epoch", "trainer/epoch"});
  add(table, "step_time_seconds",
      {"step_time_seconds", "step_time", "train/step_time", "train/step_time_seconds", "perf/step_time",
       "time/step"});
  add(table, "step_time_seconds", {"step_time_ms", "train/step_time_ms"}, 0.001);
  add(table, "samples_per_second",
      {"samples_per_second", "train/samples_per_second", "train_samples_per_second",
       "train/train_samples_per_second"});
}

void add_scores(std::vector<MetricAlias>& table) {
  add(table, "eval_accuracy",
      {"eval_accuracy", "eval/accuracy", "val_accuracy", "val/accuracy", "val_acc", "val/acc", "eval_acc",
       "eval/acc", "valid_acc", "valid/acc", "valid_accuracy", "valid/accuracy", "validation_accuracy",
       "validation/accuracy", "dev_accuracy", "dev/accuracy", "eval/eval_accuracy",
       "validation/epoch_accuracy"});
  add(table, "eval_f1",
      {"eval_f1", "eval/f1", "val_f1", "val/f1", "eval_f1_score", "eval/f1_score", "valid_f1", "valid/f1",
       "validation_f1", "validation/f1", "dev_f1", "dev/f1", "eval/eval_f1"});
  add(table, "eval_exact_match",
      {"eval_exact_match", "eval/exact_match", "eval_exact", "eval/exact", "eval_em", "eval/em",
       "val_exact_match", "val/exact_match", "validation/exact_match", "eval/eval_exact_match"});
  add(table, "accuracy", {"accuracy", "acc", "test_accuracy", "test/accuracy", "test_acc", "test/acc"});
  add(table, "f1", {"f1", "f1_score", "test_f1", "test/f1"});
}

void add_memory(std::vector<MetricAlias>& table) {
  const auto rss = [&](const char* suffix, double scale) {
    for (const char* prefix : {"", "memory/", "system/", "train/", "perf/"}) {
      for (const char* stem : {"cpu_memory_rss", "cpu_rss", "memory_rss", "process_rss", "rss"}) {
        table.push_back({"cpu_memory_rss_mb", std::string(prefix) + stem + suffix, scale});
      }
    }
  };
  rss("_mb", 1.0);
  rss("_gb", kFromGib);
  rss("_kb", kFromKib);
  rss("_bytes", kFromBytes);
  add(table, "cpu_memory_rss_mb", {"system/proc/memory/rssMB", "proc/memory/rssMB"});

  // What the card has lost counts most, so "used" and "reserved" go before "allocated".
  const auto gpu = [&](const char* suffix, double scale) {
    for (const char* prefix : {"", "memory/", "system/", "train/", "perf/"}) {
      for (const char* stem :
           {"gpu_memory", "gpu_memory_used", "gpu_used", "gpu_memory_reserved", "gpu_reserved",
            "gpu_memory_allocated", "gpu_allocated", "gpu_memory_max_allocated", "cuda_memory_reserved",
            "cuda_memory_allocated", "gpu_mem"}) {
        table.push_back({"gpu_memory_mb", std::string(prefix) + stem + suffix, scale});
      }
    }
  };
  gpu("_mb", 1.0);
  gpu("_gb", kFromGib);
  gpu("_bytes", kFromBytes);
  add(table, "gpu_memory_mb", {"memory/gpu_*_memory_mb", "memory/gpu_*_mb", "gpu_*_memory_mb"});
  add(table, "gpu_memory_mb", {"system/gpu/*/memoryAllocatedBytes", "gpu/*/memoryAllocatedBytes"},
      kFromBytes);
  add(table, "gpu_memory_percent",
      {"gpu_memory_percent", "memory/gpu_memory_percent", "system/gpu/*/memoryAllocated",
       "gpu/*/memoryAllocated"});
}

}  // namespace

const std::vector<MetricAlias>& default_metric_aliases() {
  static const std::vector<MetricAlias> kTable = [] {
    std::vector<MetricAlias> table;
    add_curves(table);
    add_scores(table);
    add_memory(table);
    return table;
  }();
  return kTable;
}

}  // namespace redflag::daemon
