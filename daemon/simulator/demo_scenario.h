// The story that `redflag demo` tells: five fine-tuning runs, of which one goes wrong, and the results tree
// that they write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "daemon/simulator/wandb_simulator.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

struct DemoOptions {
  Time start;  ///< when the first run begins
  Duration duration =
      std::chrono::seconds{20};  ///< from the first run's begin to a moment after the last one's end
  std::string entity = "demo";
  std::string project = "step3-full-finetune";
};

/// Puts the five runs into the simulator as scripts that play between `start` and `start + duration`. Four
/// end as finished; the failed one's loss ends at 8.45 (evaluation 12.33), its gradient norm at 1500, its
/// accuracy at 0.52.
void build_demo(WandbSimulator& wandb, const DemoOptions& options);

struct ResultsFile {
  enum class Kind { hidden_states, metadata, model_config, tokenizer_config, weights };
  Time at;           ///< when the training code writes it
  std::string path;  ///< below the results root
  Kind kind = Kind::hidden_states;
  std::string task;
  std::string method;  ///< "full_finetune" or "base_pretrained"
  int step = 0;
};

/// In the order of `at`. Representations of the healthy runs every 100 steps (3 layers, then metadata.json),
/// those of the base model, and final models.
using ResultsScript = std::vector<ResultsFile>;
ResultsScript demo_results(const DemoOptions& options);

/// A genuine file, different for each path, the same each time.
Result<std::string> results_content(const ResultsFile& file);

/// Writes it below `root`, with its directories, in place, as torch.save does. Errors: storage.
Result<void> write_results_file(const std::filesystem::path& root, const ResultsFile& file);

}  // namespace redflag::daemon
