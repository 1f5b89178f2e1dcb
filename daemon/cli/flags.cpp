#include "daemon/cli/flags.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include "alerts/matcher.h"
#include "alerts/text/escape.h"
#include "daemon/base/system_clock.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/flag_list.h"
#include "daemon/cli/interrupt.h"
#include "daemon/cli/look.h"
#include "daemon/cli/operator_text.h"
#include "daemon/cli/subcommands.h"
#include "daemon/config/suggest.h"
#include "daemon/net/url.h"
#include "daemon/overview/overview_json.h"
#include "rules/values/glob.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr Duration kLookEvery = std::chrono::seconds{1};
constexpr Duration kOnceLimit = std::chrono::seconds{60};
constexpr int kCriticalFires = 1;
constexpr const char* kMost = "100000";

constexpr Command kSubcommands[] = {
    {"show", "the evidence of one: curve, condition, what else fired, what to try", flags_show_command,
     flags_show_spec},
};

struct Wanted {
  std::string query;  ///< of GET /v1/alerts
  Severity least = Severity::info;
  std::size_t most = 200;
};

tl::expected<Wanted, int> wanted(const Arguments& arguments) {
  const auto wrong = [](const std::string& what) {
    fmt::print(stderr, "redflag flags: {}\n", what);
    return tl::unexpected<int>(kWrongUsage);
  };
  Wanted result;
  result.query = std::string("/v1/alerts?limit=") + kMost;
  if (arguments.has("run")) {
    const std::string matcher = "run=" + arguments.value("run");
    if (const auto parsed = alerts::parse_matcher(matcher); !parsed) return wrong(parsed.error().text());
    result.query += "&match=" + percent_encode(matcher);
  }
  if (arguments.has("severity")) {
    const std::string name = arguments.value("severity");
    const std::optional<Severity> severity = severity_from(name);
    if (!severity) {
      const std::string_view meant = settings::nearest(name, {"critical", "warning", "info"});
      return wrong(fmt::format(
          "there is no severity \"{}\"{}", alerts::escape_terminal(name),
          meant.empty() ? "; there are critical, warning, info" : fmt::format("; did you mean {}?", meant)));
    }
    result.least = *severity;
  }
  const Result<double> limit = arguments.number("limit", 200, 1, 100'000);
  if (!limit) return wrong(limit.error().text());
  result.most = static_cast<std::size_t>(*limit);
  return result;
}

std::vector<AlertLine> flags_in(const json& answer) {
  std::vector<AlertLine> flags;
  for (const json& alert : answer.value("alerts", json::array())) {
    if (alert.is_object()) flags.push_back(flag_of(alert));
  }
  return flags;
}

/// Prints them, and gives the exit code.
int tell(std::vector<AlertLine> flags, Time now, const Arguments& arguments, const Wanted& want) {
  std::erase_if(flags, [&](const AlertLine& flag) { return flag.severity < want.least; });
  if (arguments.has("json")) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const AlertLine& flag : flags) all.push_back(json_of(flag));
    fmt::print("{}\n", nlohmann::ordered_json{{"now", to_rfc3339(now)}, {"flags", std::move(all)}}.dump(2));
  } else {
    fmt::print("{}", flags_text(flags, now, Look::of_stdout(), want.most));
  }
  const bool critical = std::any_of(flags.begin(), flags.end(), [](const AlertLine& flag) {
    return flag.severity == Severity::critical && flag.state == "firing";
  });
  return arguments.has("check") && critical ? kCriticalFires : 0;
}

int from_daemon(const Arguments& arguments, const Wanted& want) {
  DaemonClient daemon("redflag flags", arguments);
  const auto answer = daemon.ask("GET", want.query + "&state=firing&state=pending");
  if (answer) return tell(flags_in(*answer), time_in(*answer, "now"), arguments, want);
  if (answer.error() == kNotReached) fmt::print(stderr, "  redflag flags --once looks without a daemon\n");
  // With --check, 1 is the answer to the question; that there is none is another number.
  return arguments.has("check") && answer.error() == kFailed ? kNotReached : answer.error();
}

/// Reads the sources itself, for which no daemon is needed.
int look(const Arguments& arguments, const Wanted& want) {
  Result<OnceOptions> options = once_options(arguments, kOnceLimit);
  Result<Config> config = once_config(arguments);
  for (const Error* error : {options ? nullptr : &options.error(), config ? nullptr : &config.error()}) {
    if (error == nullptr) continue;
    fmt::print(stderr, "redflag flags: {}\n", error->text());
    return kWrongUsage;
  }
  options->contents = true;  // what is wrong inside a file is a flag like any other
  const Result<OnceLook> seen = look_with_progress(std::move(*config), std::move(*options));
  if (!seen) {
    fmt::print(stderr, "redflag flags: {}\n", seen.error().text());
    return kNotReached;
  }
  if (!seen->unfinished.empty())
    fmt::print(stderr, "redflag flags: not all was read in time: {}\n",
               alerts::escape_terminal(seen->unfinished));
  const Overview& overview = seen->evidence.overview;
  std::vector<AlertLine> flags = overview.alerts;
  if (arguments.has("run")) {
    const std::string pattern = arguments.value("run");
    std::erase_if(flags, [&](const AlertLine& flag) {
      return flag.run.empty() || !(glob_match(pattern, flag.run) || glob_match(pattern, flag.about));
    });
  }
  return tell(std::move(flags), overview.now, arguments, want);
}

