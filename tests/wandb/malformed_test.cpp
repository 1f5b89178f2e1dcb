// Whatever an answer holds: no crash, no endless loop, and afterwards everything is read as if nothing had
// been.
#include <random>

#include "tests/support/catch.h"
#include "tests/wandb/fake_wandb.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Bench;

/// Replaces one value somewhere in the document by something of another kind.
void mutate(json& value, std::mt19937& random, int depth = 0) {
  if (value.is_structured() && !value.empty() && random() % 8 != 0 && depth < 20) {
    auto child = value.begin();
    std::advance(child, static_cast<std::ptrdiff_t>(random() % value.size()));
    mutate(*child, random, depth + 1);
    return;
  }
  switch (random() % 9) {
    case 0:
      value = nullptr;
      break;
    case 1:
      value = json::array();
      break;
    case 2:
      value = json::object();
      break;
    case 3:
      value = -1;
      break;
    case 4:
      value = 1e300;
      break;
    case 5:
      value = "NaN";
      break;
    case 6:
      value = std::string(300, '\xff');
      break;
    case 7:
      value = json::array({nullptr, 1, "x", json::object()});
      break;
    default:
      value = true;
      break;
  }
}

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::ignore);
}

}  // namespace

TEST_CASE("answers damaged in three thousand ways never crash the poller or keep it spinning",
          "[wandb][malformed]") {
  std::mt19937 random(20261123);
  std::size_t damaged = 0;
  for (int round = 0; round < 400; ++round) {
    Bench bench;
    auto& a = bench.wandb.add({.id = "a", .config = {{"task_name", {{"value", "rte"}}}}});
    bench.wandb.add({.id = "b"}).log(0, {{"loss", 1.0}});
    bench.wandb.add(
        {.id = "c", .state = "finished", .created = test::kStart - 2h, .heartbeat = test::kStart - 1h});
    for (int step = 0; step < 20; ++step) a.log(step, {{"train/loss", 1.0}, {"train/global_step", step}});
    bench.wandb.fault = [&](const test::Asked& asked) -> std::optional<Result<HttpResponse>> {
      if (random() % 3 == 0) return std::nullopt;
      ++damaged;
      // An answer of the right form from a healthy server, then the damage.
      json reply{{"data", {{"project", {{"runCount", 3}}}}}};
      json& project = reply["data"]["project"];
      const json node{{"name", "a"},
                      {"displayName", "x"},
                      {"state", "running"},
                      {"tags", {"t"}},
                      {"config", "{\"a\":{\"value\":1}}"},
                      {"createdAt", to_rfc3339(test::kStart)},
                      {"heartbeatAt", to_rfc3339(test::kStart)},
                      {"historyKeys", {{"lastStep", 19}}},
                      {"summaryMetrics", "{\"loss\":1}"}};
      if (asked.variables.contains("filters")) {
        project["runs"] = {{"edges", {{{"node", node}, {"cursor", "1"}}}},
                           {"pageInfo", {{"endCursor", "1"}, {"hasNextPage", false}}}};
      }
      project["r0"] = node;
      project["h0"] = {{"history", {R"({"_step":0,"train/loss":1.0,"train/global_step":0})"}}};
      for (auto i = random() % 3 + 1; i > 0; --i) mutate(reply, random);
      std::string body = dumped(reply);
      if (random() % 4 == 0) body.resize(random() % (body.size() + 1));
      if (random() % 4 == 0 && !body.empty())
        body[random() % body.size()] = static_cast<char>(random() % 256);
      return test::http(200, body);
    };
    for (int i = 0; i < 5; ++i) {
      const auto summary = bench.poll();
      REQUIRE(summary.requests < 200);
      bench.clock.advance(2min);
    }
  }
  CHECK(damaged >= 3000);
}

TEST_CASE("after an hour of rubbish the curve is complete", "[wandb][malformed]") {
  std::mt19937 random(5);
  Bench bench;
  auto& a = bench.wandb.add({.id = "a"});
  for (int step = 0; step < 2500; ++step) a.log(step, {{"train/loss", 1.0}});
  bool rubbish = true;
  bench.wandb.fault = [&](const test::Asked&) -> std::optional<Result<HttpResponse>> {
    if (!rubbish || random() % 3 == 0) return std::nullopt;
    const char* bodies[] = {"",
                            "{",
                            "<html>",
                            "{\"data\":{}}",
                            "{\"data\":{\"project\":{}}}",
                            "{\"errors\":[1,2]}",
                            "[[[[",
                            "{\"data\":{\"project\":{\"runs\":{}}}}"};
    return test::http(200, bodies[random() % 8]);
  };
  bench.run_for(1h);
  rubbish = false;
  bench.run_for(40min);
  std::vector<std::int64_t> expected(2500);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<std::int64_t>(i);
  CHECK(bench.intake.sequence("a") == expected);
}

TEST_CASE("a listing that leads in circles is left", "[wandb][malformed]") {
  Bench bench;
  bench.wandb.add({.id = "a"});
  bench.wandb.edit = [](json& reply, const test::Asked& asked) {
    if (asked.operation == "RedflagRuns")
      reply["data"]["project"]["runs"]["pageInfo"] = {{"endCursor", "0"}, {"hasNextPage", true}};
  };
  CHECK(bench.poll().requests < 10);
}

}  // namespace redflag::daemon
