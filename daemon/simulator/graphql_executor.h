// Answers a parsed GraphQL query from objects that resolve their own fields. Knows nothing of W&B.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/simulator/graphql_document.h"
#include "rules/values/error.h"

namespace redflag::daemon::graphql {

class Object;
struct Record;
using ObjectPtr = std::shared_ptr<const Object>;
using RecordPtr = std::shared_ptr<const Record>;

/// What a field resolves to: a leaf (any JSON, null included), something with fields of its own, or a list.
struct Value {
  Value() = default;
  Value(nlohmann::json leaf) : content(std::move(leaf)) {}
  Value(ObjectPtr object) : content(std::move(object)) {}
  Value(RecordPtr record) : content(std::move(record)) {}
  Value(std::vector<Value> list) : content(std::move(list)) {}

  std::variant<nlohmann::json, ObjectPtr, RecordPtr, std::vector<Value>> content;
};

/// Small data whose fields are all at hand.
struct Record {
  std::string type;
  std::vector<std::pair<std::string, Value>> fields;
};

inline Value record(std::string type, std::vector<std::pair<std::string, Value>> fields) {
  return RecordPtr{std::make_shared<Record>(Record{std::move(type), std::move(fields)})};
}

struct FieldInfo {
  std::string_view name;
  std::vector<std::string_view> arguments;
};

/// Computes its fields only when asked.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view type() const = 0;
  virtual const std::vector<FieldInfo>& fields() const = 0;
  /// `field` is one of `fields()`, `arguments` an object holding only names that it takes (null values left
  /// out). An Error makes the field null and is told in `errors`, as GraphQL says; the other fields are still
  /// answered.
  virtual Result<Value> resolve(std::string_view field, const nlohmann::json& arguments) const = 0;
};

struct Outcome {
  bool accepted = false;  ///< false: the request is invalid as a whole, `body` has `errors` only (HTTP 400)
  nlohmann::json body;    ///< `data`, and `errors` when there are any
};

/// `operation_name` may be empty when the document has one operation. Only queries are served. Bounded in
/// depth, in the number of fields (200,000) and in the size of the answer (256 MiB), whatever the query.
Outcome execute(const Document& document, std::string_view operation_name, const nlohmann::json& variables,
                const ObjectPtr& query);

/// {"errors":[{"message":…}]}
nlohmann::json errors_body(const std::string& message);

}  // namespace redflag::daemon::graphql
