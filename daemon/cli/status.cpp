#include "daemon/cli/status.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "daemon/cli/daemon_client.h"
#include "daemon/cli/look.h"
#include "daemon/cli/status_text.h"
#include "daemon/cli/terminal.h"
#include "daemon/overview/overview_json.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kOnceLimit = 20s;

struct Wanted {
  std::size_t runs = 5;
  bool json = false;
  bool watch = false;
  Duration interval = 2s;
};

void show(const Overview& overview, const Wanted& wanted) {
  if (wanted.json) {
    fmt::print("{}\n", json_of(overview).dump(2, ' ', true));
    return;
  }
  StatusSize size;
  size.runs = wanted.runs;
  const std::string text = status_text(overview, Look::of_stdout(), size);
  if (!wanted.watch || !Terminal::of(STDOUT_FILENO).present) {
    fmt::print("{}{}", text, wanted.watch ? "\n" : "");
    std::fflush(stdout);
    return;
  }
  // Written over what stands there, line by line, so that nothing flickers.
  std::string screen = "\033[H";
  for (const char c : text) {
    if (c == '\n') screen += "\033[K";
    screen += c;
  }
  fmt::print("{}\033[J", screen);
  std::fflush(stdout);
}

int once(const Arguments& arguments, const Wanted& wanted) {
  Result<OnceOptions> options = once_options(arguments, kOnceLimit);
  if (!options) {
    fmt::print(stderr, "redflag status: {}\n", options.error().text());
    return kWrongUsage;
  }
  Result<Config> config = once_config(arguments);
  if (!config) {
    fmt::print(stderr, "{}", config.error().what);
    return kWrongUsage;
  }
  options->runs = wanted.json ? 1000 : wanted.runs;
  const Result<OnceLook> look = look_with_progress(std::move(*config), std::move(*options));
  if (!look) {
    fmt::print(stderr, "redflag status: {}\n", look.error().text());
    return kFailed;
  }
  show(look->evidence.overview, wanted);
  if (!look->unfinished.empty()) {
    fmt::print(stderr, "redflag status: the time is up, and not everything was told: {} (--time-limit)\n",
               folded(look->unfinished, 0, 1000));
  }
  return 0;
}

int from_daemon(const Arguments& arguments, const Wanted& wanted) {
  DaemonClient daemon("redflag status", arguments);
  const auto answer =
      daemon.ask("GET", fmt::format("/v1/overview?runs={}", wanted.json ? 1000 : wanted.runs));
  if (!answer) {
    if (answer.error() == kNotReached) fmt::print(stderr, "  redflag status --once looks without a daemon\n");
    return answer.error();
  }
  if (wanted.json && !wanted.watch) {
    print_json(*answer);
    return 0;
  }
  const Result<Overview> overview = overview_from(*answer);
  if (!overview) {
    fmt::print(stderr, "redflag status: {}\n", overview.error().text());
    return kFailed;
  }
  show(*overview, wanted);
  return 0;
}

}  // namespace

const CommandSpec& status_spec() {
  static const CommandSpec kSpec{
      "status", "",
      "Everything at a glance: sources, runs, scores against their ranges, representations and "
      "checkpoints, alerts, and what to do next.",
      std::string(
          "Asks the daemon. With --once it looks at W&B and the results directories itself, as the\n"
          "configuration or WANDB_ENTITY, WANDB_PROJECT and --results name them; what a daemon has kept is\n"
          "shown, too, with its age. Nobody is told of anything.\n\n"
          "Alerts are no failure: exit code 0. ") +
          kDaemonExitCodes +
          "\n\nexamples:\n"
          "  redflag status\n"
          "  redflag status --watch\n"
          "  redflag status --once --results ./results\n"
          "  redflag status --json | jq '.tasks[] | {task, average, verdict}'",
      with_daemon_options(with_once_options(
          {{"watch", "", "again and again, in place"},
           {"interval", "SECONDS", "with --watch: so often (2)"},
           {"runs", "N",
            "show at most so many runs (5), those with critical alerts first, then live ones"}}))};
  return kSpec;
}

int status_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = status_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  Wanted wanted;
  wanted.json = arguments->has("json");
  wanted.watch = arguments->has("watch");
  const Result<double> runs = arguments->number("runs", 5, 1, 100'000);
  const Result<double> interval = arguments->number("interval", 2, 0.2, 86'400);
  for (const auto* number : {&runs, &interval}) {
    if (*number) continue;
    fmt::print(stderr, "redflag status: {}\n", number->error().text());
    return kWrongUsage;
  }
  if (!arguments->operands().empty()) {
    fmt::print(stderr, "redflag status: it takes no operands, such as {}\n",
               folded(arguments->operands()[0], 0, 200));
    return kWrongUsage;
  }
  const bool looks_once = arguments->has("once");
  if (!looks_once && (arguments->has("results") || arguments->has("time-limit"))) {
    fmt::print(stderr, "redflag status: --results and --time-limit go with --once\n");
    return kWrongUsage;
  }
  wanted.runs = static_cast<std::size_t>(*runs);
  wanted.interval = Duration{static_cast<std::int64_t>(*interval * 1e6)};
  if (wanted.watch && !wanted.json && Terminal::of(STDOUT_FILENO).present) fmt::print("\033[2J");
  for (;;) {
    const int code = looks_once ? once(*arguments, wanted) : from_daemon(*arguments, wanted);
    if (!wanted.watch || code == kWrongUsage) return code;
    std::this_thread::sleep_for(wanted.interval);
  }
}

}  // namespace redflag::daemon
