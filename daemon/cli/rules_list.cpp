// `redflag rules list`: the rules at a glance, and, given a log, which of them are blind on it.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "alerts/text/escape.h"
#include "daemon/cli/recorded_log.h"
#include "daemon/cli/rules.h"
#include "daemon/cli/rules_shared.h"
#include "daemon/store/logged_metrics.h"
#include "rules/lang/coverage.h"

namespace redflag::daemon {
namespace {

const CommandSpec kSpec{
    "rules list",
    "",
    "Lists the rules: their severities and the metrics and facts that they need.",
    R"(With --state each rule is held against what the watched projects log, from the
daemon's memory; with --log against a recorded log (HF Trainer's
trainer_state.json, JSON lines or CSV). A rule is "ready" when it can fire on
what is logged, and "blind" when it cannot, with the metrics that are missing.
Metrics logged under a name that redflag does not know get it through
metrics.aliases in the configuration.

exit codes: 0 listed, 2 wrong usage, 3 a rule file, the log or the state could
not be loaded

examples:
  redflag rules list
  sudo redflag rules list --state /var/lib/redflag
  redflag rules list --log results/full_ft_rte_seed42/trainer_state.json
  redflag rules list --rules my-rules.yaml --packs none
  redflag rules list --json | jq -r 'select(.reads[]=="eval_loss").rule')",
    {packs_option(),
     own_rules_option(),
     {"log", "FILE", "a recorded log: which rules can fire on what it has"},
     {"state", "DIR", "the daemon's state directory: the same for its runs"},
     {"json", "", "one JSON object a line for each rule"}},
};

constexpr std::size_t kNameWidth = 30;
constexpr std::size_t kLevelWidth = 17;  // "critical, warning"

/// Facts that every run has, whatever is logged.
bool is_run_fact(std::string_view name) {
  static const std::set<std::string, std::less<>> kNames = [] {
    RunInfo run;
    run.id = run.name = run.project = run.group = run.job_type = run.task = run.method = "x";
    run.seed = 1;
    run.created_at = run.heartbeat_at = from_unix_seconds(1);
    std::set<std::string, std::less<>> names;
    for (const auto& [fact, value] : run_facts(run, "", Time{}).attributes) names.insert(fact);
    return names;
  }();
  return kNames.contains(name) || name.starts_with("tag.") || name.starts_with("config.");
}

/// Metrics of a log, canonical, with the names they were logged under.
using Logged = std::map<std::string, std::string, std::less<>>;

Logged metrics_of(const RecordedLog& log) {
  Logged metrics;
  for (const Observation& row : log.rows) {
    for (const Sample& sample : row.samples)
      metrics.emplace(sample.metric, sample.original.empty() ? sample.metric : sample.original);
  }
  return metrics;
}

struct Totals {
  std::size_t ready = 0;
  std::size_t blind = 0;
  std::size_t elsewhere = 0;
};

struct Sight {
  std::string word;  ///< "ready", "blind", "elsewhere"
  std::vector<std::string> missing;
};

Sight sight_of(const RuleInfo& rule, const LoadOptions& options, const Logged& logged, Totals& totals) {
  if (rule.kind != SubjectKind::run) {
    ++totals.elsewhere;
    return {"elsewhere", {}};
  }
  const RuleCoverage coverage = coverage_of(
      rule, options, [&](std::string_view name) { return is_run_fact(name) || logged.contains(name); });
  ++(coverage.can_fire ? totals.ready : totals.blind);
  return {coverage.can_fire ? "ready" : "blind", coverage.missing};
}

std::string sight_words(const Sight& sight, SubjectKind kind) {
  if (sight.word == "elsewhere") return fmt::format("not from logs: {}", to_string(kind));
  if (sight.missing.empty()) return sight.word;
  const std::string missing = fmt::format("no {}", fmt::join(sight.missing, ", "));
  return sight.word == "blind" ? "blind: " + missing : "ready (" + missing + ")";
}

