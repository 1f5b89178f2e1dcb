#include "rules/lang/parser.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "rules/lang/diagnostics.h"

namespace redflag {
namespace {

bool is_comparison(TokenKind kind) {
  return kind >= TokenKind::less && kind <= TokenKind::not_equal;
}

/// Binding strength of a binary operator; 0 when the token is none.
int strength(TokenKind kind) {
  switch (kind) {
    case TokenKind::word_or:
      return 1;
    case TokenKind::word_and:
      return 2;
    case TokenKind::plus:
    case TokenKind::minus:
      return 5;
    case TokenKind::star:
    case TokenKind::slash:
    case TokenKind::percent:
      return 6;
    case TokenKind::word_in:
      return 4;
    default:
      return is_comparison(kind) ? 4 : 0;
  }
}

class Parser {
 public:
  Parser(std::string_view text, ExpressionError& error) : error_(error), tokens_(lex(text, error)) {}

  std::optional<Ast> run() {
    if (failed()) return std::nullopt;
    if (now().kind == TokenKind::end) return fail("an expression is missing"), std::nullopt;
    expression(1);
    if (!failed() && now().kind != TokenKind::end) fail("an operator such as 'and' or '>' is missing here");
    if (failed()) return std::nullopt;
    return std::move(ast_);
  }

  std::optional<WindowSpec> extent() {
    if (failed()) return std::nullopt;
    WindowSpec spec = window();
    if (!failed() && now().kind != TokenKind::end) fail("nothing may follow the length");
    if (failed()) return std::nullopt;
    return spec;
  }

 private:
  const Token& now() const { return tokens_[at_]; }
  void next() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool failed() const { return !error_.message.empty(); }
  void fail_at(std::size_t offset, std::string message) {
    if (!failed()) error_ = {offset, std::move(message)};
  }
  void fail(std::string message) { fail_at(now().offset, std::move(message)); }
  bool expect(TokenKind kind, const char* what) {
    if (now().kind != kind) return fail(fmt::format("{} is missing here", what)), false;
    next();
    return true;
  }

  std::uint32_t add(Expr expr, std::size_t from) {
    if (ast_.nodes.size() >= kMostExpressionNodes)
      fail_at(from, "this expression is too long; split the rule");
    expr.offset = from;
    const Token& last = tokens_[at_ > 0 ? at_ - 1 : 0];
    expr.length = last.offset + last.length - from;
    ast_.nodes.push_back(std::move(expr));
    return static_cast<std::uint32_t>(ast_.nodes.size() - 1);
  }

  /// Parses operators that bind at least as strongly as `least`. Returns the root of what it read.
  std::uint32_t expression(int least) {
    if (++depth_ > kDeepestExpression) fail(fmt::format("nested deeper than {} levels", kDeepestExpression));
    if (failed()) return 0;
    const std::size_t from = now().offset;
    std::uint32_t left = prefix(least);
    while (!failed()) {
      bool negated = false;
      if (now().kind == TokenKind::word_not && at_ + 1 < tokens_.size() &&
          tokens_[at_ + 1].kind == TokenKind::word_in && least <= 4) {
        negated = true;
        next();
      }
      const Token op = now();
      const int binds = strength(op.kind);
      if (binds == 0 || binds < least) break;
      next();
      Expr expr;
      expr.op = op.kind;
      expr.op_offset = op.offset;
      if (op.kind == TokenKind::word_in) {
        expr.kind = ExprKind::in_list;
        expr.op = negated ? TokenKind::word_not : TokenKind::word_in;
        expr.children = {left};
        list(expr.children);
      } else {
        expr.kind = ExprKind::binary;
        const std::uint32_t right = expression(binds + 1);
        expr.children = {left, right};
      }
      if (failed()) break;
      left = add(std::move(expr), from);
      if (binds == 4 && strength(now().kind) == 4) {
        fail("comparisons do not chain; write 'a < b and b < c'");
      }
    }
    --depth_;
    return left;
  }

  std::uint32_t prefix(int least) {
    const Token token = now();
    if (token.kind == TokenKind::word_not) {
      if (least > 3) return fail("put 'not …' in parentheses here"), 0;
      next();
      return unary(token, expression(3));
    }
    if (token.kind == TokenKind::minus) {
      next();
      return unary(token, expression(7));
    }
    return primary();
  }

