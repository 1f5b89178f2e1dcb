// `redflag rules check`: rule files as the daemon would load them, without a daemon.
#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "alerts/text/escape.h"
#include "daemon/cli/rules.h"
#include "daemon/cli/rules_shared.h"

namespace redflag::daemon {
namespace {

const CommandSpec kSpec{
    "rules check",
    "FILE…",
    "Says whether rule files are right, and shows every mistake in them.",
    R"(FILE is a rule file, or a directory of them (*.yaml, *.yml; *_test.yaml are
tests and left out). The files are loaded together with the packs that ship, as
the daemon does it: the name of a rule may stand only once, and constants,
tables and series of the packs can be used. To check a copy of a shipped pack,
leave the packs out: --packs none.

What is checked: keys, names of functions, types, windows, formats of messages;
conditions that can never hold or always do. A name that is one slip away from
that of a well-known metric is shown, too, and is no mistake.

exit codes: 0 no mistakes, 1 mistakes (or a file that cannot be read), 2 wrong
usage

examples:
  redflag rules check my-rules.yaml
  redflag rules check --json /etc/redflag/rules.d | jq .mistake)",
    {packs_option(), {"json", "", "one JSON object a line: mistakes, else files"}},
};

/// What to say besides, when the mistakes show what was meant.
void print_advice(const Diagnostics& mistakes) {
  const auto any = [&](std::string_view part) {
    return std::any_of(mistakes.list().begin(), mistakes.list().end(), [&](const Diagnostic& mistake) {
      return mistake.message.find(part) != std::string::npos;
    });
  };
  if (any("no key 'tests'")) fmt::print("tests of rules are run with: redflag rules test FILE\n");
  if (any("there is already a rule"))
    fmt::print("a file that takes the place of a shipped pack is checked with --packs none\n");
}

/// What the files may say and most likely do not mean; they are right all the same.
void print_doubts(const RuleSet& rules, bool json) {
  for (const Diagnostic& doubt : rules.warnings()) {
    if (json) {
      fmt::print("{}\n", json_line({{"file", doubt.file},
                                    {"line", doubt.line},
                                    {"column", doubt.column},
                                    {"warning", doubt.message},
                                    {"text", doubt.line_text}}));
    } else {
      fmt::print("{}\n", doubt.render());
    }
  }
}

void print_file(const RuleSource& source, const RuleSet& rules, bool json) {
  std::set<std::string> reads;
  std::size_t count = 0;
  for (const RuleInfo& rule : rules.rules()) {
    if (rule.file != source.file) continue;
    ++count;
    reads.insert(rule.reads.begin(), rule.reads.end());
  }
  if (json) {
    fmt::print("{}\n", json_line({{"file", source.file}, {"rules", count}, {"reads", reads}}));
    return;
  }
  const std::string needs = reads.empty() ? std::string() : fmt::format("; needs {}", fmt::join(reads, ", "));
  const std::string line = fmt::format("{}: {} rule{}{}", source.file, count, count == 1 ? "" : "s", needs);
  fmt::print("{}\n", wrapped(alerts::escape_terminal(line), 0));
}

}  // namespace

const CommandSpec& rules_check_spec() {
  return kSpec;
}

int rules_check_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  if (arguments->operands().empty()) {
    fmt::print(stderr, "redflag rules check: name at least one rule file (see --help)\n");
    return 2;
  }
  const bool json = arguments->has("json");
  Result<std::vector<RuleSource>> sources = rule_sources(wanted_rules(*arguments));
  if (!sources) {
    fmt::print(stderr, "redflag rules check: {}\n", sources.error().text());
    return 2;
  }
  const std::size_t packs = sources->size();
  Diagnostics mistakes;
  for (const std::string& path : arguments->operands()) {
    RuleFiles wanted;
    wanted.packs.clear();
    std::error_code ignored;
    (std::filesystem::is_directory(path, ignored) ? wanted.directory = path
                                                  : wanted.files.emplace_back(path));
    const Result<std::vector<RuleSource>> found = rule_sources(wanted);
    if (found) {
      sources->insert(sources->end(), found->begin(), found->end());
    } else {
      mistakes.add(SourceText(path, "").whole_file(found.error().text()));
    }
  }
  const MetricNames names;
  const auto rules = RuleSet::load(*sources, rule_options(names), mistakes);
  if (rules == nullptr || !mistakes.empty()) {
    print_mistakes(stdout, mistakes, json);
    if (!json) print_advice(mistakes);
    return 1;
  }
  print_doubts(*rules, json);
  for (std::size_t i = packs; i < sources->size(); ++i) print_file((*sources)[i], *rules, json);
  if (sources->size() == packs) {
    fmt::print(stderr, "redflag rules check: there is no rule file in {}\n",
               fmt::join(arguments->operands(), ", "));
    return 1;
  }
  return 0;
}

}  // namespace redflag::daemon
