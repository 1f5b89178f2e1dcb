// Command lines, described once: what is accepted, what `--help` says, and what is meant when a word is
// nearly right.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/values/error.h"

namespace redflag::daemon {

struct OptionSpec {
  std::string name;      ///< without dashes: "json"
  std::string argument;  ///< "FILE"; empty for a switch
  std::string help;
};

struct CommandSpec {
  std::string name;      ///< "replay"; empty for a program without subcommands
  std::string operands;  ///< "FILE…"; empty when it takes none
  std::string summary;   ///< one line
  std::string details;   ///< paragraphs for --help: what it does, exit codes, examples
  std::vector<OptionSpec> options;
};

class Arguments {
 public:
  bool has(std::string_view option) const { return values_.contains(std::string(option)); }
  std::string value(std::string_view option, std::string fallback = {}) const;
  /// Every value of an option that may be given several times, in order.
  std::vector<std::string> values(std::string_view option) const;
  /// The option's value as a number in [low, high].
  Result<double> number(std::string_view option, double fallback, double low, double high) const;
  const std::vector<std::string>& operands() const { return operands_; }

  /// "--help" and "--version" are accepted everywhere. "--" ends the options.
  static Result<Arguments> parse(const CommandSpec& spec, const std::vector<std::string>& words);

 private:
  std::map<std::string, std::string> values_;               // the last of each
  std::vector<std::pair<std::string, std::string>> given_;  // those with a value, as they came
  std::vector<std::string> operands_;
};

/// What a subcommand does first: prints the mistake (exit code 2) or the help that was asked for (0);
/// nullopt: go on.
std::optional<int> usage_answer(std::string_view program, const CommandSpec& spec,
                                const Result<Arguments>& arguments);

/// The whole text of `PROGRAM COMMAND --help`.
std::string help_text(std::string_view program, const CommandSpec& spec);

}  // namespace redflag::daemon
