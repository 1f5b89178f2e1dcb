#include "daemon/cli/silence.h"

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/operator_text.h"
#include "daemon/cli/subcommands.h"
#include "daemon/net/url.h"

namespace redflag::daemon {
namespace {

constexpr Command kSubcommands[] = {
    {"add", "tell nobody of the alerts that match, for a while", silence_add_command, silence_add_spec},
    {"list", "silences in force and to come", silence_list_command, silence_list_spec},
    {"remove", "end one now", silence_remove_command, silence_remove_spec},
};

}  // namespace

const CommandSpec& silence_spec() {
  static const CommandSpec kSpec{
      "silence",
      "COMMAND",
      "Nobody is told of the alerts that a silence matches. They are recorded all\nthe same, and what still "
      "fires "
      "when it ends is told then.",
      std::string(kDaemonExitCodes) +
          "\n\nexamples:\n"
          "  redflag silence add 'run=sweep_*' --for 2h --comment \"rough on purpose\"\n"
          "  redflag silence list\n"
          "  redflag silence remove 4f1c22ab\n\n"
          "`redflag silence COMMAND --help` explains one.",
      {}};
  return kSpec;
}

std::span<const Command> silence_commands() {
  return kSubcommands;
}

const CommandSpec& silence_list_spec() {
  static const CommandSpec kSpec{
      "silence list", "", "Lists the silences in force and to come.",
      std::string(kDaemonExitCodes) + "\n\nexamples:\n  redflag silence list --all",
      with_daemon_options({{"all", "", "those that ended lately, too"}})};
  return kSpec;
}

const CommandSpec& silence_remove_spec() {
  static const CommandSpec kSpec{
      "silence remove", "ID", "Ends a silence now. What it muted and still fires is told.",
      std::string("ID is the silence's id, or a beginning of it that no other has.\n\n") + kDaemonExitCodes +
          "\n\nexamples:\n  redflag silence remove 4f1c22ab",
      with_daemon_options({})};
  return kSpec;
}

int silence_command(const std::vector<std::string>& words) {
  return run_subcommand("redflag silence", kSubcommands, overview_of(silence_spec(), kSubcommands), words);
}

int silence_list_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = silence_list_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  DaemonClient daemon("redflag silence list", *arguments);
  const auto answer =
      daemon.ask("GET", arguments->has("all") ? "/v1/silences" : "/v1/silences?state=active&state=pending");
  if (!answer) return answer.error();
  if (arguments->has("json")) {
    print_json(*answer);
    return 0;
  }
  const nlohmann::json list = answer->value("silences", nlohmann::json::array());
  if (list.empty()) {
    fmt::print("No silences.\n");
    return 0;
  }
  fmt::print("{}", silences_text(list, time_in(*answer, "now"), Look::of_stdout()));
  return 0;
}

int silence_remove_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = silence_remove_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  if (arguments->operands().size() != 1 || arguments->operands()[0].empty()) {
    fmt::print(stderr,
               "redflag silence remove: name one silence by its id; `redflag silence list` lists them\n");
    return kWrongUsage;
  }
  DaemonClient daemon("redflag silence remove", *arguments);
  const auto answer = daemon.ask("DELETE", "/v1/silences/" + percent_encode(arguments->operands()[0]));
  if (!answer) return answer.error();
  if (arguments->has("json")) {
    print_json(*answer);
    return 0;
  }
  const nlohmann::json silence = answer->value("silence", nlohmann::json::object());
  fmt::print("Ended silence {}: what still fires is told now.\n",
             alerts::escape_terminal(text_in(silence, "id")));
  return 0;
}

}  // namespace redflag::daemon
