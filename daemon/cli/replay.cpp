#include "daemon/cli/replay.h"

#include <cstdio>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "alerts/log/log_line.h"
#include "daemon/app/arguments.h"
#include "daemon/app/rule_files.h"
#include "daemon/cli/recorded_log.h"
#include "rules/engine/engine.h"

namespace redflag::daemon {
namespace {

const CommandSpec kSpec{
    "replay",
    "FILE…",
    "Runs the rules over recorded training logs and says what would have fired, and when.",
    "FILE is HF Trainer's trainer_state.json, or a log of JSON lines. Each file is one run. Recorded logs\n"
    "have no clock, so rules about silence and missing metrics say nothing here.\n\n"
    "exit codes: 0 every file was read (whatever fired), 1 a file could not be read, 2 wrong usage\n\n"
    "examples:\n"
    "  redflag replay results/*/checkpoint-*/trainer_state.json\n"
    "  redflag replay --json trainer_log.jsonl | jq 'select(.severity==\"critical\")'\n"
    "  redflag replay --rules my-rules.yaml trainer_state.json",
    {{"json", "", "one JSON object a line for each transition"},
     {"rules", "FILE", "a rule file of your own, besides the packs"},
     {"packs", "NAMES", "shipped packs to use, separated by commas (default: step3)"},
     {"all", "", "show conditions that were pending, too"}},
};

struct Totals {
  std::size_t files = 0;
  std::size_t unreadable = 0;
  std::map<Severity, std::size_t> fired;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    if (comma > at) parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

std::vector<Transition> run_rules(const std::shared_ptr<const RuleSet>& rules, const RecordedLog& log) {
  Engine engine(rules);
  std::vector<Transition> transitions;
  RunInfo before = log.run;
  before.state = RunState::unknown;
  before.historic = true;  // what was recorded is over: nothing in it can be said to be missing yet
  engine.apply(run_facts(before, "replay", Time{}), transitions);
  for (const Observation& row : log.rows) engine.apply(row, transitions);
  if (has_ended(log.run.state)) {
    RunInfo after = before;
    after.state = log.run.state;
    Observation facts = run_facts(after, "replay", log.rows.empty() ? Time{} : log.rows.back().time);
    facts.step = log.rows.empty() ? -1 : log.rows.back().step;
    engine.apply(facts, transitions);
  }
  return transitions;
}

bool worth_showing(const Transition& transition, bool all) {
  if (all) return true;
  const bool told = transition.to == AlertState::firing || transition.from == AlertState::firing;
  return told && transition.to != AlertState::inactive;
}

void show(const std::string& path, const RecordedLog& log, const std::vector<Transition>& transitions,
          const Arguments& arguments, Totals& totals) {
  const bool json = arguments.has("json");
  const alerts::RunContext context{
      log.run.key,  log.run.name,   "",
      log.run.task, log.run.method, log.run.seed ? std::to_string(*log.run.seed) : "",
      "",           false};
  if (!json) {
    fmt::print("{}: {}, {} rows{}\n", path, log.format, log.rows.size(),
               log.rows.empty() ? ": nothing to judge" : "");
    for (const std::string& note : log.notes) fmt::print("  note: {}\n", note);
  }
  bool any = false;
  for (const Transition& transition : transitions) {
    if (transition.to == AlertState::firing && !transition.escalated_from)
      ++totals.fired[transition.severity];
    if (!worth_showing(transition, arguments.has("all"))) continue;
    any = true;
    if (json) {
      fmt::print("{}\n", alerts::transition_json(transition, &context));
    } else {
      fmt::print("  {}\n", alerts::transition_line(transition, &context));
    }
  }
  if (!json && !any && !log.rows.empty()) fmt::print("  no flag\n");
}

}  // namespace

int replay_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  if (arguments->operands().empty()) {
    fmt::print(stderr, "redflag replay: name at least one log file (see --help)\n");
    return 2;
  }
  const MetricNames names;
  RuleFiles wanted;
  if (arguments->has("packs")) wanted.packs = split(arguments->value("packs"));
  if (arguments->has("rules")) wanted.files = {arguments->value("rules")};
  const Result<std::shared_ptr<const RuleSet>> rules = load_rules(wanted, names);
  if (!rules) {
    fmt::print(stderr, "{}\n", rules.error().text());
    return 2;
  }

  Totals totals;
  for (const std::string& path : arguments->operands()) {
    const Result<RecordedLog> log = read_recorded_log(path, names);
    if (!log) {
      fmt::print(stderr, "redflag replay: {}\n", log.error().text());
      ++totals.unreadable;
      continue;
    }
    ++totals.files;
    show(path, *log, run_rules(*rules, *log), *arguments, totals);
  }
  if (!arguments->has("json")) {
    fmt::print("\n{} file(s) replayed, {} could not be read; fired: {} critical, {} warning, {} info\n",
               totals.files, totals.unreadable, totals.fired[Severity::critical],
               totals.fired[Severity::warning], totals.fired[Severity::info]);
  }
  return totals.unreadable == 0 ? 0 : 1;
}

}  // namespace redflag::daemon
