// Tokens to a tree. Loosest first: or, and, not, comparison and `in`, + -, * / %, unary -, then names, calls,
// parentheses.
#pragma once

#include <optional>
#include <string_view>

#include "rules/lang/ast.h"

namespace redflag {

/// Depth of parentheses, calls and prefix operators, and number of nodes, accepted in one expression.
inline constexpr int kDeepestExpression = 64;
inline constexpr std::size_t kMostExpressionNodes = 1000;

/// On a mistake sets `error` and returns nothing.
std::optional<Ast> parse_expression(std::string_view text, ExpressionError& error);

/// A length as in `[50 points]`, `200 steps` or `10m`, without brackets: for `for` and `after`.
std::optional<WindowSpec> parse_extent(std::string_view text, ExpressionError& error);

}  // namespace redflag
