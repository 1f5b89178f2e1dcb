// `redflag rules reference`: what there is to write rules with, and what the rules that ship do.
#include "daemon/cli/rules_reference.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/cli/rules.h"
#include "daemon/cli/rules_shared.h"
#include "rules/lang/compiled.h"
#include "rules/lang/functions.h"
#include "rules/lang/parser.h"
#include "rules/lang/yaml_tree.h"
#include "rules/packs/packs.h"
#include "rules/testing/test_file.h"

namespace redflag::daemon {
namespace {

const CommandSpec kSpec{
    "rules reference",
    "",
    "Prints every function and every rule that ships, as Markdown.",
    "The same stands in docs/rules.md, between two marker lines; `./dev docs` puts\n"
    "it there again after a function or a shipped rule has changed.\n\n"
    "exit codes: 0 printed, 2 wrong usage\n\n"
    "examples:\n"
    "  redflag rules reference | less\n"
    "  redflag rules reference | grep '^| `points'",
    {},
};

constexpr std::size_t kLabelWidth = 10;
constexpr std::size_t kBlockWidth = 110;
constexpr std::size_t kTextWidth = 130;

/// Text in a table or a paragraph.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') out += '\\';
    out += c;
  }
  return out;
}

std::string code_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back('`' + name + '`');
  return fmt::format("{}", fmt::join(quoted, ", "));
}

std::string_view window_words(WindowUse use) {
  switch (use) {
    case WindowUse::none:
      return "none";
    case WindowUse::optional:
      return "if you like";
    case WindowUse::required:
      return "needed";
    case WindowUse::points:
      return "needed, in points";
  }
  return {};
}

void add_functions(std::string& out) {
  out += "## Every function\n\n| function | for example | what it gives | window |\n|---|---|---|---|\n";
  for (const FunctionInfo& info : functions()) {
    const bool windows = info.shape == FunctionShape::series || info.shape == FunctionShape::presence;
    out += fmt::format("| `{}` | `{}` | {} | {} |\n", info.name, info.usage, escaped(info.what),
                       windows ? window_words(info.window) : "");
  }
}

/// What a metric may be logged as. Some have names by the dozen; the first ones show the pattern.
void add_metrics(std::string& out) {
  constexpr std::size_t kMostNames = 10;
  std::vector<std::pair<std::string, std::vector<std::string>>> metrics;
  for (const MetricAlias& alias : default_metric_aliases()) {
    auto at = std::find_if(metrics.begin(), metrics.end(),
                           [&](const auto& metric) { return metric.first == alias.canonical; });
    if (at == metrics.end()) at = metrics.insert(at, {alias.canonical, {}});
    if (alias.name != alias.canonical) at->second.push_back(alias.name);
  }
  out += "\n## Every metric with a name of its own\n\n| in rules | also logged as |\n|---|---|\n";
  for (auto& [metric, names] : metrics) {
    const std::size_t more = names.size() > kMostNames ? names.size() - kMostNames : 0;
    names.resize(names.size() - more);
    out += fmt::format("| `{}` | {}{} |\n", metric, code_list(names),
                       more == 0 ? std::string() : fmt::format(" and {} more", more));
  }
}

void add_limits(std::string& out) {
  out += "\n## Every limit\n\n| what | at most |\n|---|---|\n";
  const auto add = [&](std::string_view what, auto most) { out += fmt::format("| {} | {} |\n", what, most); };
  add("a rule file, or a file of tests", fmt::format("{} KiB", kLargestRuleFile / 1024));
  add("rules that are loaded together", kMostRules);
  add("levels of nesting in YAML", kDeepestYaml);
  add("bytes of an expression", kLongestExpression);
  add("names, numbers and operators in an expression", kMostExpressionNodes);
  add("levels of nesting in an expression", kDeepestExpression);
  add("bytes of `message`, `hint`, `why` or `source`", kLongestMessage);
  add("window: points", kMostWindowPoints);
  add("window of `median`, `quantile`, `mad`, `zscore`: points", kMostOrderedPoints);
  add("window: steps", kMostWindowSteps);
  add("window: time", fmt::format("{} days", kLongestWindowSeconds / 86400));
  add("mistakes shown at once", Diagnostics::kMost);
  add("tests in a file", kMostTests);
  add("rows of a test", kMostTestRows);
}

