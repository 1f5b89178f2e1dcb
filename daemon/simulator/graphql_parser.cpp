// Recursive descent over the executable part of GraphQL's grammar. The first error ends it: there is nobody
// to show more to.
#include <fmt/format.h>

#include "daemon/simulator/graphql_document.h"
#include "daemon/simulator/graphql_lexer.h"

namespace redflag::daemon::graphql {
namespace {

struct SyntaxError {
  std::string text;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) { advance(); }

  Document document() {
    Document document;
    while (token_.kind != Token::Kind::end) {
      if (token_.kind == Token::Kind::name && token_.text == "fragment") {
        Fragment fragment = this->fragment();
        const std::string name = fragment.name;
        if (!document.fragments.emplace(name, std::move(fragment)).second) {
          complain(fmt::format("There can be only one fragment named \"{}\".", name));
        }
      } else {
        document.operations.push_back(operation());
      }
    }
    if (document.operations.empty()) complain("there is no operation in it");
    return document;
  }

 private:
  /// Counts how deep the parser stands, for as long as it lives.
  struct Level {
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxDepth)
        parser_.complain(fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Parser& parser_;
  };

  [[noreturn]] void complain(const std::string& what) const {
    throw SyntaxError{fmt::format("Syntax Error: {}: {}", lexer_.place(token_.at), what)};
  }

  void advance() {
    token_ = lexer_.next();
    if (token_.kind == Token::Kind::bad) complain(token_.text);
  }

  bool at(std::string_view punctuator) const {
    return token_.kind == Token::Kind::punctuator && token_.text == punctuator;
  }
  bool take(std::string_view punctuator) {
    if (!at(punctuator)) return false;
    advance();
    return true;
  }
  void expect(std::string_view punctuator) {
    if (!take(punctuator)) complain(fmt::format("Expected \"{}\"", punctuator));
  }
  std::string name() {
    if (token_.kind != Token::Kind::name) complain("Expected Name");
    std::string text = std::move(token_.text);
    advance();
    return text;
  }

  Operation operation() {
    Operation operation;
    if (at("{")) {
      operation.selections = selection_set();
      return operation;
    }
    operation.kind = name();
    if (operation.kind != "query" && operation.kind != "mutation" && operation.kind != "subscription") {
      complain(fmt::format("Unexpected Name \"{}\"", operation.kind));
    }
    if (token_.kind == Token::Kind::name) operation.name = name();
    if (take("(")) {
      while (!take(")")) operation.variables.push_back(variable());
    }
    directives();
    operation.selections = selection_set();
    return operation;
  }

  Fragment fragment() {
    advance();  // "fragment"
    Fragment fragment;
    fragment.name = name();
    if (fragment.name == "on") complain("a fragment cannot be named \"on\"");
    if (name() != "on") complain("Expected \"on\"");
    fragment.on = name();
    directives();
    fragment.selections = selection_set();
    return fragment;
  }

  VariableDefinition variable() {
    VariableDefinition variable;
    expect("$");
    variable.name = name();
    expect(":");
    type(variable);
    variable.required = take("!");
    if (take("=")) variable.fallback = literal(true);
    directives();
    return variable;
  }

  void type(VariableDefinition& variable) {
    const Level level{*this};
    if (!take("[")) {
      variable.type = name();
      return;
    }
    ++variable.list_depth;
    type(variable);
    take("!");
    expect("]");
  }

  std::vector<Selection> selection_set() {
    const Level level{*this};
    expect("{");
    std::vector<Selection> selections;
    while (!take("}")) selections.push_back(selection());
    if (selections.empty()) complain("a selection must not be empty");
    return selections;
  }

  Selection selection() {
    Selection selection;
    if (take("...")) {
      if (token_.kind == Token::Kind::name && token_.text != "on") {
        selection.kind = Selection::Kind::fragment_spread;
        selection.name = name();
        selection.directives = directives();
        return selection;
      }
      selection.kind = Selection::Kind::inline_fragment;
      if (token_.kind == Token::Kind::name) {
        advance();
        selection.on = name();
      }
      selection.directives = directives();
      selection.selections = selection_set();
      return selection;
    }
    selection.alias = name();
    selection.name = take(":") ? name() : selection.alias;
    selection.arguments = arguments();
    selection.directives = directives();
    if (at("{")) selection.selections = selection_set();
    return selection;
  }

  std::vector<LiteralField> arguments() {
    std::vector<LiteralField> arguments;
    if (!take("(")) return arguments;
    while (!take(")")) {
      LiteralField field;
      field.name = name();
      expect(":");
      field.value = literal(false);
      arguments.push_back(std::move(field));
    }
    return arguments;
  }

  std::vector<Directive> directives() {
    std::vector<Directive> directives;
    while (take("@")) {
      Directive directive;
      directive.name = name();
      directive.arguments = arguments();
      directives.push_back(std::move(directive));
    }
    return directives;
  }

  Literal literal(bool constant) {
    const Level level{*this};
    Literal literal;
    if (!constant && take("$")) {
      literal.kind = Literal::Kind::variable;
      literal.text = name();
    } else if (take("[")) {
      literal.kind = Literal::Kind::list;
      while (!take("]")) literal.items.push_back(this->literal(constant));
    } else if (take("{")) {
      literal.kind = Literal::Kind::object;
      while (!take("}")) {
        LiteralField field;
        field.name = name();
        expect(":");
        field.value = this->literal(constant);
        literal.fields.push_back(std::move(field));
      }
    } else {
      literal.kind = scalar_kind();
      literal.text = std::move(token_.text);
      advance();
    }
    return literal;
  }

  Literal::Kind scalar_kind() const {
    switch (token_.kind) {
      case Token::Kind::integer:
        return Literal::Kind::integer;
      case Token::Kind::real:
        return Literal::Kind::real;
      case Token::Kind::string:
        return Literal::Kind::string;
      case Token::Kind::name:
        if (token_.text == "null") return Literal::Kind::null;
        if (token_.text == "true" || token_.text == "false") return Literal::Kind::boolean;
        return Literal::Kind::enumeration;
      default:
        complain("Expected a value");
    }
  }

  Lexer lexer_;
  Token token_;
  int depth_ = 0;
};

}  // namespace

Result<Document> parse(std::string_view text) {
  if (text.size() > kMaxQueryBytes) {
    return fail(ErrorCode::too_large, "reading a GraphQL query", "it is longer than a megabyte");
  }
  try {
    return Parser{text}.document();
  } catch (const SyntaxError& error) {
    return fail(ErrorCode::malformed, "reading a GraphQL query", error.text);
  }
}

}  // namespace redflag::daemon::graphql
