// Progress bars as they stand in a log: tqdm's (HF Trainer, Lightning, everybody's loops) and Keras's.
//   " 45%|████▌     | 90/200 [00:31<00:38,  2.83it/s, loss=0.41]"
//   "Epoch 3:  45%|████▌     | 90/200 [00:31<00:38,  2.83it/s, v_num=0, train_loss=0.41]"
//   " 90/200 [============>.................] - ETA: 38s - loss: 0.4100"
//   "90/200 ━━━━━━━━━━━━━━━━━━━━ 38s 350ms/step - loss: 0.4100"
#pragma once

#include <optional>
#include <string_view>

#include "daemon/local/local_event.h"

namespace redflag::daemon::local {

struct Bar {
  Progress progress;
  bool keras = false;
  std::string_view postfix;  ///< what the loop shows beside the bar: "loss=0.41, v_num=0"; may be empty
  std::string_view rest;     ///< what stands behind the bar in the same line
};

/// nullopt: no bar in it. Looks at the line's first 2,000 bytes.
std::optional<Bar> parse_bar(std::string_view line);

}  // namespace redflag::daemon::local
