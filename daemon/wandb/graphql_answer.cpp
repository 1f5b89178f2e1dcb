#include "daemon/wandb/graphql_answer.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include <fmt/format.h>

#include "daemon/runs/relaxed_json.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxMessageBytes = 300;
constexpr const char* kKeyAdvice =
    "the key was refused: check WANDB_API_KEY / netrc; keys are at https://wandb.ai/authorize";
constexpr const char* kMissingAdvice =
    "there is no such project or run, or this key cannot read it; check entity and project";

std::string clean(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.empty()) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
      text.replace(at, secret.size(), "***");
    }
  }
  if (text.size() > kMaxMessageBytes) {
    text.resize(kMaxMessageBytes);
    // Not in the middle of a UTF-8 character.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) text.pop_back();
    text += "...";
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

/// The text of an error that is a string or an object with a message.
std::string message_of(const json& error) {
  if (const auto* text = error.get_ptr<const std::string*>()) return *text;
  if (error.is_object()) {
    const auto message = error.find("message");
    if (message != error.end() && message->is_string()) return message->get<std::string>();
  }
  return "an error without a message";
}

std::vector<GraphqlProblem> problems_of(const json& body, const std::vector<std::string>& secrets) {
  std::vector<GraphqlProblem> problems;
  const auto add = [&](const json& error) {
    GraphqlProblem problem{clean(message_of(error), secrets), {}};
    const auto path = error.is_object() ? error.find("path") : error.end();
    if (error.is_object() && path != error.end() && path->is_array()) {
      for (const auto& part : *path) {
        problem.path.push_back(part.is_string() ? part.get<std::string>() : std::string{});
      }
    }
    problems.push_back(std::move(problem));
  };
  if (const auto error = body.find("error"); error != body.end() && !error->is_null()) add(*error);
  if (const auto errors = body.find("errors"); errors != body.end() && errors->is_array()) {
    for (const auto& error : *errors) {
      if (problems.size() >= 100) break;
      add(error);
    }
  }
  return problems;
}

Error by_status(int status, const std::string& doing, std::string message) {
  constexpr std::array kFinal{400, 401, 403, 404, 409, 410, 413, 422, 501};
  Error error;
  error.doing = doing;
  error.what = fmt::format("HTTP {}{}{}", status, message.empty() ? "" : ": ", message);
  error.retryable = std::find(kFinal.begin(), kFinal.end(), status) == kFinal.end();
  error.code = error.retryable ? ErrorCode::unavailable : ErrorCode::invalid_input;
  if (status == 401 || status == 403) {
    error.code = ErrorCode::denied;
    error.advice = kKeyAdvice;
  } else if (status == 404 || status == 410) {
    error.code = ErrorCode::not_found;
    error.advice = kMissingAdvice;
  } else if (status == 413) {
    error.code = ErrorCode::too_large;
  } else if (status == 429) {
    error.code = ErrorCode::rate_limited;
  } else if (status == 408 || status == 504) {
    error.code = ErrorCode::timed_out;
  } else if (status >= 300 && status < 400) {
    error.advice = "the address redirects; set base_url to the server itself";
  } else if (!error.retryable) {
    error.advice = "this W&B server does not understand the question; check base_url and its version";
  }
  return error;
}

/// Status 200 says nothing about these; only the words do.
Error by_message(const std::string& doing, const std::string& message) {
  std::string lower = message;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto says = [&](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const char* word) { return lower.find(word) != std::string::npos; });
  };
  Error error{ErrorCode::unavailable, true, doing, message, {}};
  if (says({"rate limit", "too many requests"})) {
    error.code = ErrorCode::rate_limited;
  } else if (says({"permission denied", "unauthorized", "not authorized", "invalid api key", "not logged in",
                   "forbidden"})) {
    error.code = ErrorCode::denied;
    error.retryable = false;
    error.advice = kKeyAdvice;
  } else if (says({"could not find project", "project not found"})) {
    error.code = ErrorCode::not_found;
    error.retryable = false;
    error.advice = kMissingAdvice;
  } else if (says({"cannot query field", "unknown argument", "unknown type", "syntax error"})) {
    error.code = ErrorCode::invalid_input;
    error.retryable = false;
    error.advice = "this W&B server does not understand the question; check base_url and its version";
  }
  return error;
}

}  // namespace

Error no_such_project(const std::string& doing, const std::string& project) {
  return {ErrorCode::not_found, false, doing,
          fmt::format("no project {} or this key cannot read it", project),
          "check entity and project in the configuration, and whose key it is"};
}

GraphqlResult read_graphql_answer(const HttpResponse& response, const std::string& doing,
                                  const std::vector<std::string>& secrets) {
  auto body = parse_relaxed_json(response.body, doing);
  const bool ok = response.status >= 200 && response.status < 300;
  if (!ok) {
    std::string message;
    if (body && body->is_object()) {
      const auto problems = problems_of(*body, secrets);
      if (!problems.empty()) message = problems.front().message;
    }
    return tl::unexpected(GraphqlFailure{by_status(response.status, doing, std::move(message)), true});
  }
  if (!body) {
    Error error = std::move(body.error());
    error.retryable = true;
    error.advice = "is base_url a W&B server, and is there no proxy in between that answers for it?";
    return tl::unexpected(GraphqlFailure{std::move(error), true});
  }
  if (!body->is_object()) {
    return tl::unexpected(
        GraphqlFailure{{ErrorCode::malformed, true, doing, "the answer is not a JSON object", {}}, true});
  }
  auto problems = problems_of(*body, secrets);
  const auto data = body->find("data");
  const bool has_data = data != body->end() && data->is_object();
  const bool nothing_in_it =
      has_data && !problems.empty() &&
      std::all_of(data->begin(), data->end(), [](const json& value) { return value.is_null(); });
  if (!has_data || nothing_in_it) {
    Error error = problems.empty() ? Error{ErrorCode::malformed, true, doing, "the answer has no data", {}}
                                   : by_message(doing, problems.front().message);
    return tl::unexpected(GraphqlFailure{std::move(error), true});
  }
  return GraphqlAnswer{std::move(*data), std::move(problems)};
}

}  // namespace redflag::daemon