/// Prints what changes, a line each, until somebody has seen enough.
class Follower {
 public:
  Follower(const Arguments& arguments, const Wanted& want)
      : daemon_("redflag flags", arguments), want_(want), json_(arguments.has("json")) {}

  int run() {
    Interrupt interrupt;
    // What cannot be reached at the beginning is told as every command tells it.
    const auto first = daemon_.ask("GET", want_.query);
    if (!first) return first.error();
    tell(*first);
    while (interrupt.wait(kLookEvery)) {
      const Result<json> answer = daemon_.get(want_.query);
      if (!answer) {
        lost(answer.error());
        continue;
      }
      if (lost_) found();
      tell(*answer);
    }
    return 0;
  }

 private:
  void tell(const json& answer) {
    const Time now = time_in(answer, "now");
    for (const FlagChange& change : changes_.update(flags_in(answer))) {
      // What became milder than is asked for is the end of what was told.
      if (change.flag.severity < want_.least && change.word != "MILDER") continue;
      if (json_) {
        print(dump_json(change_json(change, now)));
      } else {
        print(change_line(change, now, look_));
      }
    }
  }

  void lost(const Error& error) {
    if (lost_) return;
    lost_ = true;
    note("unreachable", "redflagd does not answer (" + error.what + "); trying again every second");
  }

  void found() {
    lost_ = false;
    note("reached", "redflagd answers again; what changed meanwhile:");
  }

  void note(std::string_view word, const std::string& text) const {
    const Time now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
    if (json_) {
      print(dump_json({{"time", to_rfc3339(now)}, {"change", word}, {"text", text}}));
    } else {
      print(fmt::format("{}  -- {}", to_rfc3339(now).substr(11, 8), alerts::escape_terminal(text)));
    }
  }

  /// At once, also into a pipe.
  static void print(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }

  DaemonClient daemon_;
  const Wanted& want_;
  bool json_;
  Look look_ = Look::of_stdout();
  FlagChanges changes_;
  bool lost_ = false;
};

}  // namespace

const CommandSpec& flags_spec() {
  static const CommandSpec kSpec{
      "flags", "[show ID]", "Lists every red flag and warning now, the most severe first.",
      "`redflag flags` is for looking: what is wrong with the training, and why.\n"
      "`redflag alerts` is for dealing with it: ids for scripts, matchers, what has\n"
      "ended, whether a receiver can be reached; then redflag ack and redflag silence.\n\n"
      "--follow prints one line for each change until Ctrl-C, and goes on when the\n"
      "daemon is restarted. --severity S shows S and worse; PATTERN is a run's name or\n"
      "key, with * and ?.\n\n"
      "--once needs no daemon: it reads W&B and the results directories itself,\n"
      "what is inside tensor files included.\n\n"
      "exit codes: 0 asked and answered, whatever fires; 2 wrong usage; 3 no daemon\n"
      "reached. With --check also 1: something critical fires.\n\n"
      "examples:\n"
      "  redflag flags\n"
      "  redflag flags --run 'full_ft_*' --severity critical\n"
      "  redflag flags --follow\n"
      "  redflag flags --check --severity critical >/dev/null || echo look now\n"
      "  redflag flags show 9f3c0a4b",
      with_once_options({{"follow", "", "print changes as they come, one line each"},
                         {"run", "PATTERN", "only of these runs"},
                         {"severity", "S", "critical, warning or info: this and worse"},
                         {"limit", "N", "at most so many in the list (200)"},
                         {"check", "", "exit code 1 when something critical fires"},
                         {"json", "", "one object; with --follow one a line"},
                         {"socket", "PATH", "the daemon's socket (also: REDFLAG_SOCKET)"},
                         {"config", "FILE", "the daemon's configuration, which names its socket"}})};
  return kSpec;
}

std::span<const Command> flags_commands() {
  return kSubcommands;
}

int flags_command(const std::vector<std::string>& words) {
  if (!words.empty() && !words[0].starts_with('-'))
    return run_subcommand("redflag flags", kSubcommands, overview_of(flags_spec(), kSubcommands), words);
  const CommandSpec& spec = flags_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  const tl::expected<Wanted, int> want = wanted(*arguments);
  if (!want) return want.error();
  if (!arguments->operands().empty()) {
    fmt::print(stderr, "redflag flags: write the command first: redflag flags show ID\n");
    return kWrongUsage;
  }
  if (arguments->has("once") && arguments->has("follow")) {
    fmt::print(stderr, "redflag flags: --once looks once; it does not go with --follow\n");
    return kWrongUsage;
  }
  if (!arguments->has("once") && (arguments->has("results") || arguments->has("time-limit"))) {
    fmt::print(stderr, "redflag flags: --results and --time-limit go with --once\n");
    return kWrongUsage;
  }
  if (arguments->has("once")) return look(*arguments, *want);
  if (!arguments->has("follow")) return from_daemon(*arguments, *want);
  if (arguments->has("check")) {
    fmt::print(stderr, "redflag flags: --check looks once; it does not go with --follow\n");
    return kWrongUsage;
  }
  return Follower(*arguments, *want).run();
}

}  // namespace redflag::daemon
