#include "daemon/cli/subcommands.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/config/suggest.h"

namespace redflag::daemon {

std::string listed(std::span<const Command> commands) {
  std::size_t width = 0;
  for (const Command& command : commands) width = std::max(width, std::string_view(command.name).size());
  std::string text;
  for (const Command& command : commands)
    text += fmt::format("  {:<{}}  {}\n", command.name, width, command.summary);
  return text;
}

std::string overview_of(const CommandSpec& spec, std::span<const Command> commands) {
  return fmt::format("usage: redflag {} {} [OPTIONS]\n\n{}\n\ncommands:\n{}\n{}\n", spec.name, spec.operands,
                     spec.summary, listed(commands), spec.details);
}

int run_subcommand(std::string_view program, std::span<const Command> commands, const std::string& overview,
                   const std::vector<std::string>& words) {
  if (words.size() > 1 && words[0] == "help") {
    // `redflag help setup`, as git and others have it; of a group `redflag help rules check`, too.
    std::vector<std::string> asked(words.begin() + 1, words.end());
    if (asked.back() != "--help") asked.emplace_back("--help");
    return run_subcommand(program, commands, overview, asked);
  }
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    fmt::print(words.empty() ? stderr : stdout, "{}", overview);
    return words.empty() ? 2 : 0;
  }
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& command) { return command.name == words[0]; });
  if (found == commands.end()) {
    std::vector<std::string_view> known;
    for (const Command& command : commands) known.push_back(command.name);
    const std::string_view meant = settings::nearest(words[0], known);
    fmt::print(stderr, "{}: unknown command \"{}\"{}\n\n{}", program, alerts::escape_terminal(words[0]),
               meant.empty() ? std::string() : fmt::format("; did you mean \"{}\"?", meant), overview);
    return 2;
  }
  return found->run({words.begin() + 1, words.end()});
}

}  // namespace redflag::daemon
