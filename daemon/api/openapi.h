// The description of the local API, docs/openapi.json, as part of the program: GET /v1/openapi.json answers
// it.
#pragma once

#include <string_view>

namespace redflag::daemon::api {

/// OpenAPI 3.1. tests/api/openapi_test.cpp holds it against the routes and their answers.
std::string_view openapi_json();

}  // namespace redflag::daemon::api
