// What the subcommands of `redflag rules` have in common.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/app/arguments.h"
#include "daemon/app/rule_files.h"
#include "rules/lang/diagnostics.h"

namespace redflag::daemon {

OptionSpec packs_option();
OptionSpec own_rules_option();

/// --packs and --rules of the command line.
RuleFiles wanted_rules(const Arguments& arguments,
                       std::vector<std::string> default_packs = shipped_pack_names());

/// Loads what the command line asks for. What is wrong is told on stderr, and null returned.
std::shared_ptr<const RuleSet> open_rules(std::string_view command, const Arguments& arguments,
                                          const MetricNames& names);

/// As text, or one JSON object a line: {"file", "line", "column", "mistake", "text"}.
void print_mistakes(std::FILE* out, const Diagnostics& mistakes, bool json);

/// One line. Bytes that are no UTF-8 do not stop it.
std::string json_line(const nlohmann::json& object);

/// Everything about a rule, as `list` and `explain` give it to scripts.
nlohmann::json rule_json(const RuleInfo& rule);

/// When the rule fires and when it is over, as `explain` says it, on stdout.
void print_conditions(const RuleInfo& rule);

/// "a checkpoint", "the machine".
std::string_view kind_words(SubjectKind kind);

/// Broken at spaces into lines of at most `width` columns; all but the first are indented by `indent`
/// columns, and the first is taken to begin there. No line end after the last.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = 80);

/// The stream is a terminal, and nobody asked for plain text (NO_COLOR, TERM=dumb).
bool wants_color(std::FILE* out);
std::string bold(std::string_view text, bool color);

}  // namespace redflag::daemon
