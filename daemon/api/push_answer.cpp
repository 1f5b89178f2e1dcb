#include "daemon/api/push_answer.h"

#include <nlohmann/json.hpp>

#include "daemon/api/forms.h"

namespace redflag::daemon::api {
namespace {

constexpr std::size_t kMostErrors = 100;

}  // namespace

asio::awaitable<ServerResponse> answer_push(follow::PushIntake& push, std::string body, std::int64_t pid) {
  const follow::PushResult result = co_await push.take(std::move(body), pid);
  nlohmann::json errors = nlohmann::json::array();
  for (const follow::PushedLine& one : result.errors) {
    if (errors.size() == kMostErrors) break;
    errors.push_back({{"line", one.line}, {"error", one.error}});
  }
  const nlohmann::json answer{{"accepted", result.accepted},
                              {"errors", std::move(errors)},
                              {"more_errors", result.errors.size() > kMostErrors}};
  const bool refused = result.accepted == 0 && !result.errors.empty();
  co_return json_response(refused ? 400 : 200,
                          answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace redflag::daemon::api
