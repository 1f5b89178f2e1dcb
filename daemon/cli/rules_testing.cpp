// `redflag rules test`: runs the tests of rules that rules/testing/test_file.h describes, and shows where one
// fired instead.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/cli/curve.h"
#include "daemon/cli/rules.h"
#include "daemon/cli/rules_shared.h"
#include "rules/packs/packs.h"
#include "rules/testing/runner.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;

const CommandSpec kSpec{
    "rules test",
    "FILE…",
    "Runs tests of rules: curves as a run would log them, and what has to fire.",
    R"(FILE is a file of tests, or a directory (every *_test.yaml in it). A test that
fails is shown with the curve of its metrics, where the rule was expected (?)
and where it fired (!), and why it did not.

  packs: [step3]             # shipped packs to load; left out: all
  rules: [my-rules.yaml]     # rule files, relative to this file
  tests:
    - test: a loss that stays above five is critical
      interval: 10 steps     # from row to row, the first at step 10; default 1
      every: 10s             # time from row to row; default 10s
      run: {task: rte, config.max_steps: 500}  # known before the first row
      neighbours:            # other runs of the project: `peers`, `others`
        - {run: {label: lr-1e-5}, metrics: [eval_loss]}
      series:                # one value a row
        train_loss: 2.0-0.1x10 6.0~0.2x5 _ NaN
        eval_loss: {every: 5, values: 1.0 0.9} # on every fifth row
      resume: {row: 12, step: 50}              # row 12 begins attempt 2
      events:
        - {row: 8, facts: {tag.lora: true}}    # told before row 8
        - {row: 8, wait: 30m}                  # after row 8: half an hour
        - {row: 40..60, wait: 20s}             # after each of these rows
        - {summary: {eval_accuracy: 0.5}}      # no row: after the last one
        - {facts: {state: failed}}
      expect:                # all that the rules named in these two lists do
        - {rule: loss-too-high, severity: critical, step: 130}
        - {rule: score-low, step: 100.., message: "0.5", resolved: never}
      never: [gradient-explosion]
      quiet: true            # no other rule fires either
    - test: an adapter of 443 bytes is told
      subject: checkpoint    # or source, representation, log, host;
      facts: {verdict: tiny} # {kind: checkpoint, key: /r/checkpoint-100}
      expect: [{rule: checkpoint-tiny, row: 0}]

Values: 1.8x10 is ten values; 2.0+0.1x20 twenty, each 0.1 more than the one
before; 0.5*1.1x20 twenty, each 1.1 times the one before; 0.7~0.05x40 forty with
noise of that standard deviation, 2.0-0.02~0.05x40 forty that fall with it (the
same on every machine; `seed: 2` gives other noise); _ nothing logged; NaN, Inf,
-Inf. Rows count from 1; row 0 is what is known before them. A run is told as
running unless `run` says otherwise; `ended` follows `state`. In `expect` each
time that a rule speaks is one line: an alert that escalates has two.
`only: [rules]` names the rules whose firings have to be listed completely, in
the place of those in `expect`.

exit codes: 0 all tests passed, 1 a test failed, 2 wrong usage, 3 a file could
not be loaded

examples:
  redflag rules test my-rules_test.yaml
  redflag rules test --json rules.d | jq -r 'select(.passed == false).test')",
    {{"all", "", "name the tests that passed, too"}, {"json", "", "one JSON object a line for each test"}},
};

struct Totals {
  std::size_t files = 0;
  std::size_t unloadable = 0;
  std::size_t passed = 0;
  std::size_t failed = 0;
};

struct View {
  bool json = false;
  bool all = false;
  bool color = false;
};

Result<std::vector<std::string>> test_files(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (is_rule_test_file(entry->path().string())) files.push_back(entry->path().string());
  }
  if (error) return fail(ErrorCode::not_found, "reading the directory " + path, error.message());
  if (files.empty())
    return fail(ErrorCode::not_found, "reading the directory " + path, "there is no *_test.yaml in it");
  std::sort(files.begin(), files.end());
  return files;
}

struct Loaded {
  RuleTestFile file;
  TestRules rules;
};

