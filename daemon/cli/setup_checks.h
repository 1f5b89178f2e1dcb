// Will it work? What `redflag setup` tries out before redflagd is left alone with the answers.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/setup_answers.h"
#include "daemon/config/config.h"

namespace redflag::daemon {

enum class SetupVerdict { good, problem, skipped };

struct SetupCheck {
  std::string what;  ///< "W&B project", "results"
  SetupVerdict verdict = SetupVerdict::skipped;
  std::string words;   ///< what was found
  std::string advice;  ///< what to do about a problem; may be empty
};
std::string_view to_string(SetupVerdict verdict);

/// Asks W&B who the key belongs to (when no entity is named, and takes that) and for the first page of the
/// project, as redflagd will. Blocks, at most half a minute. `config` is the one that would be written.
std::vector<SetupCheck> check_wandb(const Config& config, SetupAnswers& answers);

/// The webhook's form was checked when it was read; with `send` a message goes there. Blocks, at most 15 s.
SetupCheck check_webhook(const Config& config, const SetupAnswers& answers, bool send);

/// Can the directory be read by this user; for the service (`unit_directory` is not empty): by a user of its
/// own, who is a member of nothing, unless a drop-in there says as whom it runs or what it is shown?
SetupCheck check_results(const std::string& path, const std::string& unit_directory);

}  // namespace redflag::daemon