void print_row(const RuleInfo& rule, const std::string& last, bool color) {
  std::vector<std::string_view> levels;
  for (const Severity severity : rule.severities) levels.push_back(to_string(severity));
  const std::size_t indent = 2 + kNameWidth + 1 + kLevelWidth + 1;
  std::string name = bold(rule.name, color);
  if (rule.name.size() > kNameWidth) {
    name += '\n' + std::string(2 + kNameWidth, ' ');
  } else {
    name += std::string(kNameWidth - rule.name.size(), ' ');
  }
  std::string words = fmt::format("{}", fmt::join(levels, ", "));
  if (words.size() > kLevelWidth) words = "all three";
  fmt::print("  {} {:<{}} {}\n", name, words, kLevelWidth, wrapped(alerts::escape_terminal(last), indent));
}

std::string needs_words(const RuleInfo& rule) {
  const std::string names = fmt::format("{}", fmt::join(rule.reads, ", "));
  return rule.kind == SubjectKind::run ? names : fmt::format("{}: {}", to_string(rule.kind), names);
}

void print_log(const std::string& path, std::size_t rows, const Logged& logged) {
  std::vector<std::string> names;
  for (const auto& [metric, original] : logged)
    names.push_back(original == metric ? metric : fmt::format("{} (logged as {})", metric, original));
  const std::string line = names.empty() ? fmt::format("{} has no metrics in its {} rows", path, rows)
                                         : fmt::format("{} has {}", path, fmt::join(names, ", "));
  fmt::print("{}\n\n", wrapped(alerts::escape_terminal(line), 0));
}

/// What is logged, by whichever of the two the person named; nothing when neither.
struct Told {
  Logged metrics;
  std::size_t rows = 0;
};

Result<Told> told_by(const Arguments& arguments, const MetricNames& names) {
  if (arguments.has("state")) {
    Result<LoggedMetrics> kept = read_logged_metrics(arguments.value("state"));
    if (!kept) return tl::unexpected<Error>(std::move(kept.error()));
    return Told{std::move(kept->names), kept->rows};
  }
  if (!arguments.has("log")) return Told{};
  const Result<RecordedLog> log = read_recorded_log(arguments.value("log"), names);
  if (!log) return tl::unexpected<Error>(log.error());
  return Told{metrics_of(*log), log->rows.size()};
}

}  // namespace

const CommandSpec& rules_list_spec() {
  return kSpec;
}

int rules_list_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  const MetricNames names;
  const auto rules = open_rules("list", *arguments, names);
  if (rules == nullptr) return 3;
  const bool json = arguments->has("json");
  if (arguments->has("log") && arguments->has("state")) {
    fmt::print(stderr, "redflag rules list: give --log or --state, not both\n");
    return 2;
  }
  const std::string path = arguments->value(arguments->has("state") ? "state" : "log");
  const Result<Told> told = told_by(*arguments, names);
  if (!told) {
    fmt::print(stderr, "redflag rules list: {}\n", told.error().text());
    return 3;
  }
  const Logged& logged = told->metrics;
  if (!path.empty() && !json) print_log(path, told->rows, logged);

  const LoadOptions options = rule_options(names);
  const bool color = wants_color(stdout);
  Totals totals;
  std::string pack;
  for (const RuleInfo& rule : rules->rules()) {
    const Sight sight = path.empty() ? Sight{} : sight_of(rule, options, logged, totals);
    if (json) {
      nlohmann::json object = rule_json(rule);
      if (!path.empty()) object.update({{"sight", sight.word}, {"missing", sight.missing}});
      fmt::print("{}\n", json_line(object));
      continue;
    }
    if (pack != rule.pack || &rule == &rules->rules().front()) {
      const auto count = std::count_if(rules->rules().begin(), rules->rules().end(),
                                       [&](const RuleInfo& other) { return other.pack == rule.pack; });
      fmt::print("{}{} ({} rule{})\n", pack.empty() ? "" : "\n",
                 bold(alerts::escape_terminal(rule.pack), color), count, count == 1 ? "" : "s");
      fmt::print("  {:<{}} {:<{}} {}\n", "RULE", kNameWidth, "SEVERITY", kLevelWidth,
                 path.empty() ? "NEEDS" : "ON THESE LOGS");
      pack = rule.pack;
    }
    print_row(rule, path.empty() ? needs_words(rule) : sight_words(sight, rule.kind), color);
  }
  if (!json && !path.empty()) {
    fmt::print("\n{} ready, {} blind, {} judged from other things than a log\n", totals.ready, totals.blind,
               totals.elsewhere);
  } else if (!json) {
    fmt::print("\n`redflag rules explain NAME` says all about one.\n");
  }
  return 0;
}

}  // namespace redflag::daemon
