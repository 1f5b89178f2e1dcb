#include "daemon/wandb/graphql_client.h"

#include "daemon/wandb/rate_limit.h"
#include "tests/support/catch.h"
#include "tests/wandb/fake_wandb.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::http;

const std::string kKey = "secretsecretsecretsecretsecretsecret1234";

/// A client whose every answer is given by hand.
struct Desk {
  explicit Desk(GraphqlClientOptions options = {})
      : client(wandb, clock, std::move(options), [this] { return key; }) {
    wandb.fault = [this](const test::Asked&) { return std::optional(answer); };
  }
  GraphqlResult ask() {
    std::optional<GraphqlResult> result;
    GraphqlQuestion question;
    question.doing = "asking";
    question.query = "query Q { viewer { id } }";
    asio::co_spawn(context, client.ask(std::move(question)), [&](std::exception_ptr error, GraphqlResult r) {
      if (error) std::rethrow_exception(error);
      result = std::move(r);
    });
    context.restart();
    context.run();
    return std::move(result.value());
  }
  Error error_for(Result<HttpResponse> response) {
    answer = std::move(response);
    auto result = ask();
    REQUIRE_FALSE(result);
    return result.error().error;
  }
  asio::io_context context;
  test::FakeClock clock;
  test::FakeWandb wandb;
  std::string key = kKey;
  Result<HttpResponse> answer = http(200, R"({"data":{"viewer":{"id":"x"}}})");
  GraphqlClient client;
};

}  // namespace

TEST_CASE("a question goes to the server's graphql address with the key as basic authorization",
          "[wandb][client]") {
  GraphqlClientOptions options;
  options.base_url = "https://wandb.example.org:8443/prefix/";
  Desk desk(options);
  REQUIRE(desk.ask());
  const auto& request = desk.wandb.asked.at(0).request;
  CHECK(request.method == "POST");
  CHECK(request.url == "https://wandb.example.org:8443/prefix/graphql");
  CHECK(request.label == "W&B wandb.example.org:8443");
  REQUIRE(request.headers.at(0).name == "Authorization");
  CHECK(request.headers.at(0).value == "Basic YXBpOnNlY3JldHNlY3JldHNlY3JldHNlY3JldHNlY3JldHNlY3JldDEyMzQ=");
}

TEST_CASE("a refused key says where keys come from, and is not worth a retry", "[wandb][client]") {
  Desk desk;
  for (const int status : {401, 403}) {
    const Error error = desk.error_for(http(status, R"({"error":"invalid"})"));
    CHECK(error.code == ErrorCode::denied);
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.advice, ContainsSubstring("https://wandb.ai/authorize"));
  }
  CHECK(desk.error_for(http(200, R"({"errors":[{"message":"permission denied"}],"data":{"project":null}})"))
            .code == ErrorCode::denied);
}

TEST_CASE("statuses are worth a retry exactly when W&B's client thinks so", "[wandb][client]") {
  Desk desk;
  for (const int status : {400, 401, 403, 404, 409, 410, 413, 422, 501}) {
    INFO(status);
    CHECK_FALSE(desk.error_for(http(status)).retryable);
  }
  for (const int status : {301, 408, 418, 425, 429, 500, 502, 503, 504, 520}) {
    INFO(status);
    CHECK(desk.error_for(http(status, "<html>bad gateway</html>")).retryable);
  }
  CHECK(desk.error_for(http(429)).code == ErrorCode::rate_limited);
  CHECK(desk.error_for(http(404)).code == ErrorCode::not_found);
}

TEST_CASE("no key is said before anything is sent", "[wandb][client]") {
  Desk desk;
  for (const char* key : {"", "with\r\nheader: injection"}) {
    desk.key = key;
    const auto result = desk.ask();
    REQUIRE_FALSE(result);
    CHECK(result.error().error.code == ErrorCode::denied);
  }
  CHECK(desk.wandb.asked.empty());
}

TEST_CASE("the key appears in no error, even when the server echoes it", "[wandb][client]") {
  Desk desk;
  const json echo{{"error", "key " + kKey + " is bad, " + kKey +
                                "! api:YXBpOnNlY3JldHNlY3JldHNlY3JldHNlY3JldHNlY3JldHNlY3JldDEyMzQ="}};
  for (const int status : {200, 403, 500}) {
    const std::string text = desk.error_for(http(status, echo.dump())).text();
    CHECK(text.find(kKey) == std::string::npos);
    CHECK(text.find("YXBpOnNl") == std::string::npos);
  }
}

TEST_CASE("a server's message is shown short and on one line", "[wandb][client]") {
  Desk desk;
  const auto error = desk.error_for(
      http(500, json{{"error", {{"message", "a\nb\x1b[31m" + std::string(5000, 'x')}}}}.dump()));
  CHECK(error.what.size() < 400);
  CHECK(error.what.find('\n') == std::string::npos);
  CHECK(error.what.find('\x1b') == std::string::npos);
}

