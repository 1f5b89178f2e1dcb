// The rule packs that ship, built into the program so that it works with no file beside it.
#pragma once

#include <vector>

#include "rules/lang/rule_set.h"

namespace redflag {

/// `step3`: the thresholds of the mission. Loads without a diagnostic; a test holds it to that.
std::vector<RuleSource> shipped_packs();

}  // namespace redflag
