#include "daemon/cli/commands.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>

#include "daemon/cli/ack.h"
#include "daemon/cli/alerts.h"
#include "daemon/cli/demo.h"
#include "daemon/cli/flags.h"
#include "daemon/cli/inspect.h"
#include "daemon/cli/manuals.h"
#include "daemon/cli/outbox.h"
#include "daemon/cli/replay.h"
#include "daemon/cli/rules.h"
#include "daemon/cli/setup.h"
#include "daemon/cli/shell_completion.h"
#include "daemon/cli/silence.h"
#include "daemon/cli/status.h"
#include "daemon/cli/subcommands.h"
#include "daemon/cli/tail.h"

namespace redflag::daemon {
namespace {

constexpr Command kCommands[] = {
    {"ack", "somebody has seen an alert and deals with it", ack_command, ack_spec},
    {"alerts", "what is wrong now, everything about one alert, and a test message", alerts_command,
     alerts_spec, alerts_commands},
    {"completion", "print what makes bash, zsh or fish complete redflag's commands and options",
     completion_command, completion_spec},
    {"demo", "the whole system on simulated data: five runs, one of them failing; no account needed",
     demo_command, demo_spec},
    {"flags", "every red flag and warning now, what changes, and the evidence of one", flags_command,
     flags_spec, flags_commands},
    {"inspect", "what is in tensor files and checkpoints, and what is wrong with them", inspect_command,
     inspect_spec},
    {"outbox", "messages that have not reached their receiver: list, retry, drop", outbox_command,
     outbox_spec, outbox_commands},
    {"replay", "run the rules over recorded training logs: what would have fired, and when", replay_command,
     replay_spec},
    {"rules", "check, list, explain and test rules", rules_command, rules_spec, rules_commands},
    {"setup", "write a first configuration, and check key, project, webhook and directories", setup_command,
     setup_spec},
    {"silence", "tell nobody of some alerts for a while: add, list, remove", silence_command, silence_spec,
     silence_commands},
    {"status", "everything at a glance, and what to do next", status_command, status_spec},
    {"tail", "follow the daemon's log, made readable", tail_command, tail_spec},
};

/// What a shell reports of a program that SIGPIPE ended.
constexpr int kReaderGone = 141;

std::string overview() {
  std::string text =
      "usage: redflag COMMAND [OPTIONS]\n\nWatches machine-learning training and says what is "
      "wrong.\n\ncommands:\n" +
      listed(kCommands);
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
  if (!words.empty() && words[0] == "--version") {
    fmt::print("redflag {}\n", REDFLAG_VERSION);
    return 0;
  }
  if (!words.empty() && (words[0] == "--man" || words[0] == "--man-pages")) return manual_command(words);
  try {
    return run_subcommand("redflag", kCommands, overview(), words);
  } catch (const std::system_error& error) {
    // fmt throws when whoever reads our output has gone (`redflag … | head`): no mistake, and no crash.
    if (error.code().value() == EPIPE) return kReaderGone;
    throw;
  }
}

}  // namespace redflag::daemon
