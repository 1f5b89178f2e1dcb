// The parts of a rule file that rules refer to: its name, constants and tables; and how mistakes are placed.
#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "rules/lang/pack_reader.h"

namespace redflag {
namespace {

constexpr std::size_t kMostRows = 10000;
constexpr std::size_t kMostColumns = 100;

/// Names of tables, columns and constants: those an expression can spell.
bool spellable(const std::string& name) {
  ExpressionError problem;
  const auto tokens = lex(name, problem);
  return problem.message.empty() && tokens.size() == 2 && tokens.front().kind == TokenKind::name &&
         name.find('.') == std::string::npos && tokens.front().length == name.size();
}

std::optional<double> number_in(const std::string& text) {
  double value = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

}  // namespace

PackReader::PackReader(const RuleSource& source, PackContext& context)
    : source_(source.file, source.text.size() > kLargestRuleFile ? std::string{} : source.text),
      pack_(source.pack),
      context_(context) {
  if (source.text.size() > kLargestRuleFile) {
    context_.out->add(source_.whole_file(fmt::format("larger than {} bytes", kLargestRuleFile)));
    return;
  }
  root_ = parse_yaml(source_, *context_.out);
  if (root_ != nullptr && !check_map(*root_, {"pack", "tables", "constants", "rules"}, "a rule file"))
    root_.reset();
}

void PackReader::error(const YamlNode& node, std::string message, std::size_t offset) {
  const YamlPlace place = offset == 0 ? YamlPlace{node.line, node.column} : place_in(source_, node, offset);
  context_.out->add(source_.at(place.line, place.column, std::move(message)));
}

void PackReader::expression_error(const YamlNode& node, const ExpressionError& problem) {
  const YamlPlace place = node.kind == YamlNode::Kind::scalar ? place_in(source_, node, problem.offset)
                                                              : YamlPlace{node.line, node.column};
  context_.out->add(source_.at(place.line, place.column, problem.message));
}

bool PackReader::check_map(const YamlNode& node, const std::vector<std::string>& keys, const char* what) {
  if (node.kind != YamlNode::Kind::map) {
    error(node, fmt::format("{} has keys and values", what));
    return false;
  }
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const std::string& key = node.items[i].text;
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      error(node.items[i], fmt::format("{} has no key '{}'{}", what, shown(key), did_you_mean(key, keys)));
    }
  }
  return true;
}

const std::string* PackReader::text_of(const YamlNode& map, const char* key, std::size_t most) {
  const YamlNode* node = map.find(key);
  if (node == nullptr) return nullptr;
  if (node->kind != YamlNode::Kind::scalar || node->text.size() > most) {
    error(*node, fmt::format("'{}' is a text of at most {} bytes", key, most));
    return nullptr;
  }
  return &node->text;
}

void PackReader::read_definitions() {
  if (root_ == nullptr) return;
  if (const std::string* name = text_of(*root_, "pack", 100)) pack_ = *name;
  if (const YamlNode* constants = root_->find("constants")) read_constants(*constants);
  const YamlNode* tables = root_->find("tables");
  if (tables == nullptr) return;
  if (tables->kind != YamlNode::Kind::map) return error(*tables, "'tables' holds tables by name");
  for (std::size_t i = 0; i + 1 < tables->items.size(); i += 2)
    read_table(tables->items[i], tables->items[i + 1]);
}

bool PackReader::new_name(const YamlNode& key) {
  if (!spellable(key.text)) {
    error(key, "a name here has letters, digits and '_', and begins with a letter");
    return false;
  }
  const auto& tables = context_.compiled->tables;
  if (context_.constants.count(key.text) > 0 ||
      std::any_of(tables.begin(), tables.end(),
                  [&](const RuleTable& table) { return table.name == key.text; })) {
    error(key, fmt::format("there is already a table or constant '{}'", key.text));
    return false;
  }
  return true;
}

void PackReader::read_constants(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::map) return error(node, "'constants' holds values by name");
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const YamlNode& key = node.items[i];
    const YamlNode& value = node.items[i + 1];
    if (!new_name(key)) continue;
    if (value.kind != YamlNode::Kind::scalar) {
      error(value, "a constant is a number, a duration, true, false or a text");
      continue;
    }
    Constant constant;
    ExpressionError problem;
    const auto tokens = lex(value.text, problem);
    const TokenKind kind =
        problem.message.empty() && tokens.size() == 2 ? tokens.front().kind : TokenKind::end;
    if (const auto number = number_in(value.text)) {
      constant.number = *number;
    } else if (kind == TokenKind::duration) {
      constant.number = tokens.front().number;
    } else if (value.text == "true" || value.text == "false") {
      constant.type = ValueType::boolean;
      constant.number = value.text == "true" ? 1.0 : 0.0;
    } else {
      constant.type = ValueType::text;
      constant.text = value.text;
    }
    context_.constants.emplace(key.text, std::move(constant));
  }
}

void PackReader::read_table(const YamlNode& key, const YamlNode& node) {
  if (!new_name(key) || !check_map(node, {"key", "rows"}, "a table")) return;
  RuleTable table;
  table.name = key.text;
  const YamlNode* attribute = node.find("key");
  const YamlNode* rows = node.find("rows");
  if (attribute == nullptr || attribute->kind != YamlNode::Kind::scalar) {
    return error(node, "a table needs 'key': the attribute that chooses the row, such as task");
  }
  if (rows == nullptr || rows->kind != YamlNode::Kind::map || rows->items.size() / 2 > kMostRows) {
    return error(rows == nullptr ? node : *rows,
                 "a table needs 'rows': NAME: {column: value, …}, 10000 at most");
  }
  table.key = attribute->text;
  const std::size_t before = context_.out->list().size();
  for (std::size_t i = 0; i + 1 < rows->items.size(); i += 2)
    read_table_row(table, rows->items[i], rows->items[i + 1]);
  if (context_.out->list().size() == before) context_.compiled->tables.push_back(std::move(table));
}

void PackReader::read_table_row(RuleTable& table, const YamlNode& key, const YamlNode& row) {
  if (row.kind != YamlNode::Kind::map)
    return error(row, "a row holds values by column: {min: 0.85, max: 0.90}");
  std::vector<TableCell> cells(table.columns.size());
  for (std::size_t i = 0; i + 1 < row.items.size(); i += 2) {
    const YamlNode& name = row.items[i];
    const YamlNode& value = row.items[i + 1];
    if (!spellable(name.text) || value.kind != YamlNode::Kind::scalar) {
      error(name, "a column is NAME: a number or a text");
      continue;
    }
    TableCell cell;
    cell.known = true;
    const auto number = number_in(value.text);
    cell.is_text = !number;
    cell.number = number.value_or(0.0);
    if (cell.is_text) cell.text = value.text;
    const auto found = std::find(table.columns.begin(), table.columns.end(), name.text);
    const auto column = static_cast<std::size_t>(found - table.columns.begin());
    if (found == table.columns.end()) {
      if (column >= kMostColumns) return error(name, "more than 100 columns");
      table.columns.push_back(name.text);
      table.column_is_text.push_back(cell.is_text);
      cells.emplace_back();
    } else if (table.column_is_text[column] != cell.is_text) {
      error(value,
            fmt::format("the column '{}' holds {} elsewhere", name.text, cell.is_text ? "numbers" : "texts"));
      continue;
    }
    cells[column] = std::move(cell);
  }
  table.rows.emplace(key.text, std::move(cells));
}

}  // namespace redflag
