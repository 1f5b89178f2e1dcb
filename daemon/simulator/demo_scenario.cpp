// Logs as HF Trainer's W&B callback does: names with "train/" and "eval/", `_step` counting calls, a last row
// of totals.
#include "daemon/simulator/demo_scenario.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/simulator/demo_curves.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr double kSecondsPerStep = 1.6;  // what the runs claim, whatever pace the demo plays at
constexpr int kStepsPerEpoch = 334;

Duration part_of(Duration whole, double part) {
  return Duration{std::llround(static_cast<double>(whole.count()) * part)};
}

double rounded(double value) {
  return std::stod(fmt::format("{:.4g}", value));
}

json training_row(int step, const DemoPoint& point) {
  return {{"train/loss", rounded(point.loss)},
          {"train/grad_norm", rounded(point.gradient_norm)},
          {"train/learning_rate", point.learning_rate},
          {"train/epoch", rounded(static_cast<double>(step) / kStepsPerEpoch)},
          {"train/global_step", step},
          {"memory/cpu_memory_rss_mb", rounded(point.rss_mb)},
          {"memory/gpu_memory_mb", rounded(point.gpu_mb)}};
}

json evaluation_row(const DemoRun& run, int step, const DemoEvaluation& evaluation) {
  json row = {{"eval/loss", rounded(evaluation.loss)},
              {"eval/" + run.score, rounded(evaluation.score)},
              {"eval/runtime", 11.4},
              {"eval/samples_per_second", 76.5},
              {"train/epoch", rounded(static_cast<double>(step) / kStepsPerEpoch)},
              {"train/global_step", step}};
  if (run.other_score > 0.0)
    row[run.score == "f1" ? "eval/exact" : "eval/f1"] = rounded(evaluation.other_score);
  return row;
}

json totals_row(const DemoRun& run, double mean_loss) {
  const double seconds = run.last_step * kSecondsPerStep;
  return {{"train/train_loss", rounded(mean_loss)},
          {"train/train_runtime", seconds},
          {"train/train_samples_per_second", rounded(run.last_step * 32.0 / seconds)},
          {"train/train_steps_per_second", rounded(run.last_step / seconds)},
          {"train/total_flos", 1.93e16},
          {"train/epoch", rounded(static_cast<double>(run.last_step) / kStepsPerEpoch)},
          {"train/global_step", run.last_step}};
}

RunScript base_script(const DemoRun& run, const DemoOptions& options) {
  RunScript script;
  script.id = run.id;
  script.name = run.name;
  script.created = options.start + part_of(options.duration, run.begins);
  script.config = {{"task_name", run.task},
                   {"method", "full_finetune"},
                   {"seed", run.seed},
                   {"learning_rate", run.learning_rate},
                   {"lr_scheduler_type", "linear"},
                   {"warmup_ratio", 0.1},
                   {"max_steps", run.steps},
                   {"logging_steps", kDemoLogEvery},
                   {"eval_steps", kDemoEvalEvery},
                   {"per_device_train_batch_size", 32},
                   {"_name_or_path", "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"}};
  script.tags = {"full_finetune", run.task};
  script.group = "step3";
  script.job_type = "train";
  script.heartbeat_every = std::chrono::seconds{1};
  return script;
}

void add_rows(RunScript& script, const DemoRun& run, Duration length) {
  DemoNoise noise{run.name};
  const Duration pace = length / (run.last_step + kDemoLogEvery);
  double loss_sum = 0.0;
  int losses = 0;
  const auto add = [&](Duration at, json row) { script.rows.push_back({at, std::move(row), std::nullopt}); };
  for (int step = kDemoLogEvery; step <= run.last_step; step += kDemoLogEvery) {
    const Duration at = pace * step;
    const DemoPoint point = demo_point(run, step, noise);
    loss_sum += point.loss;
    ++losses;
    add(at, training_row(step, point));
    script.log.push_back(
        {at,
         fmt::format("{{'loss': {:.4f}, 'grad_norm': {:.4f}, 'learning_rate': {:.4g}, 'epoch': {:.2f}}}",
                     point.loss, point.gradient_norm, point.learning_rate,
                     static_cast<double>(step) / kStepsPerEpoch),
         "info"});
    if (step % kDemoEvalEvery != 0) continue;
    add(at + pace / 2, evaluation_row(run, step, demo_evaluation(run, step, noise)));
    script.events.push_back({at,
                             {{"system.gpu.0.memoryAllocatedBytes", point.gpu_mb * 1048576.0},
                              {"system.gpu.0.gpu", 97.0},
                              {"system.proc.memory.rssMB", point.rss_mb}},
                             std::nullopt});
  }
  if (!run.fails) add(length - pace, totals_row(run, loss_sum / losses));
  script.states.push_back({length, run.fails ? "failed" : "finished"});
}

}  // namespace

void build_demo(WandbSimulator& wandb, const DemoOptions& options) {
  wandb.add_project(options.entity, options.project);
  for (const DemoRun& run : demo_runs()) {
    RunScript script = base_script(run, options);
    add_rows(script, run, part_of(options.duration, run.ends - run.begins));
    wandb.add_run(options.entity, options.project, std::move(script));
  }
}

}  // namespace redflag::daemon
