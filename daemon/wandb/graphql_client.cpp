#include "daemon/wandb/graphql_client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/wandb/rate_limit.h"

namespace redflag::daemon {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= left ? kDigits[group >> (18U - 6U * k) & 63U] : '=';
    }
  }
  return text;
}

bool usable_in_a_header(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

GraphqlClient::GraphqlClient(HttpTransport& transport, Clock& clock, GraphqlClientOptions options,
                             KeySource key)
    : transport_(transport),
      clock_(clock),
      options_(std::move(options)),
      key_(std::move(key)),
      service_(options_.base_url) {}

Duration GraphqlClient::blocked_for() const {
  return std::max(Duration::zero(), blocked_until_ - clock_.monotonic());
}

asio::awaitable<void> GraphqlClient::wait_for_turn() {
  // Each asker takes the next free turn before it sleeps, so several pollers keep the pace together.
  Duration now = clock_.monotonic();
  const Duration turn = std::max(now, next_turn_);
  next_turn_ = turn + options_.spacing;
  while (now < turn || now < blocked_until_) {
    co_await clock_.sleep(std::max(turn, blocked_until_) - now);
    now = clock_.monotonic();
  }
  next_turn_ = std::max(next_turn_, now + options_.spacing);
}

asio::awaitable<GraphqlResult> GraphqlClient::ask(GraphqlQuestion question) {
  const std::string key = key_ ? key_() : std::string{};
  if (key.empty() || !usable_in_a_header(key)) {
    co_return tl::unexpected(GraphqlFailure{{ErrorCode::denied, false, question.doing,
                                             key.empty() ? "there is no W&B key" : "the W&B key is not a key",
                                             "set WANDB_API_KEY, a netrc entry, or the key's file in the "
                                             "configuration; keys are at https://wandb.ai/authorize"},
                                            false});
  }
  co_await wait_for_turn();

  const std::string credentials = base64("api:" + key);
  HttpRequest request;
  request.method = "POST";
  request.url = service_.graphql_url();
  request.label = service_.label();
  request.headers.push_back({"Authorization", "Basic " + credentials});
  request.headers.push_back({"Content-Type", "application/json"});
  request.headers.push_back({"Accept", "application/json"});
  request.timeout = options_.timeout;
  request.max_response_bytes = options_.max_answer_bytes;
  nlohmann::json body = nlohmann::json::object();
  body["query"] = std::move(question.query);
  body["variables"] = std::move(question.variables);
  request.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);

  ++requests_;
  auto response = co_await transport_.send(std::move(request));
  if (!response) {
    Error error = std::move(response.error());
    error.doing = error.doing.empty() ? question.doing : question.doing + ": " + error.doing;
    if (error.code != ErrorCode::cancelled) error.retryable = true;
    co_return tl::unexpected(GraphqlFailure{std::move(error), false});
  }
  if (const auto date = parse_http_date(response->header("Date"))) {
    service_date_ = *date;
    service_date_at_ = clock_.monotonic();
  }
  const Duration wait = wait_wanted(*response, clock_.now());
  if (wait > Duration::zero()) blocked_until_ = std::max(blocked_until_, clock_.monotonic() + wait);
  const std::vector<std::string> secrets{key, credentials};
  auto answer = read_graphql_answer(*response, question.doing, secrets);
  co_return answer;
}

Time GraphqlClient::by_service_clock(Time local, Duration monotonic) const {
  constexpr Duration kNoDifference = std::chrono::minutes{2};
  if (service_date_ == Time{}) return local;
  const Time there = service_date_ + (monotonic - service_date_at_);
  return there > local + kNoDifference || there < local - kNoDifference ? there : local;
}

asio::awaitable<Result<std::string>> default_entity(GraphqlClient& client) {
  GraphqlQuestion question;
  question.doing = "asking " + client.service().label() + " whose key this is";
  question.query = "query Viewer { viewer { id entity } }";
  const std::string doing = question.doing;
  auto answer = co_await client.ask(std::move(question));
  if (!answer) co_return tl::unexpected(std::move(answer.error().error));
  const auto viewer = answer->data.find("viewer");
  if (viewer != answer->data.end() && viewer->is_object()) {
    const auto entity = viewer->find("entity");
    if (entity != viewer->end() && entity->is_string() && !entity->get<std::string>().empty()) {
      co_return entity->get<std::string>();
    }
  }
  co_return fail(ErrorCode::denied, doing, "the key belongs to nobody",
                 "check WANDB_API_KEY, or name the entity");
}

}  // namespace redflag::daemon
