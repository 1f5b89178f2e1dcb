// Runs a compiled expression against a subject. Three values: what is missing, and every comparison with NaN,
// is unknown.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/engine/subject_state.h"

namespace redflag {

struct Value {
  enum class Kind : std::uint8_t { unknown, boolean, number, text };
  Kind kind = Kind::unknown;
  bool flag = false;
  double number = 0.0;
  std::string_view text;  ///< into the subject's attributes or the program

  static Value of(double number) { return {Kind::number, false, number, {}}; }
  static Value of(bool flag) { return {Kind::boolean, flag, 0.0, {}}; }
  static Value of(Tri tri) { return tri == Tri::unknown ? Value{} : of(tri == Tri::yes); }
  static Value of_text(std::string_view text) { return {Kind::text, false, 0.0, text}; }
};

/// The comparison that made an expression what it is.
struct Decision {
  std::optional<double> value;
  std::optional<double> threshold;
  std::string comparison;
  std::string subject;  ///< the left side as written: "max(train_loss[50 points])"
  std::string words;    ///< "train_loss is 0.41"
};

class Evaluator {
 public:
  explicit Evaluator(const CompiledRules& rules) : rules_(rules) {}

  Value run(const Program& program, const SubjectState& subject);
  Tri truth(const Program& program, const SubjectState& subject);
  /// Why the expression is `wanted` right now: its first comparison of numbers that makes it so, else of
  /// texts, else the metric or fact it asks about.
  Decision decide(const Program& program, const SubjectState& subject, bool wanted);

 private:
  Value node_value(const Program& program, const ProgramNode& node, const SubjectState& subject);
  Value series_value(const ProgramNode& node, const SubjectState& subject) const;
  Value table_value(const ProgramNode& node, const SubjectState& subject) const;
  bool find_decisive(const Program& program, std::uint32_t at, bool wanted, bool numbers,
                     std::uint32_t& found) const;

  const CompiledRules& rules_;
  std::vector<Value> values_;
};

}  // namespace redflag
