#include "rules/lang/checker.h"

#include <algorithm>

#include <fmt/format.h>

#include "rules/lang/diagnostics.h"
#include "rules/lang/parser.h"

namespace redflag {
namespace {

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::number:
      return "a number";
    case ValueType::boolean:
      return "true or false";
    case ValueType::text:
      return "a text";
    case ValueType::dynamic:
      break;
  }
  return "a value";
}

struct Typed {
  ValueType type = ValueType::dynamic;
  std::uint32_t node = 0;
};

void insert_sorted(std::vector<std::uint32_t>& list, std::uint32_t value) {
  const auto at = std::lower_bound(list.begin(), list.end(), value);
  if (at == list.end() || *at != value) list.insert(at, value);
}

Op binary_op(TokenKind kind) {
  switch (kind) {
    case TokenKind::plus:
      return Op::add;
    case TokenKind::minus:
      return Op::subtract;
    case TokenKind::star:
      return Op::multiply;
    case TokenKind::slash:
      return Op::divide;
    case TokenKind::percent:
      return Op::remainder;
    case TokenKind::less:
      return Op::less;
    case TokenKind::less_equal:
      return Op::less_equal;
    case TokenKind::greater:
      return Op::greater;
    case TokenKind::greater_equal:
      return Op::greater_equal;
    case TokenKind::equal:
      return Op::equal;
    case TokenKind::not_equal:
      return Op::not_equal;
    case TokenKind::word_and:
      return Op::logical_and;
    default:
      return Op::logical_or;
  }
}

class Checker {
 public:
  Checker(const Ast& ast, const Scope& scope, ExpressionError& error)
      : ast_(ast), scope_(scope), error_(error) {}

  /// Nodes come children first, so one pass in order sees every operand before its operator; names inside
  /// calls to series functions are the exception and are skipped until their call takes them.
  std::optional<Program> run(std::string_view text, ValueType wanted) {
    program_.source = std::string(text);
    typed_.resize(ast_.nodes.size());
    std::vector<bool> taken(ast_.nodes.size(), false);
    for (const Expr& expr : ast_.nodes) {
      if (expr.kind != ExprKind::call) continue;
      const FunctionInfo* info = find_function(expr.text);
      if (info != nullptr && info->shape == FunctionShape::values) continue;
      for (const std::uint32_t child : expr.children) taken[child] = true;
    }
    for (std::uint32_t i = 0; i < ast_.nodes.size(); ++i) {
      const Expr& expr = ast_.nodes[i];
      if (taken[i] && expr.kind == ExprKind::name) continue;
      typed_[i] = check(expr);
      if (!error_.message.empty()) return std::nullopt;
    }
    const Typed& root = typed_.back();
    if (!fits(root.type, wanted)) {
      fail(ast_.nodes.back().offset,
           fmt::format("this gives {}, but {} is needed", type_name(root.type), type_name(wanted)));
      return std::nullopt;
    }
    // What reads nothing is constant; it is judged once there is anything to judge.
    program_.reads_anything = program_.reads_anything || program_.slots.empty();
    return std::move(program_);
  }

 private:
  static bool fits(ValueType type, ValueType wanted) {
    return type == wanted || type == ValueType::dynamic || wanted == ValueType::dynamic;
  }

  void fail(std::size_t offset, std::string message) {
    if (error_.message.empty()) error_ = {offset, std::move(message)};
  }

  Typed emit(ProgramNode node, const Expr& expr, ValueType type) {
    node.text_offset = static_cast<std::uint32_t>(expr.offset);
    node.text_length = static_cast<std::uint32_t>(expr.length);
    program_.nodes.push_back(node);
    return {type, static_cast<std::uint32_t>(program_.nodes.size() - 1)};
  }

  std::uint32_t text_index(const std::string& text) {
    program_.texts.push_back(text);
    return static_cast<std::uint32_t>(program_.texts.size() - 1);
  }

  Typed check(const Expr& expr) {
    ProgramNode node;
    switch (expr.kind) {
      case ExprKind::number:
        node.number = expr.number;
        return emit(node, expr, ValueType::number);
      case ExprKind::text:
        node.op = Op::text;
        node.first = text_index(expr.text);
        return emit(node, expr, ValueType::text);
      case ExprKind::boolean:
        node.op = Op::boolean;
        node.number = expr.number;
        return emit(node, expr, ValueType::boolean);
      case ExprKind::name:
        return name(expr);
      case ExprKind::unary:
        return unary(expr);
      case ExprKind::binary:
        return binary(expr);
      case ExprKind::in_list:
        return in_list(expr);
      case ExprKind::call:
        return call(expr);
    }
    return {};
  }

