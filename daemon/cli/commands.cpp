#include "daemon/cli/commands.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>

#include "daemon/cli/demo.h"
#include "daemon/cli/inspect.h"
#include "daemon/cli/manuals.h"
#include "daemon/cli/replay.h"
#include "daemon/cli/rules.h"
#include "daemon/cli/setup.h"
#include "daemon/cli/shell_completion.h"
#include "daemon/config/suggest.h"

namespace redflag::daemon {
namespace {

constexpr Command kCommands[] = {
    {"completion", "print what makes bash, zsh or fish complete redflag's commands and options",
     completion_command, completion_spec},
    {"demo", "the whole system on simulated data: five runs, one of them failing; no account needed",
     demo_command, demo_spec},
    {"inspect", "what is in tensor files and checkpoints, and what is wrong with them", inspect_command,
     inspect_spec},
    {"replay", "run the rules over recorded training logs: what would have fired, and when", replay_command,
     replay_spec},
    {"rules", "check, list, explain and test rules", rules_command, rules_spec, rules_commands},
    {"setup", "write a first configuration, and check key, project, webhook and directories", setup_command,
     setup_spec},
};

static_assert(std::all_of(std::begin(kCommands), std::end(kCommands),
                          [](const Command& c) { return c.run != nullptr && c.spec != nullptr; }),
              "a command needs its spec: help, man page and completion are made from it");

/// What a shell reports of a program that SIGPIPE ended.
constexpr int kReaderGone = 141;

std::string overview() {
  std::string text =
      "usage: redflag COMMAND [OPTIONS]\n\nWatches machine-learning training and says what is "
      "wrong.\n\ncommands:\n";
  for (const Command& command : kCommands)
    text += fmt::format("  {:<10} {}\n", command.name, command.summary);
  text +=
      "\n`redflag COMMAND --help` explains one, `redflag --man COMMAND | man -l -` as a page. The daemon "
      "itself is redflagd.\n";
  return text;
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

int redflag_main(const std::vector<std::string>& words) {
  std::signal(SIGPIPE, SIG_IGN);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    fmt::print(words.empty() ? stderr : stdout, "{}", overview());
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    fmt::print("redflag {}\n", REDFLAG_VERSION);
    return 0;
  }
  if (words[0] == "--man" || words[0] == "--man-pages") return manual_command(words);
  const auto found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&](const Command& c) { return c.name == words[0]; });
  if (found == std::end(kCommands)) {
    std::vector<std::string_view> known;
    for (const Command& command : kCommands) known.push_back(command.name);
    const std::string_view meant = settings::nearest(words[0], known);
    fmt::print(stderr, "redflag: unknown command \"{}\"{}\n\n{}", words[0],
               meant.empty() ? std::string() : fmt::format("; did you mean \"{}\"?", meant), overview());
    return 2;
  }
  try {
    return found->run({words.begin() + 1, words.end()});
  } catch (const std::system_error& error) {
    // fmt throws when whoever reads our output has gone (`redflag … | head`): no mistake, and no crash.
    if (error.code().value() == EPIPE) return kReaderGone;
    throw;
  }
}

}  // namespace redflag::daemon
