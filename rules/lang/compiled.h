// Rules as the engine uses them. Everything is indexed: per kind of subject a table of names ("slots"), the
// windows that each series has to keep, and the rules that a change of a slot concerns. Windows of the same
// metric and length are shared.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/lang/matcher.h"
#include "rules/lang/message.h"
#include "rules/lang/program.h"
#include "rules/values/transition.h"

namespace redflag {

/// What a window has to keep up to date; a bit mask.
namespace window_needs {
inline constexpr std::uint8_t kCount = 0;
inline constexpr std::uint8_t kExtrema = 1;
inline constexpr std::uint8_t kMoments = 2;
}  // namespace window_needs

struct WindowPlan {
  WindowSpec spec;
  std::uint8_t needs = window_needs::kCount;
};

struct Slot {
  std::string name;
  std::vector<WindowPlan> windows;
  std::vector<std::uint32_t> rules;  ///< local numbers of the rules to evaluate when it changes, ascending
  bool in_matcher = false;
};

struct CompiledLevel {
  Severity severity = Severity::warning;
  Program when;
  std::optional<WindowSpec> hold;          ///< `for`
  std::optional<MessageTemplate> message;  ///< its own words, else the rule's
};

struct CompiledRule {
  std::string name;
  std::string pack;
  std::string hint;
  SubjectKind kind = SubjectKind::run;
  std::vector<MatchTerm> match;
  std::vector<CompiledLevel> levels;  ///< most severe first
  std::optional<WindowSpec> after;
  std::optional<Program> resolve;
  std::optional<MessageTemplate> message;
  std::vector<std::uint32_t> counted;  ///< slots whose points count for `for` and `after`, ascending
  std::vector<std::uint32_t> metrics;  ///< slots shown as evidence
  bool reads_end = false;              ///< looks at `ended` or `state`
  bool timed = false;                  ///< has to be looked at when time passes
  bool silence = false;                ///< judges silence: means nothing once a run has ended
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// Everything about one kind of subject.
struct KindTable {
  std::vector<Slot> slots;
  std::unordered_map<std::string, std::uint32_t, NameHash, std::equal_to<>> index;
  std::vector<CompiledRule> rules;
  std::vector<std::uint32_t> always;  ///< rules to evaluate with every observation
  bool any_timed = false;

  std::uint32_t slot(const std::string& name);
  std::uint32_t window(std::uint32_t slot, const WindowSpec& spec, std::uint8_t needs);
};

struct TableCell {
  bool known = false;
  bool is_text = false;
  double number = 0.0;
  std::string text;
};

/// A table of the pack: `expected.min` looks up the row named by the attribute `key`.
struct RuleTable {
  std::string name;
  std::string key;
  std::vector<std::string> columns;
  std::vector<bool> column_is_text;
  std::unordered_map<std::string, std::vector<TableCell>, NameHash, std::equal_to<>> rows;
};

inline constexpr std::size_t kSubjectKinds = 6;

struct CompiledRules {
  KindTable kinds[kSubjectKinds];
  std::vector<RuleTable> tables;

  const KindTable& of(SubjectKind kind) const { return kinds[static_cast<std::size_t>(kind)]; }
  KindTable& of(SubjectKind kind) { return kinds[static_cast<std::size_t>(kind)]; }
};

}  // namespace redflag