/// What a pack defines beside its rules, as it is written there.
struct Definitions {
  std::vector<std::pair<std::string, std::string>> constants;
  std::vector<std::pair<std::string, std::string>> series;

  explicit Definitions(const RuleSource& pack) {
    const SourceText text(pack.file, pack.text);
    Diagnostics ignored;  // a pack with mistakes gives no rules either
    const auto root = parse_yaml(text, ignored);
    if (root == nullptr) return;
    read(root->find("constants"), constants);
    read(root->find("series"), series);
  }

 private:
  static void read(const YamlNode* map, std::vector<std::pair<std::string, std::string>>& into) {
    for (std::size_t i = 0; map != nullptr && i + 1 < map->items.size(); i += 2) {
      const YamlNode* value = &map->items[i + 1];
      if (const YamlNode* inner = value->find("value")) value = inner;
      into.emplace_back(map->items[i].text, wrapped(value->text, 0, std::string::npos));
    }
  }
};

void add_definitions(const char* what, const std::vector<std::pair<std::string, std::string>>& items,
                     std::string& out) {
  if (items.empty()) return;
  out += fmt::format("\n| {} | |\n|---|---|\n", what);
  for (const auto& [name, value] : items) out += fmt::format("| `{}` | `{}` |\n", name, value);
}

/// The tables that a set has and that no earlier pack has shown.
void add_tables(const RuleSet& rules, std::set<std::string>& shown_before, std::string& out) {
  for (const RuleTable& table : rules.compiled().tables) {
    if (!shown_before.insert(table.name).second) continue;
    out += fmt::format("\n| `{}`, by `{}` | {} |\n|---|", table.name, table.key,
                       fmt::join(table.columns, " | "));
    for (std::size_t i = 0; i < table.columns.size(); ++i) out += "---|";
    out += '\n';
    std::map<std::string, std::string> rows;
    for (const auto& [name, cells] : table.rows) {
      for (const TableCell& cell : cells)
        rows[name] += fmt::format(" {} |", !cell.known    ? ""
                                           : cell.is_text ? cell.text
                                                          : fmt::format("{}", cell.number));
    }
    for (const auto& [name, row] : rows) out += fmt::format("| {} |{}\n", name, row);
  }
}

/// One entry of the block that holds a rule's conditions.
void add_entry(std::string_view label, std::string_view text, std::string& out) {
  out += fmt::format("{:<{}}{}\n", label, kLabelWidth, wrapped(text, kLabelWidth, kBlockWidth));
}

void add_conditions(const RuleInfo& rule, std::string& out) {
  out += "\n```\n";
  for (std::size_t i = 0; i < rule.severities.size(); ++i) {
    add_entry(to_string(rule.severities[i]), "when " + rule.expressions[i], out);
    if (!rule.holds[i].empty()) add_entry("", "for " + rule.holds[i], out);
    const bool again = i > 0 && rule.messages[i] == rule.messages[i - 1];
    if (!rule.messages[i].empty() && !again) add_entry("", fmt::format("says \"{}\"", rule.messages[i]), out);
  }
  if (!rule.after.empty()) add_entry("after", rule.after, out);
  if (!rule.resolve.empty()) add_entry("over", "when " + rule.resolve, out);
  out += "```\n\n";
}

void add_point(std::string_view label, std::string_view text, std::string& out) {
  if (!text.empty()) out += wrapped(fmt::format("- {}: {}", label, text), 2, kTextWidth) + "\n";
}

