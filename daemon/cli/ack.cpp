#include "daemon/cli/ack.h"

#include <fmt/format.h>

#include "daemon/cli/daemon_client.h"
#include "daemon/cli/operator_text.h"
#include "daemon/net/url.h"

namespace redflag::daemon {

const CommandSpec& ack_spec() {
  static const CommandSpec kSpec{
      "ack", "ID", "Acknowledges an alert: somebody has seen it and deals with it.",
      std::string("No reminders and no escalation by age from then on; an alert that becomes more\n"
                  "severe afterwards is told again. ID is the alert's id, or a beginning of it that\n"
                  "no other has.\n\n") +
          kDaemonExitCodes +
          "\n\nexamples:\n"
          "  redflag ack 9f3c0a4b --comment \"restarting with a lower learning rate\"\n"
          "  redflag ack 9f3c0a4b --undo",
      with_daemon_options({{"comment", "TEXT", "what is being done about it"},
                           {"by", "NAME", "who (you)"},
                           {"undo", "", "take it back"}})};
  return kSpec;
}

int ack_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = ack_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  if (arguments->operands().size() != 1 || arguments->operands()[0].empty()) {
    fmt::print(stderr, "redflag ack: name one alert by its id; `redflag alerts` lists them\n");
    return kWrongUsage;
  }
  const bool undo = arguments->has("undo");
  if (undo && (arguments->has("comment") || arguments->has("by"))) {
    fmt::print(stderr, "redflag ack: --undo takes neither --comment nor --by\n");
    return kWrongUsage;
  }
  DaemonClient daemon("redflag ack", *arguments);
  const std::string target = fmt::format("/v1/alerts/{}/ack", percent_encode(arguments->operands()[0]));
  const auto answer = undo ? daemon.ask("DELETE", target)
                           : daemon.ask("POST", target,
                                        {{"by", for_json(arguments->value("by", my_name()))},
                                         {"comment", for_json(arguments->value("comment"))}});
  if (!answer) return answer.error();
  if (arguments->has("json")) {
    print_json(*answer);
    return 0;
  }
  const std::string name = alert_name(answer->value("alert", nlohmann::json::object()));
  fmt::print("{} {}\n", undo ? "No longer acknowledged:" : "Acknowledged:", name);
  return 0;
}

}  // namespace redflag::daemon
