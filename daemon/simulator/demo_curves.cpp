// Healthy runs fall exponentially to exactly the final values they are known for; the failed one learns for a
// while, then its loss and gradients grow without end, as with a learning rate fifty times too high.
#include "daemon/simulator/demo_curves.h"

#include <algorithm>
#include <cmath>

namespace redflag::daemon {
namespace {

constexpr double kDivergesAt = 150.0;
constexpr double kExplodedNorm = 1500.0;

/// From `first` at x = 0 to exactly `last` at x = 1, most of it early.
double decay(double first, double last, double x, double speed) {
  const double floor = std::exp(-speed);
  return last + (first - last) * (std::exp(-speed * x) - floor) / (1.0 - floor);
}

double diverged_part(const DemoRun& run, int step) {
  return std::clamp((step - kDivergesAt) / (run.last_step - kDivergesAt), 0.0, 1.0);
}

double learning_rate(const DemoRun& run, int step) {
  const double warm_up = 0.1 * run.steps;
  if (step <= warm_up) return run.learning_rate * step / warm_up;
  return run.learning_rate * (run.steps - step + 1) / (run.steps - warm_up);
}

}  // namespace

DemoNoise::DemoNoise(std::string_view seed) : state_(0xCBF29CE484222325U) {
  for (const char c : seed) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
}

std::uint64_t DemoNoise::bits() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

double DemoNoise::uniform() {
  return static_cast<double>(bits() >> 11) * 0x1.0p-52 - 1.0;
}

const std::vector<DemoRun>& demo_runs() {
  static const std::vector<DemoRun> runs = [] {
    const auto make = [](const char* id, const char* name, const char* task, int seed, double train_loss,
                         double eval_loss, const char* score, double value, double begins, double ends) {
      DemoRun run;
      run.id = id;
      run.name = name;
      run.task = task;
      run.seed = seed;
      run.learning_rate = 2e-5;
      run.train_loss = train_loss;
      run.eval_loss = eval_loss;
      run.score = score;
      run.score_value = value;
      run.begins = begins;
      run.ends = ends;
      return run;
    };
    std::vector<DemoRun> list = {
        make("k3v9sst2", "full_ft_sst2_seed42", "sst2", 42, 0.12, 0.28, "accuracy", 0.915, 0.00, 0.80),
        make("m7q2mrpc", "full_ft_mrpc_seed42", "mrpc", 42, 0.08, 0.32, "accuracy", 0.87, 0.02, 0.70),
        make("r1t5rte0", "full_ft_rte_seed1337", "rte", 1337, 0.15, 0.45, "accuracy", 0.71, 0.04, 0.75),
        make("w8s4squa", "full_ft_squad_v2_seed2024", "squad_v2", 2024, 0.22, 0.58, "f1", 0.81, 0.06, 0.95),
        make("x6f0fail", "full_ft_sst2_seed999_failed", "sst2", 999, 8.45, 12.33, "accuracy", 0.52, 0.03,
             0.60),
    };
    list[1].other_score = 0.905;
    list[3].other_score = 0.78;
    list[3].first_loss = 1.60;
    list[4].fails = true;
    list[4].learning_rate = 1e-3;
    list[4].last_step = 640;
    return list;
  }();
  return runs;
}

DemoPoint demo_point(const DemoRun& run, int step, DemoNoise& noise) {
  DemoPoint point;
  const double x = static_cast<double>(step) / run.steps;
  const double loss_noise = noise.uniform();
  const double norm_noise = noise.uniform();
  point.learning_rate = learning_rate(run, step);
  point.rss_mb = 5200.0 + 620.0 * (1.0 - std::exp(-12.0 * x)) + 25.0 * noise.uniform();
  point.gpu_mb = 17850.0 + 180.0 * noise.uniform();
  if (!run.fails) {
    point.loss = decay(run.first_loss, run.train_loss, x, 4.0) * (1.0 + 0.03 * (1.0 - x) * loss_noise);
    point.gradient_norm = decay(18.0, 11.0, x, 3.0) + 3.0 * norm_noise;
    return point;
  }
  const double gone = diverged_part(run, step);
  const double calm = decay(run.first_loss, 0.62, std::min(1.0, step / kDivergesAt), 2.0);
  const double wobble = gone < 1.0 ? 1.0 + 0.02 * loss_noise : 1.0;
  point.loss = (calm + (run.train_loss - 0.62) * std::pow(gone, 1.6)) * wobble;
  const double norm = 16.0 * std::pow(kExplodedNorm / 16.0, std::pow(gone, 0.7));
  point.gradient_norm =
      gone < 1.0 ? std::min(norm * (1.0 + 0.06 * norm_noise), 0.99 * kExplodedNorm) : kExplodedNorm;
  return point;
}

DemoEvaluation demo_evaluation(const DemoRun& run, int step, DemoNoise& noise) {
  DemoEvaluation out;
  const double x = static_cast<double>(step) / run.steps;
  const double wobble = noise.uniform();
  if (!run.fails) {
    out.loss = decay(run.first_loss, run.eval_loss, x, 5.0);
    const double missing = decay(1.0, 0.0, x, 5.0);
    const double chance = run.score == "f1" ? 0.50 : 0.52;
    const double part = x < 1.0 ? 1.0 - missing + 0.02 * missing * wobble : 1.0;
    out.score = chance + (run.score_value - chance) * part;
    if (run.other_score > 0.0) out.other_score = chance + (run.other_score - chance) * part;
    return out;
  }
  const int last_evaluation = run.last_step / kDemoEvalEvery * kDemoEvalEvery;
  const double gone = std::clamp((step - kDivergesAt) / (last_evaluation - kDivergesAt), 0.0, 1.0);
  out.loss = 0.66 + (run.eval_loss - 0.66) * std::pow(gone, 1.4);
  out.score = step == last_evaluation ? run.score_value : run.score_value + 0.012 * wobble;
  return out;
}

}  // namespace redflag::daemon
