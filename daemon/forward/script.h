// `redflag-forward script`: a TorchScript archive, run once.
#pragma once

#include <string>
#include <vector>

#include "daemon/forward/arguments.h"
#include "daemon/forward/json_text.h"
#include "daemon/forward/outcome.h"

namespace redflag::forward {

struct ScriptOutput {
  std::vector<std::int64_t> shape;
  std::string dtype;
  std::uint64_t nan = 0;
  std::uint64_t infinite = 0;
  std::vector<double> sample;  ///< up to 256, evenly spaced
};

struct ScriptReport {
  Status status = Status::not_checked;
  std::string reason;
  std::string input;  ///< "token ids [1, 5]", "float32 [1, 16]"
  std::vector<ScriptOutput> outputs;
  std::vector<tensors::Finding> findings;
};

/// Its code runs here, in the TorchScript interpreter, with what confine() left of this process's rights.
ScriptReport check_script(const Arguments& arguments);
Json to_json(const ScriptReport& report);

}  // namespace redflag::forward