  std::uint32_t unary(const Token& token, std::uint32_t child) {
    if (failed()) return 0;
    Expr expr;
    expr.kind = ExprKind::unary;
    expr.op = token.kind;
    expr.op_offset = token.offset;
    expr.children = {child};
    return add(std::move(expr), token.offset);
  }

  std::uint32_t primary() {
    const Token token = now();
    Expr expr;
    expr.op_offset = token.offset;
    expr.number = token.number;
    expr.text = token.text;
    switch (token.kind) {
      case TokenKind::number:
      case TokenKind::duration:
        expr.kind = ExprKind::number;
        break;
      case TokenKind::text:
        expr.kind = ExprKind::text;
        break;
      case TokenKind::word_true:
      case TokenKind::word_false:
        expr.kind = ExprKind::boolean;
        expr.number = token.kind == TokenKind::word_true ? 1.0 : 0.0;
        break;
      case TokenKind::name:
        return name(token);
      case TokenKind::open: {
        next();
        const std::uint32_t inner = expression(1);
        if (!failed()) expect(TokenKind::close, "')'");
        return inner;
      }
      default:
        return fail("a value is missing here"), 0;
    }
    next();
    return add(std::move(expr), token.offset);
  }

  std::uint32_t name(const Token& token) {
    next();
    Expr expr;
    expr.text = token.text;
    expr.op_offset = token.offset;
    if (now().kind == TokenKind::open) {
      expr.kind = ExprKind::call;
      next();
      while (!failed() && now().kind != TokenKind::close) {
        expr.children.push_back(expression(1));
        if (failed() || now().kind != TokenKind::comma) break;
        next();
      }
      if (!failed()) expect(TokenKind::close, "')'");
    } else {
      expr.kind = ExprKind::name;
      if (now().kind == TokenKind::open_window) {
        next();
        expr.window = window();
        if (!failed()) expect(TokenKind::close_window, "']'");
      }
    }
    if (failed()) return 0;
    return add(std::move(expr), token.offset);
  }

  void list(std::vector<std::uint32_t>& children) {
    if (!expect(TokenKind::open, "'(', as in: state in (\"failed\", \"crashed\"),")) return;
    while (!failed()) {
      const TokenKind kind = now().kind;
      if (kind != TokenKind::text && kind != TokenKind::number && kind != TokenKind::duration) {
        return fail("a list holds texts or numbers");
      }
      children.push_back(primary());
      if (now().kind != TokenKind::comma) break;
      next();
    }
    if (!failed()) expect(TokenKind::close, "')'");
  }

  WindowSpec window() {
    constexpr const char* kForms = "a length is written '50 points', '200 steps' or '10m'";
    const Token size = now();
    if (size.kind == TokenKind::duration) {
      next();
      if (size.number <= 0.0) return fail_at(size.offset, "a length has to be above zero"), WindowSpec{};
      if (size.number > static_cast<double>(kLongestWindowSeconds)) {
        return fail_at(size.offset, "longer than 366 days"), WindowSpec{};
      }
      return {WindowUnit::time, std::max<std::int64_t>(1, std::llround(size.number * 1e6))};
    }
    if (size.kind != TokenKind::number) return fail(kForms), WindowSpec{};
    next();
    const Token unit = now();
    if (unit.kind != TokenKind::name) return fail(kForms), WindowSpec{};
    next();
    const bool points = unit.text == "points" || unit.text == "point";
    if (!points && unit.text != "steps" && unit.text != "step") {
      return fail_at(unit.offset, fmt::format("'{}' is no unit{}", shown(unit.text),
                                              did_you_mean(unit.text, {"points", "steps"}))),
             WindowSpec{};
    }
    const std::int64_t most = points ? kMostWindowPoints : kMostWindowSteps;
    if (size.number < 1.0 || size.number != std::floor(size.number) ||
        size.number > static_cast<double>(most)) {
      return fail_at(size.offset, fmt::format("a number of {} is a whole number from 1 to {}",
                                              points ? "points" : "steps", most)),
             WindowSpec{};
    }
    return {points ? WindowUnit::points : WindowUnit::steps, static_cast<std::int64_t>(size.number)};
  }

  ExpressionError& error_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Ast ast_;
};

}  // namespace

std::optional<Ast> parse_expression(std::string_view text, ExpressionError& error) {
  return Parser(text, error).run();
}

std::optional<WindowSpec> parse_extent(std::string_view text, ExpressionError& error) {
  return Parser(text, error).extent();
}

}  // namespace redflag