/// The file with its rules; what is wrong is added to `mistakes`.
std::optional<Loaded> load(const std::string& path, const LoadOptions& options, Diagnostics& mistakes) {
  const Result<RuleSource> text = read_rule_file(path);
  if (!text) {
    mistakes.add(SourceText(path, "").whole_file(text.error().what));
    return std::nullopt;
  }
  auto file = parse_rule_tests(path, text->text, options, mistakes);
  if (!file) return std::nullopt;
  std::vector<RuleSource> sources = packs_of(*file, shipped_packs(), mistakes);
  for (const TestName& name : file->names) {
    if (name.kind != TestName::Kind::rule_file) continue;
    Result<RuleSource> source = read_rule_file((fs::path(path).parent_path() / name.name).string());
    if (source) {
      sources.push_back(std::move(*source));
    } else {
      mistakes.add(file->source.at(name.line, name.column, source.error().text()));
    }
  }
  auto rules = rules_for(*file, std::move(sources), options, mistakes);
  if (!rules) return std::nullopt;
  return Loaded{std::move(*file), std::move(*rules)};
}

std::int64_t step_of(const ExpectedFiring& wanted, const RuleTest& test, const std::vector<TestAct>& acts) {
  const auto inner = [](const TestRange& range) { return range.first < 0 ? range.last : range.first; };
  if (wanted.step) return inner(*wanted.step);
  return wanted.row ? step_of_row(acts, test, inner(*wanted.row)) : -1;
}

/// Where the rule fired, and where it was expected in vain.
std::vector<CurveMark> marks_of(const RuleInfo& rule, const RuleTest& test, const TestOutcome& outcome,
                                const std::vector<TestAct>& acts) {
  std::vector<CurveMark> marks;
  for (const ExpectedFiring& wanted : test.expect) {
    const bool missed = std::any_of(outcome.differences.begin(), outcome.differences.end(),
                                    [&](const TestDifference& difference) {
                                      return difference.rule == rule.name && difference.line == wanted.line;
                                    });
    const auto& range = wanted.step ? wanted.step : wanted.row;
    if (wanted.rule != rule.name || !missed || !range) continue;
    std::string text = rule.name + " expected";
    if (range->first != range->last)
      text += fmt::format(" at {} {},", wanted.step ? "step" : "row", to_words(*range));
    marks.push_back({step_of(wanted, test, acts), std::move(text), '?',
                     wanted.severity.value_or(rule.severities.back())});
  }
  for (const TestFiring& firing : outcome.firings) {
    if (firing.rule == rule.name)
      marks.push_back(
          {firing.step < 0 ? firing.row : firing.step, rule.name + " fired", '!', firing.severity});
  }
  return marks;
}

/// The curves of the metrics that the differing rules read, with where they were expected and where they
/// fired.
void print_curves(const RuleTest& test, const TestOutcome& outcome, const RuleSet& rules, bool color) {
  constexpr std::size_t kMostCurves = 3;
  const std::vector<TestAct> acts = acts_of(test);
  std::vector<const RuleInfo*> differing;
  std::vector<std::string> metrics;
  const auto add = [](auto& list, const auto& item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  };
  for (const TestDifference& difference : outcome.differences) {
    add(differing, rules.find(difference.rule));
    for (const std::string& name : differing.back()->reads) add(metrics, name);
  }
  const std::string unit = test.subject.kind == SubjectKind::run ? "" : " (rows, not steps)";
  std::size_t drawn = 0;
  for (const TestCurve& curve : curves_of(acts, metrics)) {
    if (curve.points.size() < 2) continue;
    if (++drawn > kMostCurves) return;
    std::vector<CurvePoint> points;
    for (const auto& [step, value] : curve.points) points.push_back({step, value});
    std::vector<CurveMark> marks;
    for (const RuleInfo* rule : differing) {
      if (std::find(rule->reads.begin(), rule->reads.end(), curve.metric) == rule->reads.end()) continue;
      const auto more = marks_of(*rule, test, outcome, acts);
      marks.insert(marks.end(), more.begin(), more.end());
    }
    CurveOptions options;
    options.height = 8;
    options.color = color;
    fmt::print("\n{}", draw_curve(curve.metric + unit, points, marks, options));
  }
}