  std::uint32_t read_slot(const std::string& written, bool metric) {
    std::string canonical = written;
    if (scope_.canonical != nullptr && *scope_.canonical) canonical = (*scope_.canonical)(written);
    const std::uint32_t slot = scope_.kind->slot(canonical.empty() ? written : canonical);
    insert_sorted(program_.slots, slot);
    if (metric &&
        std::find(program_.metrics.begin(), program_.metrics.end(), slot) == program_.metrics.end()) {
      program_.metrics.push_back(slot);
    }
    return slot;
  }

  Typed name(const Expr& expr) {
    if (expr.window) {
      fail(expr.op_offset,
           fmt::format("a window needs a function around it, as in mean({}[…])", shown(expr.text)));
      return {};
    }
    ProgramNode node;
    if (scope_.constants != nullptr) {
      if (const auto found = scope_.constants->find(expr.text); found != scope_.constants->end()) {
        const Constant& constant = found->second;
        node.op = constant.type == ValueType::text      ? Op::text
                  : constant.type == ValueType::boolean ? Op::boolean
                                                        : Op::number;
        node.number = constant.number;
        if (constant.type == ValueType::text) node.first = text_index(constant.text);
        return emit(node, expr, constant.type);
      }
    }
    const std::size_t dot = expr.text.find('.');
    if (dot != std::string::npos && scope_.tables != nullptr) {
      for (std::uint32_t i = 0; i < scope_.tables->size(); ++i) {
        const RuleTable& table = (*scope_.tables)[i];
        if (table.name == expr.text.substr(0, dot)) return table_field(expr, i, dot);
      }
    }
    if (find_function(expr.text) != nullptr) {
      fail(expr.op_offset, fmt::format("'{}' is a function: {}", expr.text, find_function(expr.text)->usage));
      return {};
    }
    node.op = Op::name;
    node.slot = read_slot(expr.text, true);
    return emit(node, expr, ValueType::dynamic);
  }

  Typed table_field(const Expr& expr, std::uint32_t number, std::size_t dot) {
    const RuleTable& table = (*scope_.tables)[number];
    const std::string column = expr.text.substr(dot + 1);
    const auto found = std::find(table.columns.begin(), table.columns.end(), column);
    if (found == table.columns.end()) {
      fail(expr.op_offset + dot + 1, fmt::format("the table '{}' has no column '{}'{}", table.name,
                                                 shown(column), did_you_mean(column, table.columns)));
      return {};
    }
    ProgramNode node;
    node.op = Op::table;
    node.count = number;
    node.first = static_cast<std::uint32_t>(found - table.columns.begin());
    node.slot = scope_.kind->slot(table.key);
    insert_sorted(program_.slots, node.slot);
    return emit(node, expr, table.column_is_text[node.first] ? ValueType::text : ValueType::number);
  }

  bool need(const Expr& expr, std::uint32_t child, ValueType wanted, std::string_view by) {
    const ValueType type = typed_[child].type;
    if (fits(type, wanted)) return true;
    fail(ast_.nodes[child].offset,
         fmt::format("{} needs {}, and this is {}", by, type_name(wanted), type_name(type)));
    (void)expr;
    return false;
  }

  Typed unary(const Expr& expr) {
    const std::uint32_t child = expr.children[0];
    const bool negation = expr.op == TokenKind::word_not;
    const ValueType type = negation ? ValueType::boolean : ValueType::number;
    if (!need(expr, child, type, negation ? "'not'" : "'-'")) return {};
    ProgramNode node;
    node.op = negation ? Op::logical_not : Op::negate;
    node.left = typed_[child].node;
    return emit(node, expr, type);
  }

