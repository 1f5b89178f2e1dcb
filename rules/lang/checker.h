// From tree to program: names become slots, types are checked as far as they are known, windows are
// registered.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "rules/lang/compiled.h"

namespace redflag {

enum class ValueType : std::uint8_t { dynamic, number, boolean, text };

struct Constant {
  ValueType type = ValueType::number;
  double number = 0.0;
  std::string text;
};

/// What an expression may refer to. `kind` is filled as names are met.
struct Scope {
  KindTable* kind = nullptr;
  const std::vector<RuleTable>* tables = nullptr;
  const std::unordered_map<std::string, Constant>* constants = nullptr;
  const std::function<std::string(std::string_view)>* canonical = nullptr;  ///< may be null or empty
};

/// Parses, checks and compiles. `wanted` is the type the place asks for (dynamic = any). On a mistake sets
/// `error`.
std::optional<Program> compile_expression(std::string_view text, const Scope& scope, ValueType wanted,
                                          ExpressionError& error);

}  // namespace redflag
