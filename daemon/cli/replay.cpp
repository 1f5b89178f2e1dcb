#include "daemon/cli/replay.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "daemon/app/arguments.h"
#include "daemon/app/rule_files.h"
#include "daemon/cli/log_files.h"
#include "daemon/cli/recorded_log.h"
#include "daemon/cli/replay_labels.h"
#include "daemon/cli/replay_run.h"
#include "daemon/cli/replay_view.h"
#include "daemon/cli/rules_shared.h"
#include "daemon/cli/terminal.h"

namespace redflag::daemon {
namespace {

constexpr double kLargestStep = 9007199254740992.0;  // 2^53

const CommandSpec kSpec{
    "replay",
    "FILE…|DIRECTORY…",
    "Runs the rules over recorded training logs: what would have fired, and when.",
    R"(FILE is HF Trainer's trainer_state.json, a log of JSON lines, CSV whose first
line names the metrics (the step in a column `step`), W&B's run-ID.wandb,
TensorBoard's event file, or what a training printed (output.log). DIRECTORY
means every .json, .jsonl, .csv, .wandb, *tfevents* and output*.log in it. Each
file is one run. Rows that cannot be read are counted and told, the others are
judged.

A recorded log has no clock, and its run is told as historic: rules about
silence and about metrics that never came say nothing here. `redflag rules list
--log FILE` says which rules are blind on a log.

On a terminal a file replayed alone is followed by its curve, with a sign under
each step at which a rule fired: ! critical, * warning, . info.

--from and --to name training steps. Rows before --from are judged too, as
trends need them, but what fired there is not shown. Rows after --to are as if
they had not been logged yet.

Without --rules and --packs the rules are those of redflagd without a
configuration: the pack step3, which includes generic. To see what one rule of
your own does, leave the packs out: --packs none --rules my-rules.yaml.

--labels measures the rules: LABELS is a table with tab-separated columns `file`
(in the one DIRECTORY) and `label` (healthy, nan, diverged, overfit, stalled or
unclear), and if you like `onset` (step at which the trouble begins) and
`repository`. It answers what was found, by a rule that says to find that
trouble or by any; what each rule costs in false alarms; how many log rows after
the onset each bad run was found.

exit codes: 0 every file was read (whatever fired); 1 a file could not be read
(with --labels: one labelled healthy, nan, diverged, overfit or stalled) or a
curve not drawn; 2 wrong usage, rules or labels

environment: NO_COLOR and TERM=dumb leave colours out

examples:
  redflag replay results/*/checkpoint-*/trainer_state.json
  redflag replay --rules my-rules.yaml --packs none trainer_state.json
  redflag replay --from 1000 --to 2000 --metric eval_loss metrics.csv
  redflag replay --json log.jsonl | jq 'select(.severity=="critical")'
  redflag replay --labels labels.tsv --onsets onsets.tsv logs/

see also: redflag rules --help; docs/rules.md in the source)",
    {{"json", "", "one JSON object a line (with --labels: one for all)"},
     {"from", "STEP", "show only what happens at this step or later"},
     {"to", "STEP", "stop at this step"},
     {"curve", "", "draw the curve below each file"},
     {"no-curve", "", "draw none"},
     {"metric", "NAME", "draw this metric (default: train_loss)"},
     {"labels", "LABELS", "measure the rules on labelled runs"},
     {"onsets", "FILE", "onsets of labelled runs: columns file and onset"},
     own_rules_option(),
     {"packs", "NAMES", "shipped packs, with commas; or none (default: step3)"},
     {"all", "", "show conditions that were pending, too"}},
};

/// What cannot be asked for together; empty: all is well.
std::string contradiction(const Arguments& arguments) {
  if (arguments.operands().empty()) return "name at least one log file or a directory of logs";
  const bool draws = arguments.has("curve") || arguments.has("metric");
  if (draws && arguments.has("json")) return "--json prints no curve; leave --curve and --metric out";
  if (draws && arguments.has("no-curve")) return "--no-curve contradicts --curve and --metric";
  if (!arguments.has("labels"))
    return arguments.has("onsets") ? "--onsets belongs to --labels, which is missing" : "";
  if (arguments.operands().size() != 1) return "--labels wants one directory";
  for (const char* other : {"from", "to", "curve", "metric", "all"}) {
    if (arguments.has(other)) return fmt::format("--{} does not go with --labels", other);
  }
  return "";
}

Result<StepRange> range_of(const Arguments& arguments) {
  StepRange range;
  const Result<double> from = arguments.number("from", 0, 0, kLargestStep);
  if (!from) return tl::unexpected<Error>(from.error());
  const Result<double> to = arguments.number("to", kLargestStep, 0, kLargestStep);
  if (!to) return tl::unexpected<Error>(to.error());
  if (arguments.has("from")) range.from = static_cast<std::int64_t>(*from);
  if (arguments.has("to")) range.to = static_cast<std::int64_t>(*to);
  if (range.from > range.to) {
    return fail(ErrorCode::invalid_input, "--from and --to",
                fmt::format("no step is between {} and {}", range.from, range.to));
  }
  return range;
}

int wrong_usage(const std::string& what) {
  fmt::print(stderr, "redflag replay: {} (see --help)\n", alerts::escape_terminal(what));
  return 2;
}

void complain(const Error& error) {
  fmt::print(stderr, "redflag replay: {}\n", alerts::escape_terminal(error.text()));
}

int replay_files(const Arguments& arguments, const std::shared_ptr<const RuleSet>& rules,
                 const MetricNames& names, const StepRange& range) {
  std::vector<std::string> files;
  std::size_t unreadable = 0;
  for (const std::string& operand : arguments.operands()) {
    const Result<std::vector<std::string>> found = log_files_of(operand);
    if (!found) {
      complain(found.error());
      ++unreadable;
      continue;
    }
    files.insert(files.end(), found->begin(), found->end());
  }

  ReplayViewOptions options;
  options.json = arguments.has("json");
  options.all = arguments.has("all");
  options.range = range;
  options.terminal = Terminal::of(STDOUT_FILENO);
  options.metric = arguments.has("metric") ? names.lookup(arguments.value("metric")).canonical : "";
  const bool by_itself = options.terminal.present && files.size() == 1 && !options.json;
  options.curve =
      !arguments.has("no-curve") && (arguments.has("curve") || arguments.has("metric") || by_itself);

  // On a terminal what is printed of each file is progress enough.
  std::optional<ProgressLine> progress;
  if (!options.terminal.present) progress.emplace("replaying");
  ReplayView view(options);
  std::size_t replayed = 0;
  bool drawn = true;
  for (const std::string& path : files) {
    const Result<RecordedLog> log = read_recorded_log(path, names);
    if (!log) {
      complain(log.error());
      ++unreadable;
      continue;
    }
    ++replayed;
    if (progress) progress->at(replayed + unreadable, files.size());
    drawn = view.show(path, *log, replay_run(rules, *log, range)) && drawn;
  }
  view.show_totals(replayed, unreadable);
  return unreadable == 0 && drawn ? 0 : 1;
}

}  // namespace

const CommandSpec& replay_spec() {
  return kSpec;
}

int replay_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  if (const std::string wrong = contradiction(*arguments); !wrong.empty()) return wrong_usage(wrong);
  const Result<StepRange> range = range_of(*arguments);
  if (!range) return wrong_usage(range.error().text());

  const MetricNames names;
  const Result<std::shared_ptr<const RuleSet>> rules =
      load_rules(wanted_rules(*arguments, RuleFiles().packs), names);
  if (!rules) {
    fmt::print(stderr, "{}\n", rules.error().text());
    return 2;
  }
  if (!arguments->has("labels")) return replay_files(*arguments, *rules, names, *range);
  return replay_labels({arguments->value("labels"), arguments->value("onsets"), arguments->operands().front(),
                        arguments->has("json")},
                       *rules, names);
}

}  // namespace redflag::daemon