  Typed binary(const Expr& expr) {
    const std::uint32_t left = expr.children[0];
    const std::uint32_t right = expr.children[1];
    ProgramNode node;
    node.op = binary_op(expr.op);
    node.left = typed_[left].node;
    node.right = typed_[right].node;
    if (node.op == Op::logical_and || node.op == Op::logical_or) {
      const std::string_view by = node.op == Op::logical_and ? "'and'" : "'or'";
      if (!need(expr, left, ValueType::boolean, by) || !need(expr, right, ValueType::boolean, by)) return {};
      return emit(node, expr, ValueType::boolean);
    }
    const std::string by = fmt::format("'{}'", operator_text(expr.op));
    if (comparison_text(node.op).empty()) {
      if (!need(expr, left, ValueType::number, by) || !need(expr, right, ValueType::number, by)) return {};
      return emit(node, expr, ValueType::number);
    }
    if (node.op != Op::equal && node.op != Op::not_equal) {
      if (!need(expr, left, ValueType::number, by) || !need(expr, right, ValueType::number, by)) return {};
    } else if (!fits(typed_[left].type, typed_[right].type)) {
      fail(expr.op_offset, fmt::format("{} is compared with {}; that is never equal",
                                       type_name(typed_[left].type), type_name(typed_[right].type)));
      return {};
    }
    return emit(node, expr, ValueType::boolean);
  }

  static std::string_view operator_text(TokenKind kind) {
    switch (kind) {
      case TokenKind::plus:
        return "+";
      case TokenKind::minus:
        return "-";
      case TokenKind::star:
        return "*";
      case TokenKind::slash:
        return "/";
      case TokenKind::percent:
        return "%";
      default:
        return comparison_text(binary_op(kind));
    }
  }

  Typed in_list(const Expr& expr) {
    const ValueType type = typed_[expr.children[0]].type;
    if (type == ValueType::boolean) {
      fail(expr.op_offset, "'in' looks for a text or a number, and this is true or false");
      return {};
    }
    ProgramNode node;
    node.op = Op::in_list;
    node.negated = expr.op == TokenKind::word_not;
    node.left = typed_[expr.children[0]].node;
    node.first = static_cast<std::uint32_t>(program_.items.size());
    node.count = static_cast<std::uint32_t>(expr.children.size() - 1);
    for (std::size_t i = 1; i < expr.children.size(); ++i) {
      const Expr& child = ast_.nodes[expr.children[i]];
      ListItem item;
      item.is_text = child.kind == ExprKind::text;
      if (!fits(type, item.is_text ? ValueType::text : ValueType::number)) {
        fail(child.offset, fmt::format("{} is looked for in a list with {}", type_name(type),
                                       type_name(item.is_text ? ValueType::text : ValueType::number)));
        return {};
      }
      item.number = child.number;
      if (item.is_text) item.text = text_index(child.text);
      program_.items.push_back(item);
    }
    return emit(node, expr, ValueType::boolean);
  }

  Typed call(const Expr& expr) {
    const FunctionInfo* info = find_function(expr.text);
    if (info == nullptr) {
      fail(expr.op_offset, fmt::format("unknown function '{}'{}", shown(expr.text),
                                       did_you_mean(expr.text, function_names())));
      return {};
    }
    const std::size_t least = info->shape == FunctionShape::optional_series ? 0
                              : info->id == FunctionId::coalesce            ? 2
                                                                            : 1;
    if (expr.children.size() < least || expr.children.size() > info->most_arguments) {
      fail(expr.op_offset, fmt::format("'{}' is used as {}", info->name, info->usage));
      return {};
    }
    if (info->shape == FunctionShape::values) return value_call(expr, *info);
    ProgramNode node;
    const ValueType type = info->boolean ? ValueType::boolean : ValueType::number;
    if (info->id == FunctionId::age) program_.reads_time = program_.reads_silence = true;
    if (info->id == FunctionId::absent || expr.children.empty()) program_.reads_anything = true;
    if (expr.children.empty()) {
      node.op = Op::age_any;
      return emit(node, expr, type);
    }
    const Expr& argument = ast_.nodes[expr.children[0]];
    if (argument.kind != ExprKind::name) {
      fail(argument.offset,
           fmt::format("'{}' needs the name of a metric, as in {}", info->name, info->usage));
      return {};
    }
    return series_call(expr, *info, argument, node, type);
  }

