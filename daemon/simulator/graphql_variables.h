// Turns what a request brings (variables, literals) into the arguments that resolvers see.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "daemon/simulator/graphql_document.h"

namespace redflag::daemon::graphql {

/// The request is invalid as a whole. Thrown and caught inside the executor only.
struct Refused {
  std::string message;
};

/// Declared variables with their values, or their defaults. Variables without either are absent. Throws
/// Refused.
nlohmann::json coerce_variables(const std::vector<VariableDefinition>& definitions,
                                const nlohmann::json& given);

/// Arguments by name; those that are null, or a variable without value, are left out. Throws Refused.
nlohmann::json to_arguments(const std::vector<LiteralField>& fields,
                            const std::vector<VariableDefinition>& definitions,
                            const nlohmann::json& variables);

/// @include and @skip. Throws Refused for any other directive.
bool is_included(const std::vector<Directive>& directives, const std::vector<VariableDefinition>& definitions,
                 const nlohmann::json& variables);

}  // namespace redflag::daemon::graphql
