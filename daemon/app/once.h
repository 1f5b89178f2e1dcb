// Looking once, without a daemon: the same service in this process, from the same configuration, over a store
// of its own that is gone afterwards. It tells nobody of anything and changes nothing of the daemon's; what
// the daemon's store knows is read from a copy, so that runs can be shown when W&B does not answer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/app/arguments.h"
#include "daemon/config/config.h"
#include "daemon/config/environment.h"
#include "daemon/overview/evidence.h"
#include "rules/values/error.h"

namespace redflag::daemon {

struct OnceOptions {
  std::vector<std::string>
      results;             ///< directories in place of the configuration's; empty: the configuration's
  bool evidence = false;   ///< wanted besides the overview
  bool contents = false;   ///< look into tensor files, too: reads every byte
  bool forward = false;    ///< ... and run forward passes
  std::size_t runs = 100;  ///< in the overview at most (evidence has all)
  Duration limit = std::chrono::seconds{20};
  /// Told a few times a second what is still waited for. May be empty.
  std::function<void(const std::string& waiting_for)> progress;
};

struct OnceLook {
  Evidence evidence;       ///< its `overview` always; the rest when it was wanted
  std::string unfinished;  ///< what had not told everything when the time was up; empty: all had
};

/// Blocks until every source has told what there is, or `limit` is over. Errors: rules that cannot be loaded,
/// no temporary directory, cancelled (interrupted by a signal). A source that cannot be reached is no error:
/// its view says so.
Result<OnceLook> look_once(Config config, const OnceOptions& options, const Environment& env);

/// Options of commands that can look once: --once, --results DIR, --time-limit SECONDS.
std::vector<OptionSpec> with_once_options(std::vector<OptionSpec> options);
/// --results and --time-limit taken in; the rest is the command's. Errors (invalid_input) for people.
Result<OnceOptions> once_options(const Arguments& arguments, Duration limit);
/// The configuration that --config names, else the usual one, else none with the environment's WANDB_*.
Result<Config> once_config(const Arguments& arguments);

}  // namespace redflag::daemon
