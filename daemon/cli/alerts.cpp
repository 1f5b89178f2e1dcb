#include "daemon/cli/alerts.h"

#include <fmt/format.h>

#include "alerts/matcher.h"
#include "daemon/cli/alerts_test.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/operator_text.h"
#include "daemon/cli/subcommands.h"
#include "daemon/net/url.h"

namespace redflag::daemon {
namespace {

constexpr Command kSubcommands[] = {
    {"list", "what fires now, the most severe first", alerts_list_command, alerts_list_spec},
    {"show", "everything about one alert", alerts_show_command, alerts_show_spec},
    {"test", "send a real test message to a receiver and explain the answer", alerts_test_command,
     alerts_test_spec},
};

}  // namespace

const CommandSpec& alerts_spec() {
  static const CommandSpec kSpec{
      "alerts",
      "[COMMAND]",
      "What is wrong now. Without a command: list.",
      std::string("`redflag flags` is for looking: what is wrong, and why. This is for dealing\n"
                  "with it: ids for scripts, matchers, what has ended, receivers.\n\n") +
          kDaemonExitCodes +
          "\n\n`redflag alerts COMMAND --help` explains one. See also: redflag "
          "ack, redflag\nsilence, redflag outbox.",
      {}};
  return kSpec;
}

std::span<const Command> alerts_commands() {
  return kSubcommands;
}

const CommandSpec& alerts_list_spec() {
  static const CommandSpec kSpec{
      "alerts list", "", "Lists the alerts that fire or are about to, the most severe first.",
      std::string(kMatcherWords) + "\nNothing that fires is no failure: exit code 0.\n\n" + kDaemonExitCodes +
          "\n\nexamples:\n"
          "  redflag alerts\n"
          "  redflag alerts --match 'severity>=critical' --match 'run=full_ft_*'\n"
          "  redflag alerts --all --json | jq -r '.alerts[].id'",
      with_daemon_options({{"all", "", "those that ended lately, too"},
                           {"match", "MATCHER", "only these; may be given several times"},
                           {"limit", "N", "at most so many (1000)"}})};
  return kSpec;
}

const CommandSpec& alerts_show_spec() {
  static const CommandSpec kSpec{
      "alerts show", "ID", "Shows everything about one alert: evidence, times, what to try.",
      std::string("ID is the alert's id, or a beginning of it that no other has.\n\n") + kDaemonExitCodes +
          "\n\nexamples:\n  redflag alerts show 9f3c0a4b",
      with_daemon_options({})};
  return kSpec;
}

int alerts_command(const std::vector<std::string>& words) {
  const bool asks = !words.empty() && (words[0] == "--help" || words[0] == "-h");
  if (words.empty() || (words[0].starts_with('-') && !asks)) return alerts_list_command(words);
  return run_subcommand("redflag alerts", kSubcommands, overview_of(alerts_spec(), kSubcommands), words);
}

int alerts_list_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = alerts_list_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  const Result<double> limit = arguments->number("limit", 1000, 1, 100'000);
  if (!limit) {
    fmt::print(stderr, "redflag alerts: {}\n", limit.error().text());
    return kWrongUsage;
  }
  std::string target = fmt::format("/v1/alerts?limit={}", static_cast<std::size_t>(*limit));
  if (!arguments->has("all")) target += "&state=firing&state=pending";
  for (const std::string& written : arguments->values("match")) {
    if (const auto matcher = alerts::parse_matcher(written); !matcher) {
      fmt::print(stderr, "redflag alerts: {}\n", matcher.error().text());
      return kWrongUsage;
    }
    target += "&match=" + percent_encode(written);
  }
  DaemonClient daemon("redflag alerts", *arguments);
  const auto answer = daemon.ask("GET", target);
  if (!answer) return answer.error();
  if (arguments->has("json")) {
    print_json(*answer);
    return 0;
  }
  const nlohmann::json list = answer->value("alerts", nlohmann::json::array());
  if (list.empty()) {
    fmt::print("{}\n", arguments->values("match").empty() ? "Nothing fires." : "Nothing that fires matches.");
    return 0;
  }
  const Look look = Look::of_stdout();
  fmt::print("{}{}", alerts_text(list, time_in(*answer, "now"), look), cut_text(*answer, "alerts"));
  return 0;
}

int alerts_show_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = alerts_show_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  if (arguments->operands().size() != 1 || arguments->operands()[0].empty()) {
    fmt::print(stderr, "redflag alerts show: name one alert by its id; `redflag alerts` lists them\n");
    return kWrongUsage;
  }
  DaemonClient daemon("redflag alerts show", *arguments);
  const auto answer = daemon.ask("GET", "/v1/alerts/" + percent_encode(arguments->operands()[0]));
  if (!answer) return answer.error();
  if (arguments->has("json")) {
    print_json(*answer);
  } else {
    fmt::print("{}", alert_text(answer->value("alert", nlohmann::json::object()), time_in(*answer, "now"),
                                Look::of_stdout()));
  }
  return 0;
}

}  // namespace redflag::daemon
