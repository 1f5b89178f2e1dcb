#include "daemon/runs/metric_names.h"

#include "rules/values/glob.h"
#include "tests/support/catch.h"

namespace redflag::daemon {

TEST_CASE("the names that trainers really log mean the canonical metrics", "[runs][names]") {
  const MetricNames names;
  const std::vector<std::pair<std::string, std::string>> expected{
      {"train/loss", "train_loss"},
      {"loss", "train_loss"},
      {"train_loss_step", "train_loss"},
      {"eval/loss", "eval_loss"},
      {"val_loss", "eval_loss"},
      {"val/loss", "eval_loss"},
      {"eval/accuracy", "eval_accuracy"},
      {"val_acc", "eval_accuracy"},
      {"eval/f1", "eval_f1"},
      {"eval/exact", "eval_exact_match"},
      {"eval_exact_match", "eval_exact_match"},
      {"train/grad_norm", "gradient_norm_total"},
      {"gradients/gradient_norm_total", "gradient_norm_total"},
      {"grad_2.0_norm_total", "gradient_norm_total"},
      {"grad_norm/global", "gradient_norm_total"},
      {"train/learning_rate", "learning_rate"},
      {"lr-Adam", "learning_rate"},
      {"lr-AdamW/pg1", "learning_rate"},
      {"memory/cpu_memory_rss_mb", "cpu_memory_rss_mb"},
      {"system.proc.memory.rssMB", "cpu_memory_rss_mb"},
      {"system.gpu.0.memoryAllocatedBytes", "gpu_memory_mb"},
      {"system.gpu.1.memoryAllocated", "gpu_memory_percent"},
      {"train/epoch", "epoch"},
  };
  for (const auto& [logged, canonical] : expected) {
    INFO(logged);
    CHECK(names.lookup(logged).canonical == canonical);
  }
}

TEST_CASE("memory in bytes and gigabytes becomes megabytes", "[runs][names]") {
  const MetricNames names;
  CHECK(names.lookup("cpu_memory_rss_bytes").scale == Approx(1.0 / 1048576));
  CHECK(names.lookup("memory/gpu_memory_allocated_gb").scale == Approx(1024));
  CHECK(names.lookup("memory/gpu_memory_allocated_gb").canonical == "gpu_memory_mb");
  CHECK(names.lookup("system.proc.memory.rssMB").scale == 1.0);
}

TEST_CASE("a metric nobody knows keeps its name, and counters are no metrics", "[runs][names]") {
  const MetricNames names;
  CHECK(names.lookup("rewards/accuracy_reward/mean").canonical == "rewards/accuracy_reward/mean");
  CHECK(names.lookup("eval_wer").canonical == "eval_wer");
  for (const char* name :
       {"_step", "_runtime", "_wandb.runtime", "train/global_step", "trainer/global_step", "step", ""}) {
    INFO(name);
    CHECK(names.lookup(name).ignored);
  }
}

TEST_CASE("one's own aliases outrank the built-in ones, patterns included", "[runs][names]") {
  const MetricNames names(
      {{"train_loss", "objective/*"}, {"eval_loss", "loss"}, {"cpu_memory_rss_mb", "mem.gib", 1024.0}});
  CHECK(names.lookup("objective/nll").canonical == "train_loss");
  CHECK(names.lookup("loss").canonical == "eval_loss");
  CHECK(names.lookup("mem/gib").canonical == "cpu_memory_rss_mb");
  CHECK(names.lookup("mem.gib").scale == 1024.0);
  CHECK(names.lookup("objective/nll").rank < names.lookup("train/loss").rank);
}

TEST_CASE("a flood of different names stays cheap", "[runs][names]") {
  const MetricNames names;
  for (int i = 0; i < 50000; ++i) {
    REQUIRE(names.lookup("layer/" + std::to_string(i)).canonical == "layer/" + std::to_string(i));
  }
  CHECK(names.lookup("loss").canonical == "train_loss");
}

TEST_CASE("globs match whole names", "[runs][names]") {
  CHECK(glob_match("full_ft_*", "full_ft_sst2_seed42"));
  CHECK_FALSE(glob_match("full_ft_*", "my_full_ft_sst2"));
  CHECK(glob_match("*seed4?", "full_ft_sst2_seed42"));
  CHECK(glob_match("*", ""));
  CHECK_FALSE(glob_match("", "x"));
  CHECK_FALSE(glob_match("*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

}  // namespace redflag::daemon
