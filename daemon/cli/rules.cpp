#include "daemon/cli/rules.h"

#include <string_view>

#include "daemon/cli/subcommands.h"

namespace redflag::daemon {
namespace {

constexpr Command kSubcommands[] = {
    {"check", "is this rule file right? every mistake, with its line", rules_check_command, rules_check_spec},
    {"list", "all rules, what they need, and whether a log has it", rules_list_command, rules_list_spec},
    {"explain", "everything about one rule", rules_explain_command, rules_explain_spec},
    {"test", "run tests of rules: curves, and what has to fire where", rules_test_command, rules_test_spec},
    {"reference", "every function and every rule that ships, as Markdown", rules_reference_command,
     rules_reference_spec},
};

}  // namespace

const CommandSpec& rules_spec() {
  static const CommandSpec kSpec{
      "rules",
      "COMMAND",
      "The rules: those that ship, and your own.",
      R"(A rule is a condition over metrics and facts of a run, a checkpoint or a source:

  rules:
    - rule: eval-loss-doubled
      severity: warning
      when: eval_loss > 2 * min(eval_loss)
      for: 2 points
      message: "eval loss {eval_loss:.3g}, best was {min(eval_loss):.3g}"

Save it as my-rules.yaml, and go on from there:

  redflag rules check my-rules.yaml            every mistake, with its line
  redflag rules test my-rules_test.yaml        what it does on curves
  redflag replay --rules my-rules.yaml FILE    what it would have said

redflagd loads every *.yaml in `rules.directory` of its configuration, and the
packs named in `rules.packs` (step3, which includes generic).

exit codes: 0 fine; 1 check: mistakes, test: a test failed; 2 wrong usage,
explain: no such rule; 3 a file could not be loaded

`redflag rules COMMAND --help` explains one. The whole language, by example:
docs/rules.md in the source.)",
      {}};
  return kSpec;
}

std::span<const Command> rules_commands() {
  return kSubcommands;
}

int rules_command(const std::vector<std::string>& words) {
  return run_subcommand("redflag rules", kSubcommands, overview_of(rules_spec(), kSubcommands), words);
}

}  // namespace redflag::daemon