/// The constants among the names of the rule's expressions, with their values.
std::string constants_of(const RuleInfo& rule, const Definitions& definitions) {
  std::set<std::string> names;
  std::vector<std::string> texts = rule.expressions;
  texts.push_back(rule.resolve);
  for (const std::string& text : texts) {
    ExpressionError ignored;
    for (const Token& token : lex(text, ignored)) {
      if (token.kind == TokenKind::name) names.insert(token.text);
    }
  }
  std::vector<std::string> found;
  for (const auto& [name, value] : definitions.constants) {
    if (names.contains(name)) found.push_back(fmt::format("`{}` {}", name, value));
  }
  return fmt::format("{}", fmt::join(found, ", "));
}

/// What another pack makes of the rule.
std::string elsewhere(const RuleInfo& rule,
                      const std::map<std::string, std::shared_ptr<const RuleSet>>& sets) {
  std::vector<std::string> said;
  for (const auto& [pack, set] : sets) {
    const auto& rules = set->rules();
    const bool includes = std::any_of(rules.begin(), rules.end(),
                                      [&](const RuleInfo& other) { return other.pack == rule.pack; });
    if (pack == rule.pack || !includes) continue;
    const RuleInfo* there = set->find(rule.name);
    if (there == nullptr) said.push_back(fmt::format("off in `{}`", pack));
    if (there != nullptr && !there->overridden_in.empty())
      said.push_back(fmt::format("changed in `{}`", pack));
  }
  return fmt::format("{}", fmt::join(said, "; "));
}

std::string severities_of(const RuleInfo& rule) {
  std::vector<std::string_view> names;
  for (const Severity severity : rule.severities) names.push_back(to_string(severity));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string rules_reference() {
  std::string out = std::string(kReferenceBegins) + "\n\n";
  add_functions(out);
  add_metrics(out);
  add_limits(out);
  out += "\n## Every rule that ships\n";
  const MetricNames names;
  std::set<std::string> shown_tables;
  std::map<std::string, std::shared_ptr<const RuleSet>> sets;
  for (const RuleSource& pack : shipped_packs()) {
    if (const auto set = RuleSet::load({pack}, rule_options(names))) sets.emplace(pack.pack, *set);
  }
  for (const RuleSource& pack : shipped_packs()) {
    const auto set = sets.find(pack.pack);
    if (set == sets.end()) continue;  // a test holds the packs to loading
    const Definitions definitions(pack);
    out +=
        fmt::format("\n### Pack {}\n\n| rule | severity | finds | watches |\n|---|---|---|---|\n", pack.pack);
    for (const RuleInfo& rule : set->second->rules()) {
      if (rule.pack != pack.pack) continue;
      out += fmt::format("| [{0}](#{0}) | {1} | {2} | {3} |\n", rule.name, severities_of(rule),
                         fmt::join(rule.trouble, ", "), kind_words(rule.kind));
    }
    add_definitions("constant", definitions.constants, out);
    add_definitions("series", definitions.series, out);
    add_tables(*set->second, shown_tables, out);
    for (const RuleInfo& rule : set->second->rules()) {
      if (rule.pack != pack.pack) continue;
      out += fmt::format("\n#### {}\n", rule.name);
      if (!rule.why.empty()) out += "\n" + wrapped(escaped(rule.why), 0, kTextWidth) + "\n";
      add_conditions(rule, out);
      add_point("watches",
                fmt::format("{}{}{}", kind_words(rule.kind), rule.match.empty() ? "" : " with ",
                            code_list(rule.match)),
                out);
      add_point("reads", code_list(rule.reads), out);
      add_point("constants", constants_of(rule, definitions), out);
      add_point("finds", fmt::format("{}", fmt::join(rule.trouble, ", ")), out);
      add_point("source", escaped(rule.source), out);
      add_point("what to do", escaped(rule.hint), out);
      add_point("in other packs", elsewhere(rule, sets), out);
    }
  }
  return out + "\n" + std::string(kReferenceEnds) + "\n";
}

const CommandSpec& rules_reference_spec() {
  return kSpec;
}

int rules_reference_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  fmt::print("{}", rules_reference());
  return 0;
}

}  // namespace redflag::daemon