  Typed series_call(const Expr& expr, const FunctionInfo& info, const Expr& argument, ProgramNode node,
                    ValueType type) {
    const bool takes_window = info.shape == FunctionShape::aggregate || info.shape == FunctionShape::presence;
    if (argument.window && !takes_window) {
      fail(argument.op_offset, fmt::format("'{}' takes no window: {}", info.name, info.usage));
      return {};
    }
    node.op = Op::series_function;
    node.function = info.id;
    node.windowed = argument.window.has_value();
    const WindowSpec spec = argument.window.value_or(WindowSpec{});
    node.unit = spec.unit;
    node.size = spec.size;
    if (info.id == FunctionId::absent && spec.unit == WindowUnit::points) {
      fail(argument.op_offset,
           "'absent' asks over steps or time: absent(eval_loss[200 steps]), absent(eval_loss[10m])");
      return {};
    }
    if (info.id == FunctionId::slope && spec.unit == WindowUnit::points && spec.size < 2) {
      fail(argument.op_offset, "a slope needs at least 2 points");
      return {};
    }
    node.slot = read_slot(argument.text, true);
    if (info.id == FunctionId::absent && spec.unit == WindowUnit::time)
      program_.reads_time = program_.reads_silence = true;
    const bool needs_window =
        (info.shape == FunctionShape::aggregate && (node.windowed || info.id != FunctionId::last)) ||
        (info.id == FunctionId::nonfinite && node.windowed);
    if (needs_window) {
      std::uint8_t needs = window_needs::kCount;
      if (info.id == FunctionId::min || info.id == FunctionId::max) needs = window_needs::kExtrema;
      if (info.id == FunctionId::mean || info.id == FunctionId::slope) needs = window_needs::kMoments;
      node.window = scope_.kind->window(node.slot, spec, needs);
      if (spec.unit == WindowUnit::time) program_.reads_time = true;
    }
    return emit(node, expr, type);
  }

  Typed value_call(const Expr& expr, const FunctionInfo& info) {
    for (const std::uint32_t child : expr.children) {
      if (!need(expr, child, ValueType::number, fmt::format("'{}'", info.name))) return {};
    }
    ProgramNode node;
    node.left = typed_[expr.children[0]].node;
    node.op = info.id == FunctionId::abs        ? Op::absolute
              : info.id == FunctionId::fraction ? Op::fraction
                                                : Op::coalesce;
    if (info.id != FunctionId::coalesce) return emit(node, expr, ValueType::number);
    Typed result{ValueType::number, node.left};
    for (std::size_t i = 1; i < expr.children.size(); ++i) {
      node.left = result.node;
      node.right = typed_[expr.children[i]].node;
      result = emit(node, expr, ValueType::number);
    }
    return result;
  }

  const Ast& ast_;
  const Scope& scope_;
  ExpressionError& error_;
  Program program_;
  std::vector<Typed> typed_;
};

}  // namespace

std::string_view comparison_text(Op op) {
  switch (op) {
    case Op::less:
      return "<";
    case Op::less_equal:
      return "<=";
    case Op::greater:
      return ">";
    case Op::greater_equal:
      return ">=";
    case Op::equal:
      return "==";
    case Op::not_equal:
      return "!=";
    default:
      return {};
  }
}

Op opposite(Op op) {
  switch (op) {
    case Op::less:
      return Op::greater_equal;
    case Op::less_equal:
      return Op::greater;
    case Op::greater:
      return Op::less_equal;
    case Op::greater_equal:
      return Op::less;
    case Op::equal:
      return Op::not_equal;
    case Op::not_equal:
      return Op::equal;
    default:
      return op;
  }
}

std::uint32_t KindTable::slot(const std::string& name) {
  const auto [found, added] = index.try_emplace(name, static_cast<std::uint32_t>(slots.size()));
  if (added) slots.push_back(Slot{name, {}, {}, false});
  return found->second;
}

std::uint32_t KindTable::window(std::uint32_t slot_number, const WindowSpec& spec, std::uint8_t needs) {
  std::vector<WindowPlan>& windows = slots[slot_number].windows;
  for (std::uint32_t i = 0; i < windows.size(); ++i) {
    if (windows[i].spec == spec) {
      windows[i].needs = static_cast<std::uint8_t>(windows[i].needs | needs);
      return i;
    }
  }
  windows.push_back({spec, needs});
  any_timed = any_timed || spec.unit == WindowUnit::time;
  return static_cast<std::uint32_t>(windows.size() - 1);
}

std::optional<Program> compile_expression(std::string_view text, const Scope& scope, ValueType wanted,
                                          ExpressionError& error) {
  const auto ast = parse_expression(text, error);
  if (!ast) return std::nullopt;
  return Checker(*ast, scope, error).run(text, wanted);
}

}  // namespace redflag
