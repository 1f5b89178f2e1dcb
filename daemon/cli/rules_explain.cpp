// `redflag rules explain`: one rule, for the person whom it has just woken.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "daemon/cli/rule_words.h"
#include "daemon/cli/rules.h"
#include "daemon/cli/rules_shared.h"
#include "daemon/cli/terminal.h"
#include "rules/lang/compiled.h"

namespace redflag::daemon {
namespace {

const CommandSpec kSpec{
    "rules explain",
    "NAME",
    "Says when one rule fires, when it is over, why it exists, what to do.",
    R"(NAME is the rule's name, as an alert shows it.

exit codes: 0 explained, 2 wrong usage or no rule of that name, 3 a rule file
could not be loaded

examples:
  redflag rules explain gradient-explosion
  redflag rules explain my-rule --rules /etc/redflag/rules.d
  redflag rules explain --json loss-nan | jq -r .hint)",
    {packs_option(), own_rules_option(), {"json", "", "one JSON object"}},
};

constexpr std::size_t kIndent = 13;

void line(std::string_view label, std::string_view text) {
  if (text.empty()) return;
  const std::size_t width = Terminal::of(STDOUT_FILENO).width;
  fmt::print("  {:<10} {}\n", label,
             wrapped(alerts::escape_terminal(text), kIndent, std::clamp<std::size_t>(width, 30, 80)));
}

void print_condition(std::string_view label, const std::string& expression) {
  const std::string flat =
      wrapped(expression, 0, std::string::npos);  // as one line, without the file's breaks
  line(label, "when " + flat);
  const std::string words = condition_words(flat);
  if (words != flat) line("", "that is: " + words);
}

void print_levels(const RuleInfo& rule) {
  for (std::size_t i = 0; i < rule.severities.size(); ++i) {
    print_condition(to_string(rule.severities[i]), rule.expressions[i]);
    if (!rule.holds[i].empty()) line("", fmt::format("for {}: {}", rule.holds[i], hold_words(rule.holds[i])));
    const bool same = i > 0 && rule.messages[i] == rule.messages[i - 1];
    if (!rule.messages[i].empty() && !same) line("", fmt::format("says \"{}\"", rule.messages[i]));
  }
}

/// The tables whose columns the rule looks up: its thresholds stand there.
void print_tables(const RuleInfo& rule, const RuleSet& rules) {
  for (const RuleTable& table : rules.compiled().tables) {
    std::string all = rule.resolve;
    for (const std::string& text : rule.expressions) all += " " + text;
    for (const std::string& text : rule.messages) all += " " + text;
    if (all.find(table.name + ".") == std::string::npos) continue;
    line("table", fmt::format("{}, by {}:", table.name, table.key));
    std::map<std::string, std::string> rows;
    for (const auto& [name, cells] : table.rows) {
      std::string row = fmt::format("{}:", name);
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (!cells[i].known) continue;
        row += fmt::format("{} {} {}", row.back() == ':' ? "" : ",", table.columns[i],
                           cells[i].is_text ? cells[i].text : fmt::format("{}", cells[i].number));
      }
      rows.emplace(name, row);
    }
    for (const auto& [name, row] : rows) line("", row);
  }
}

/// Constants keep their name only where they stand in the text.
void add_constants(const Program& program, std::map<std::string, std::string>& found) {
  for (const ProgramNode& node : program.nodes) {
    if (node.op != Op::number || node.text_length == 0) continue;
    const std::string name = program.source.substr(node.text_offset, node.text_length);
    const bool letter = std::isalpha(static_cast<unsigned char>(name.front())) != 0;
    if (letter) found.emplace(name, fmt::format("{} is {}", name, node.number));
  }
}

/// The names in the rule that its pack defines: constants, and series made of other series.
void print_definitions(const RuleInfo& rule, const RuleSet& rules) {
  const KindTable& table = rules.compiled().of(rule.kind);
  std::map<std::string, std::string> found;
  for (const CompiledRule& compiled : table.rules) {
    if (compiled.name != rule.name) continue;
    for (const CompiledLevel& level : compiled.levels) add_constants(level.when, found);
    if (compiled.resolve) add_constants(*compiled.resolve, found);
  }
  std::set<std::string> wanted;
  for (const auto& [name, reads] : rule.derived) wanted.insert(name);
  for (std::size_t i = table.derived.size(); i-- > 0;) {  // each reads only those before it
    const std::string& name = table.slots[table.derived[i].slot].name;
    if (wanted.count(name) == 0) continue;
    found[name] = fmt::format("{} is {}", name, table.derived[i].value.source);
    add_constants(table.derived[i].value, found);
    for (const std::uint32_t slot : table.derived[i].value.slots) wanted.insert(table.slots[slot].name);
  }
  std::string_view label = "where";
  for (const auto& [name, words] : found) {
    line(label, words);
    label = "";
  }
}

void print_rule(const RuleInfo& rule, const RuleSet& rules, bool color) {
  fmt::print("{}  ({}, {}:{})\n", bold(rule.name, color), alerts::escape_terminal(rule.pack),
             alerts::escape_terminal(rule.file), rule.line);
  if (!rule.why.empty()) fmt::print("  {}\n", wrapped(alerts::escape_terminal(rule.why), 2));
  fmt::print("\n");
  print_conditions(rule);
  line("watches", kind_words(rule.kind));
  for (const std::string& term : rule.match) line("", "with " + term);
  line("reads", fmt::format("{}", fmt::join(rule.reads, ", ")));
  print_definitions(rule, rules);
  print_tables(rule, rules);
  if (!rule.overridden_in.empty()) line("changed", "by " + rule.overridden_in);
  line("source", rule.source);
  if (!rule.hint.empty()) fmt::print("\n");
  line("do", rule.hint);
}

}  // namespace

void print_conditions(const RuleInfo& rule) {
  print_levels(rule);
  if (!rule.after.empty()) line("after", fmt::format("{}: {}", rule.after, after_words(rule.after)));
  if (rule.resolve.empty()) {
    line("over", rule.severities.size() > 1 ? "when none of these conditions holds"
                                            : "when the condition no longer holds");
  } else {
    print_condition("over", rule.resolve);
  }
}

const CommandSpec& rules_explain_spec() {
  return kSpec;
}

int rules_explain_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  if (arguments->operands().size() != 1) {
    fmt::print(stderr, "redflag rules explain: name one rule; `redflag rules list` shows them\n");
    return 2;
  }
  const MetricNames names;
  const auto rules = open_rules("explain", *arguments, names);
  if (rules == nullptr) return 3;
  const std::string& name = arguments->operands().front();
  const RuleInfo* rule = rules->find(name);
  if (rule == nullptr) {
    std::vector<std::string> known;
    for (const RuleInfo& info : rules->rules()) known.push_back(info.name);
    fmt::print(stderr, "redflag rules explain: there is no rule '{}'{}\n",
               alerts::escape_terminal(shown(name)), did_you_mean(name, known));
    return 2;
  }
  if (arguments->has("json")) {
    fmt::print("{}\n", json_line(rule_json(*rule)));
  } else {
    print_rule(*rule, *rules, wants_color(stdout));
  }
  return 0;
}

}  // namespace redflag::daemon
