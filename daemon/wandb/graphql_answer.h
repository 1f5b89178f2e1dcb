// What a W&B answer means: data, data with errors beside it, or an error, and of which kind.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/net/http.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// An error that came beside data. `path` leads to what is missing: {"project", "r3", "history"}; may be
/// empty.
struct GraphqlProblem {
  std::string message;
  std::vector<std::string> path;
};

struct GraphqlAnswer {
  nlohmann::json data;  ///< an object
  std::vector<GraphqlProblem> problems;
};

/// `reached` says that the service itself answered: another question may fare better.
struct GraphqlFailure {
  Error error;
  bool reached = false;
};

using GraphqlResult = tl::expected<GraphqlAnswer, GraphqlFailure>;

/// Reads one HTTP response. 400 401 403 404 409 410 413 422 501 are not worth a retry, all else is; status
/// 200 can still carry errors, with or without data. Messages of the service are cut short, freed of control
/// characters and of the `secrets`.
GraphqlResult read_graphql_answer(const HttpResponse& response, const std::string& doing,
                                  const std::vector<std::string>& secrets);

/// The error for a project that is null or 404.
Error no_such_project(const std::string& doing, const std::string& project);

}  // namespace redflag::daemon
