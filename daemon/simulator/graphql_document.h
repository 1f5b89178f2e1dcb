// A GraphQL document as it was written (October 2021 specification), before anything is known of the schema.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/error.h"

namespace redflag::daemon::graphql {

struct LiteralField;

/// A value in the text: a constant or a `$variable`.
struct Literal {
  enum class Kind { null, boolean, integer, real, string, enumeration, list, object, variable };
  Kind kind = Kind::null;
  std::string text;  ///< digits, the string's content, a name, "true" or "false"
  std::vector<Literal> items;
  std::vector<LiteralField> fields;
};

/// A field of an object literal, or an argument.
struct LiteralField {
  std::string name;
  Literal value;
};

struct Directive {
  std::string name;
  std::vector<LiteralField> arguments;
};

struct Selection {
  enum class Kind { field, fragment_spread, inline_fragment };
  Kind kind = Kind::field;
  std::string name;   ///< of the field or the fragment; empty for an inline fragment
  std::string alias;  ///< of a field; equals `name` when none was given
  std::string on;     ///< type condition of an inline fragment; empty when it has none
  std::vector<LiteralField> arguments;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
};

struct VariableDefinition {
  std::string name;
  std::string type;       ///< innermost name: "JSONString" of "[JSONString!]!"
  int list_depth = 0;     ///< 1 for "[JSONString!]!"
  bool required = false;  ///< the outermost "!"
  std::optional<Literal> fallback;
};

struct Operation {
  std::string kind = "query";  ///< query, mutation, subscription
  std::string name;
  std::vector<VariableDefinition> variables;
  std::vector<Selection> selections;
};

struct Fragment {
  std::string name;
  std::string on;
  std::vector<Selection> selections;
};

struct Document {
  std::vector<Operation> operations;
  std::map<std::string, Fragment, std::less<>> fragments;
};

/// Nesting beyond this is refused, in selections, values and types: the parser and all that walk its tree
/// recurse.
inline constexpr int kMaxDepth = 64;
inline constexpr std::size_t kMaxQueryBytes = std::size_t{1} << 20;

/// Errors: malformed, with line and column; too_large.
Result<Document> parse(std::string_view text);

}  // namespace redflag::daemon::graphql
