#include "tests/simulator/sim.h"
#include "tests/support/catch.h"

using namespace redflag::test;

namespace {

Fault fault(FaultKind kind) {
  Fault made;
  made.kind = kind;
  return made;
}

std::string header(const ServerResponse& response, const std::string& name) {
  for (const HttpHeader& each : response.headers) {
    if (each.name == name) return each.value;
  }
  return {};
}

const std::string kViewer = "{ viewer { username } }";
const std::string kHistories =
    "{ project(name: \"proj\", entityName: \"ent\") { a: run(name: \"a\") { state history } b: run(name: "
    "\"b\") { state history } } }";

}  // namespace

TEST_CASE("Queued faults are used up in their order, then all is well again", "[wandb][faults]") {
  Sim sim;
  Fault later = fault(FaultKind::rate_limited);
  later.retry_after = "7";
  sim.wandb.faults().next(later);
  sim.wandb.faults().next(fault(FaultKind::rate_limited));
  sim.wandb.faults().next(fault(FaultKind::server_error), 2);
  const ServerResponse first = sim.post({{"query", kViewer}});
  CHECK(first.status == 429);
  CHECK(header(first, "Retry-After") == "7");
  const ServerResponse second = sim.post({{"query", kViewer}});
  CHECK(second.status == 429);
  CHECK(header(second, "Retry-After").empty());
  CHECK(sim.post({{"query", kViewer}}).status == 500);
  CHECK(sim.post({{"query", kViewer}}).status == 500);
  CHECK(sim.post({{"query", kViewer}}).status == 200);
}

TEST_CASE("An outage lasts from its beginning to its end", "[wandb][faults]") {
  Sim sim;
  sim.wandb.faults().during(kStart + 1h, kStart + 9h, fault(FaultKind::refused));
  CHECK(sim.post({{"query", kViewer}}).dropped.empty());
  sim.pass(1h);
  CHECK(sim.post({{"query", kViewer}}).dropped == "connection refused");
  sim.pass(8h - 1us);
  CHECK(sim.post({{"query", kViewer}}).dropped == "connection refused");
  sim.pass(1us);
  CHECK(sim.post({{"query", kViewer}}).status == 200);
}

TEST_CASE("One bad run fails every query that touches its history, and no other", "[wandb][faults]") {
  Sim sim;
  sim.add("a").append_row(kStart, {{"loss", 1}});
  sim.add("b").append_row(kStart, {{"loss", 1}});
  Fault bad = fault(FaultKind::bad_gateway);
  bad.run = "b";
  sim.wandb.faults().during(kStart, kStart + 1h, bad);
  CHECK(sim.post({{"query", kHistories}}).status == 502);
  const auto one = [&](const std::string& id, const std::string& field) {
    return sim
        .post({{"query", "{ project(name: \"proj\", entityName: \"ent\") { run(name: \"" + id + "\") { " +
                             field + " } } }"}})
        .status;
  };
  CHECK(one("a", "history") == 200);
  CHECK(one("b", "state historyKeys") == 200);
  CHECK(one("b", "sampledHistory(specs: [\"{}\"])") == 502);
}

TEST_CASE("Errors can come with status 200 and part of the data", "[wandb][faults]") {
  Sim sim;
  sim.add("a").append_row(kStart, {{"loss", 1}});
  sim.add("b").append_row(kStart, {{"loss", 1}});
  Fault partial = fault(FaultKind::graphql_errors);
  partial.run = "b";
  sim.wandb.faults().next(partial);
  const json one = sim.answer(kHistories);
  CHECK(one["data"]["project"]["a"]["history"].size() == 1);
  CHECK(one["data"]["project"]["b"] == json{{"state", "running"}, {"history", nullptr}});
  CHECK(one["errors"].size() == 1);
  CHECK(one["errors"][0]["path"] == json{"project", "b", "history"});
  sim.wandb.faults().next(fault(FaultKind::graphql_errors), 2);
  const json all = sim.answer(kHistories);
  CHECK(all["errors"].size() == 2);
  CHECK(all["data"]["project"]["a"]["state"] == "running");
  const json no_history = sim.answer(kViewer);
  CHECK(no_history["data"]["viewer"].is_null());
  CHECK(no_history["errors"].size() == 1);
}

TEST_CASE("Answers can be cut, slow, late, malformed or missing", "[wandb][faults]") {
  Sim sim;
  const auto with = [&](FaultKind kind) {
    Fault one = fault(kind);
    one.delay = 90s;
    one.headers = {{"RateLimit-Remaining", "0"}};
    sim.wandb.faults().next(one);
    return sim.post({{"query", kViewer}});
  };
  CHECK(with(FaultKind::cut_body).cut_after == 20);
  CHECK(with(FaultKind::slow_body).drip == 90s);
  CHECK(with(FaultKind::late).delay == 90s);
  CHECK(json::parse(with(FaultKind::malformed).body, nullptr, false).is_discarded());
  CHECK(with(FaultKind::unauthorized).status == 401);
  CHECK(with(FaultKind::dns_failure).dropped == "host not found");
  CHECK(with(FaultKind::unreachable).dropped == "no route to host");
  CHECK(header(with(FaultKind::server_error), "RateLimit-Remaining") == "0");
}