TEST_CASE("errors beside data leave the data usable", "[wandb][client]") {
  Desk desk;
  desk.answer = http(200, R"({"data":{"project":{"h0":null,"h1":{"history":[]}}},
                              "errors":["loose",{"message":"timeout","path":["project","h0","history"]}]})");
  const auto result = desk.ask();
  REQUIRE(result);
  REQUIRE(result->problems.size() == 2);
  CHECK(result->problems[0].message == "loose");
  CHECK(result->problems[1].path == std::vector<std::string>{"project", "h0", "history"});
  CHECK(result->data["project"]["h1"]["history"].is_array());
}

TEST_CASE("an answer that is no answer is an error worth a retry", "[wandb][client]") {
  Desk desk;
  for (const char* body : {"", "<html>login to the wifi</html>", "[]", "null", "{}", R"({"data":null})",
                           R"({"data":7})", R"({"data":{"project)"}) {
    INFO(body);
    const Error error = desk.error_for(http(200, body));
    CHECK(error.code == ErrorCode::malformed);
    CHECK(error.retryable);
  }
}

TEST_CASE("requests of one key keep a second apart", "[wandb][client]") {
  Desk desk;
  for (int i = 0; i < 5; ++i) REQUIRE(desk.ask());
  CHECK(desk.clock.monotonic() == 4s);
  desk.clock.advance(10s);
  REQUIRE(desk.ask());
  CHECK(desk.clock.monotonic() == 14s);
}

TEST_CASE("two pollers asking at once share the pace", "[wandb][client]") {
  Desk desk;
  std::size_t answered = 0;
  for (int i = 0; i < 4; ++i) {
    GraphqlQuestion question;
    question.query = "query Q { viewer { id } }";
    asio::co_spawn(desk.context, desk.client.ask(std::move(question)),
                   [&](std::exception_ptr, GraphqlResult r) { answered += r ? 1 : 0; });
  }
  desk.context.run();
  CHECK(answered == 4);
  CHECK(desk.clock.monotonic() >= 3s);
}

TEST_CASE("Retry-After keeps everybody away for as long as it says", "[wandb][client]") {
  Desk desk;
  CHECK(desk.error_for(http(429, "{}", {{"retry-after", "120"}})).code == ErrorCode::rate_limited);
  CHECK(desk.client.blocked_for() == 120s);
  desk.answer = http(200, R"({"data":{"viewer":{"id":"x"}}})",
                     {{"RateLimit-Remaining", "0"}, {"RateLimit-Reset", "7"}});
  REQUIRE(desk.ask());
  CHECK(desk.clock.monotonic() >= 120s);
  CHECK(desk.client.blocked_for() == 7s);
}

TEST_CASE("Retry-After is read as seconds and as a date, and nonsense is ignored", "[wandb][client]") {
  const Time now = *parse_rfc3339("1994-11-06T08:49:30Z");
  CHECK(retry_after_from("0", now) == Duration{});
  CHECK(retry_after_from(" 1.5 ", now) == 1500ms);
  CHECK(retry_after_from("Sun, 06 Nov 1994 08:49:37 GMT", now) == 7s);
  CHECK(retry_after_from("Sun, 06 Nov 1994 08:00:00 GMT", now) == 0s);
  for (const char* text :
       {"", "-5", "soon", "nan", "inf", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT"}) {
    INFO(text);
    CHECK_FALSE(retry_after_from(text, now));
  }
  HttpResponse response;
  response.status = 503;
  response.headers = {{"Retry-After", "99999999"}};
  CHECK(wait_wanted(response, now) == 1h);
}

TEST_CASE("whose key it is can be asked for", "[wandb][client]") {
  Desk desk;
  desk.answer = http(200, R"({"data":{"viewer":{"id":"x","entity":"somebody"}}})");
  std::optional<Result<std::string>> entity;
  asio::co_spawn(desk.context, default_entity(desk.client),
                 [&](std::exception_ptr, Result<std::string> r) { entity = std::move(r); });
  desk.context.run();
  REQUIRE(entity);
  REQUIRE(*entity);
  CHECK(**entity == "somebody");
}

TEST_CASE("a run's page is at wandb.ai, or below one's own server", "[wandb][client]") {
  CHECK(WandbService("https://api.wandb.ai").run_url("ent", "my proj", "abc") ==
        "https://wandb.ai/ent/my%20proj/runs/abc");
  const WandbService own("http://user:pass@wandb.local:8080/x/");
  CHECK(own.run_url("e", "p", "r") == "http://wandb.local:8080/x/e/p/runs/r");
  CHECK(own.label() == "W&B wandb.local:8080");
}

}  // namespace redflag::daemon
