// The curves of the demo's five runs: the same numbers every time, on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redflag::daemon {

/// A pseudo-random stream (SplitMix64); the standard distributions differ between libraries, this does not.
class DemoNoise {
 public:
  explicit DemoNoise(std::string_view seed);
  double uniform();  ///< in [-1, 1)
  std::uint64_t bits();

 private:
  std::uint64_t state_;
};

struct DemoRun {
  std::string id;
  std::string name;
  std::string task;
  int seed = 0;
  double learning_rate = 0.0;
  bool fails = false;
  int steps = 1000;      ///< of the plan, on which the schedule is built
  int last_step = 1000;  ///< where it ends; earlier for the failed one
  double first_loss = 0.69;
  double train_loss = 0.0;  ///< at the end
  double eval_loss = 0.0;
  std::string score;  ///< "accuracy" or "f1"
  double score_value = 0.0;
  double other_score = 0.0;  ///< F1 of MRPC, exact match of SQuAD; 0 = none
  double begins = 0.0;       ///< as parts of the demo's duration
  double ends = 0.0;
};

/// Every kDemoLogEvery steps a training row, every kDemoEvalEvery an evaluation.
inline constexpr int kDemoLogEvery = 10;
inline constexpr int kDemoEvalEvery = 100;

const std::vector<DemoRun>& demo_runs();

struct DemoPoint {
  double loss = 0.0;
  double gradient_norm = 0.0;
  double learning_rate = 0.0;
  double rss_mb = 0.0;
  double gpu_mb = 0.0;
};

struct DemoEvaluation {
  double loss = 0.0;
  double score = 0.0;
  double other_score = 0.0;
};

/// Both are meant to be asked step by step: they take the next numbers of `noise`.
DemoPoint demo_point(const DemoRun& run, int step, DemoNoise& noise);
DemoEvaluation demo_evaluation(const DemoRun& run, int step, DemoNoise& noise);

}  // namespace redflag::daemon
