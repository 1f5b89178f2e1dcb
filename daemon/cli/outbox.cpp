#include "daemon/cli/outbox.h"

#include <fmt/format.h>

#include "daemon/cli/daemon_client.h"
#include "daemon/cli/operator_text.h"
#include "daemon/cli/subcommands.h"

namespace redflag::daemon {

using nlohmann::json;

namespace {

constexpr Command kSubcommands[] = {
    {"list", "messages that wait, or that their receiver refused", outbox_list_command, outbox_list_spec},
    {"retry", "send them now", outbox_retry_command, outbox_retry_spec},
    {"drop", "give them up", outbox_drop_command, outbox_drop_spec},
};

/// The ids, or {"all": true}; nullopt and a complaint when it is neither or both.
std::optional<json> wanted(const Arguments& arguments, const std::string& command) {
  const std::vector<std::string>& ids = arguments.operands();
  if (ids.empty() == !arguments.has("all")) {
    fmt::print(stderr, "{}: name the messages by their ids, or say --all; `redflag outbox` lists them\n",
               command);
    return std::nullopt;
  }
  if (ids.empty()) return json{{"all", true}};
  json body{{"ids", json::array()}};
  for (const std::string& id : ids) body["ids"].push_back(for_json(id));
  return body;
}

int done(const json& answer, bool as_json, std::string_view what) {
  if (as_json) {
    print_json(answer);
    return 0;
  }
  const json count = answer.value("count", json(0));
  fmt::print("{} message{} {}.\n", count.dump(), count == 1 ? "" : "s", what);
  return 0;
}

}  // namespace

const CommandSpec& outbox_spec() {
  static const CommandSpec kSpec{"outbox",
                                 "[COMMAND]",
                                 "Messages on their way to a receiver. Those that wait are sent as soon as "
                                 "it\ntakes them; parked ones were "
                                 "refused for good and wait for a person. Without\na command: list.",
                                 std::string(kDaemonExitCodes) +
                                     "\n\nexamples:\n"
                                     "  redflag outbox\n"
                                     "  redflag outbox retry --all\n"
                                     "  redflag outbox drop 9f3c0a4be2d17788-fired-critical@slack\n\n"
                                     "`redflag outbox COMMAND --help` explains one.",
                                 {}};
  return kSpec;
}

std::span<const Command> outbox_commands() {
  return kSubcommands;
}

const CommandSpec& outbox_list_spec() {
  static const CommandSpec kSpec{
      "outbox list", "", "Lists messages that wait for their receiver, or were refused for good (parked).",
      std::string(kDaemonExitCodes) + "\n\nexamples:\n  redflag outbox list --json",
      with_daemon_options({{"limit", "N", "at most so many (1000)"}})};
  return kSpec;
}

const CommandSpec& outbox_retry_spec() {
  static const CommandSpec kSpec{"outbox retry", "[ID…]",
                                 "Sends at once what waits, and again what was parked.",
                                 std::string(kDaemonExitCodes) +
                                     "\n\nexamples:\n  redflag outbox retry --all\n  redflag outbox retry "
                                     "9f3c0a4be2d17788-fired-critical@slack",
                                 with_daemon_options({{"all", "", "every message"}})};
  return kSpec;
}

const CommandSpec& outbox_drop_spec() {
  static const CommandSpec kSpec{
      "outbox drop", "[ID…]", "Gives messages up: they are never sent.",
      std::string("The alerts they tell of are not touched. A message that is being sent at this\n"
                  "moment cannot be dropped.\n\n") +
          kDaemonExitCodes +
          "\n\nexamples:\n  redflag outbox drop 9f3c0a4be2d17788-fired-critical@slack\n"
          "  redflag outbox drop --all --yes",
      with_daemon_options(
          {{"all", "", "every message that is not being sent"}, {"yes", "", "do not ask before --all"}})};
  return kSpec;
}

int outbox_command(const std::vector<std::string>& words) {
  const bool asks = !words.empty() && (words[0] == "--help" || words[0] == "-h");
  if (words.empty() || (words[0].starts_with('-') && !asks)) return outbox_list_command(words);
  return run_subcommand("redflag outbox", kSubcommands, overview_of(outbox_spec(), kSubcommands), words);
}

int outbox_list_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = outbox_list_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  const Result<double> limit = arguments->number("limit", 1000, 1, 100'000);
  if (!limit) {
    fmt::print(stderr, "redflag outbox: {}\n", limit.error().text());
    return kWrongUsage;
  }
  DaemonClient daemon("redflag outbox", *arguments);
  const auto answer = daemon.ask("GET", fmt::format("/v1/outbox?limit={}", static_cast<std::size_t>(*limit)));
  if (!answer) return answer.error();
  if (arguments->has("json")) {
    print_json(*answer);
    return 0;
  }
  const auto channels = daemon.ask("GET", "/v1/channels");
  if (!channels) return channels.error();
  const Look look = Look::of_stdout();
  const Time now = time_in(*answer, "now");
  const json list = answer->value("messages", json::array());
  fmt::print("{}{}{}{}", channels_text(channels->value("channels", json::array()), now, look),
             outbox_text(list, now, look), cut_text(*answer, "messages"),
             list.empty() ? "Nothing waits.\n" : "");
  return 0;
}

int outbox_retry_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = outbox_retry_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  const std::optional<json> body = wanted(*arguments, "redflag outbox retry");
  if (!body) return kWrongUsage;
  DaemonClient daemon("redflag outbox retry", *arguments);
  const auto answer = daemon.ask("POST", "/v1/outbox/retry", *body);
  return answer ? done(*answer, arguments->has("json"), "will be sent now") : answer.error();
}

int outbox_drop_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = outbox_drop_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  const std::optional<json> body = wanted(*arguments, "redflag outbox drop");
  if (!body) return kWrongUsage;
  DaemonClient daemon("redflag outbox drop", *arguments);
  if (arguments->has("all")) {
    const auto list = daemon.ask("GET", "/v1/outbox?limit=1");
    if (!list) return list.error();
    const std::string question =
        fmt::format("Drop {} message(s) for good?", list->value("total", json(0)).dump());
    if (!confirmed(question, arguments->has("yes"))) {
      fmt::print(stderr, "redflag outbox drop: nothing was dropped\n");
      return kFailed;
    }
  }
  const auto answer = daemon.ask("POST", "/v1/outbox/drop", *body);
  return answer ? done(*answer, arguments->has("json"), "dropped") : answer.error();
}

}  // namespace redflag::daemon
