// `redflag rules`: what the rules are, what they need, and whether they do what their author thinks.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/cli/command.h"

namespace redflag::daemon {

/// `words` begin with the subcommand. Exit codes, the same for all: 0 fine; 1 a mistake in a rule file
/// (check), a test failed (test); 2 wrong usage, or no such rule (explain); 3 something could not be loaded.
int rules_command(const std::vector<std::string>& words);

const CommandSpec& rules_spec();
/// check, list, explain, test, reference.
std::span<const Command> rules_commands();

int rules_check_command(const std::vector<std::string>& words);
const CommandSpec& rules_check_spec();
int rules_list_command(const std::vector<std::string>& words);
const CommandSpec& rules_list_spec();
int rules_explain_command(const std::vector<std::string>& words);
const CommandSpec& rules_explain_spec();
int rules_test_command(const std::vector<std::string>& words);
const CommandSpec& rules_test_spec();
int rules_reference_command(const std::vector<std::string>& words);
const CommandSpec& rules_reference_spec();

}  // namespace redflag::daemon
