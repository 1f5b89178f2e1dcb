// `redflag silence add`: first what it would mute, then the silence.
#include <fmt/format.h>

#include "alerts/matcher.h"
#include "alerts/text/escape.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/operator_text.h"
#include "daemon/cli/silence.h"
#include "daemon/config/values.h"

namespace redflag::daemon {

using nlohmann::json;

namespace {

constexpr const char* kCommand = "redflag silence add";

int wrong(const std::string& what) {
  fmt::print(stderr, "{}: {}\n", kCommand, what);
  return kWrongUsage;
}

/// The request's body, or what is wrong with the command line.
tl::expected<json, std::string> body_of(const Arguments& arguments) {
  if (arguments.operands().empty())
    return tl::unexpected<std::string>(
        "which alerts? for example 'rule=loss-*' 'run=sweep_*' (--help lists labels)");
  for (const std::string& written : arguments.operands()) {
    if (const auto matcher = alerts::parse_matcher(written); !matcher)
      return tl::unexpected<std::string>(matcher.error().text());
  }
  if (arguments.has("for") == arguments.has("until"))
    return tl::unexpected<std::string>("for how long? either --for 2h, or --until 2026-11-23T18:00:00Z");
  if (!arguments.has("comment") && !arguments.has("preview"))
    return tl::unexpected<std::string>("why? --comment TEXT tells those who find it later");
  json body{{"matchers", json::array()},
            {"comment", for_json(arguments.value("comment"))},
            {"author", for_json(arguments.value("author", my_name()))}};
  for (const std::string& written : arguments.operands()) body["matchers"].push_back(for_json(written));
  if (arguments.has("for")) {
    const std::string length = arguments.value("for");
    if (const auto duration = settings::parse_duration(length); !duration) {
      return tl::unexpected<std::string>(
          fmt::format("--for {}{}", alerts::escape_terminal(duration.error().problem),
                      duration.error().help.empty() ? "" : " (" + duration.error().help + ")"));
    }
    body["duration"] = length;
  }
  for (const auto& [option, key] : {std::pair{"until", "ends"}, std::pair{"from", "starts"}}) {
    if (!arguments.has(option)) continue;
    if (!parse_rfc3339(arguments.value(option))) {
      return tl::unexpected<std::string>(fmt::format("--{} \"{}\" is no time like 2026-11-23T18:00:00Z",
                                                     option,
                                                     alerts::escape_terminal(arguments.value(option))));
    }
    body[key] = arguments.value(option);
  }
  return body;
}

void show_preview(const json& answer, std::FILE* out) {
  const Look look = Look::of_stdout();
  const json mutes = answer.value("mutes", json::array());
  const json total = answer.value("total", json(0));
  const std::string ends = text_in(answer.value("silence", json::object()), "ends");
  if (mutes.empty()) {
    fmt::print(out, "It would mute nothing that fires now (until {}).\n", alerts::escape_terminal(ends));
    return;
  }
  fmt::print(out, "It would mute {} alert{} until {}:\n", total.dump(), total == 1 ? "" : "s",
             alerts::escape_terminal(ends));
  fmt::print(out, "{}{}", alerts_text(mutes, time_in(answer, "now"), look), cut_text(answer, "mutes"));
}

}  // namespace

const CommandSpec& silence_add_spec() {
  static const CommandSpec kSpec{
      "silence add", "MATCHER…", "Tells nobody of the alerts that match, for a while; shows first which.",
      std::string(kMatcherWords) +
          "\nOn a terminal it asks before it makes the silence; in a script say --yes.\n\n" +
          kDaemonExitCodes +
          "\n\nexamples:\n"
          "  redflag silence add 'run=sweep_*' --for 2h --comment \"rough on purpose\"\n"
          "  redflag silence add 'tag=lora' 'severity<critical' --comment \"new data\" \\\n"
          "    --until 2026-11-23T18:00:00Z --yes\n"
          "  redflag silence add 'rule=run-stalled' --for 30m --preview",
      with_daemon_options({{"for", "DURATION", "how long: 30m, 2h, 1d12h"},
                           {"until", "TIME", "or until when: 2026-11-23T18:00:00Z"},
                           {"from", "TIME", "when it begins (now)"},
                           {"comment", "TEXT", "why"},
                           {"author", "NAME", "who (you)"},
                           {"preview", "", "only show what it would mute"},
                           {"yes", "", "do not ask"}})};
  return kSpec;
}

int silence_add_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = silence_add_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  const auto body = body_of(*arguments);
  if (!body) return wrong(body.error());
  const bool json_wanted = arguments->has("json");
  DaemonClient daemon(kCommand, *arguments);
  const auto preview = daemon.ask("POST", "/v1/silences?preview=1", *body);
  if (!preview) return preview.error();
  const bool only_preview = arguments->has("preview");
  if (only_preview && json_wanted) {
    print_json(*preview);
    return 0;
  }
  show_preview(*preview, json_wanted ? stderr : stdout);
  if (only_preview) return 0;
  std::fflush(stdout);
  if (!confirmed("Make this silence?", arguments->has("yes"))) {
    fmt::print(stderr, "{}: no silence was made\n", kCommand);
    return kFailed;
  }
  const auto made = daemon.ask("POST", "/v1/silences", *body);
  if (!made) return made.error();
  if (json_wanted) {
    print_json(*made);
    return 0;
  }
  const std::string id = alerts::escape_terminal(text_in(made->value("silence", json::object()), "id"));
  fmt::print("Silence {0} is made. To end it: redflag silence remove {0}\n", id);
  return 0;
}

}  // namespace redflag::daemon