void print_failure(const Loaded& loaded, const RuleTest& test, const TestOutcome& outcome, const View& view) {
  const std::string& file = loaded.file.source.file();
  fmt::print("{}  {}  ({}:{})\n", view.color ? "\033[31mFAILED\033[0m" : "FAILED",
             bold(alerts::escape_terminal(test.name), view.color), alerts::escape_terminal(file), test.line);
  for (const TestDifference& difference : outcome.differences) {
    const std::string line =
        fmt::format("{} (line {}): {}", difference.rule, difference.line, difference.text);
    fmt::print("  {}\n", wrapped(alerts::escape_terminal(line), 4));
  }
  print_curves(test, outcome, *loaded.rules.set, view.color);
  fmt::print("\n");
}

nlohmann::json outcome_json(const std::string& file, const RuleTest& test, const TestOutcome& outcome) {
  using nlohmann::json;
  json differences = json::array();
  for (const TestDifference& difference : outcome.differences)
    differences.push_back({{"rule", difference.rule}, {"line", difference.line}, {"text", difference.text}});
  const auto number = [](const std::optional<std::int64_t>& value) { return value ? json(*value) : json(); };
  json firings = json::array();
  for (const TestFiring& firing : outcome.firings) {
    firings.push_back({{"rule", firing.rule},
                       {"severity", std::string(to_string(firing.severity))},
                       {"row", firing.row},
                       {"step", firing.step < 0 ? json() : json(firing.step)},
                       {"time", to_rfc3339(firing.time)},
                       {"message", firing.message},
                       {"resolved_row", number(firing.resolved_row)},
                       {"resolved_step", number(firing.resolved_step)}});
  }
  return {{"file", file},
          {"line", test.line},
          {"test", test.name},
          {"passed", outcome.passed()},
          {"differences", differences},
          {"fired", firings}};
}

void run_file(const std::string& path, const LoadOptions& options, const View& view, Totals& totals) {
  ++totals.files;
  Diagnostics mistakes;
  const auto loaded = load(path, options, mistakes);
  if (!loaded) {
    ++totals.unloadable;
    return print_mistakes(view.json ? stdout : stderr, mistakes, view.json);
  }
  std::size_t passed = 0;
  for (const RuleTest& test : loaded->file.tests) {
    const TestOutcome outcome = run_rule_test(test, loaded->rules);
    ++(outcome.passed() ? totals.passed : totals.failed);
    passed += outcome.passed() ? 1 : 0;
    if (view.json) {
      fmt::print("{}\n", json_line(outcome_json(path, test, outcome)));
    } else if (!outcome.passed()) {
      print_failure(*loaded, test, outcome, view);
    } else if (view.all) {
      fmt::print("passed  {}\n", alerts::escape_terminal(test.name));
    }
  }
  if (!view.json)
    fmt::print("{}: {} of {} tests passed\n", alerts::escape_terminal(path), passed,
               loaded->file.tests.size());
}

}  // namespace

const CommandSpec& rules_test_spec() {
  return kSpec;
}

int rules_test_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  if (arguments->operands().empty()) {
    fmt::print(stderr, "redflag rules test: name at least one file of tests (see --help)\n");
    return 2;
  }
  const View view{arguments->has("json"), arguments->has("all"), wants_color(stdout)};
  const MetricNames names;
  const LoadOptions options = rule_options(names);
  Totals totals;
  for (const std::string& path : arguments->operands()) {
    const Result<std::vector<std::string>> files = test_files(path);
    if (!files) {
      fmt::print(stderr, "redflag rules test: {}\n", files.error().text());
      ++totals.unloadable;
      continue;
    }
    for (const std::string& file : *files) run_file(file, options, view, totals);
  }
  if (!view.json && (totals.files > 1 || totals.failed > 0)) {
    fmt::print("\n{} passed, {} failed{}\n", totals.passed, totals.failed,
               totals.unloadable == 0 ? std::string()
                                      : fmt::format(", {} file(s) could not be loaded", totals.unloadable));
  }
  if (totals.unloadable > 0) return 3;
  return totals.failed > 0 ? 1 : 0;
}

}  // namespace redflag::daemon
