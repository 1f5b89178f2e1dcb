// What becomes of alerts in the whole daemon: bursts, silences, acknowledgements, absences, digests, and the
// proof of life, on simulated time.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/app/simulated_daemon.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

/// Explodes after ten minutes: loss, gradient and all, and stays so.
RunScript exploding_run(const std::string& id, int rows = 60) {
  RunScript script = healthy_run(id, kStart, rows);
  for (std::size_t i = 10; i < script.rows.size(); ++i) {
    script.rows[i].values["train/grad_norm"] = 5000.0;
    script.rows[i].values["train/loss"] = 9.0;
  }
  return script;
}

/// Runs what a person asks for to its end.
template <typename T>
T ask(SimulatedDaemon& daemon, asio::awaitable<T> question) {
  std::optional<T> answer;
  asio::co_spawn(*daemon.context, std::move(question), [&](const std::exception_ptr& failure, T got) {
    if (failure) std::rethrow_exception(failure);
    answer = std::move(got);
  });
  daemon.clock.run_for(*daemon.context, 10s, [&] { return answer.has_value(); });
  REQUIRE(answer.has_value());
  return std::move(*answer);
}

alerts::Silence silence_of(const std::string& matcher, Time from, Time to) {
  alerts::Silence silence;
  silence.matchers = {*alerts::parse_matcher(matcher)};
  silence.starts = from;
  silence.ends = to;
  silence.comment = "new data loader";
  silence.author = "ann";
  return silence;
}

std::string firing_id(SimulatedDaemon& daemon, const std::string& rule) {
  for (const AlertView& view : daemon.service->monitor().alerts()) {
    if (view.alert.last.rule == rule && view.alert.last.to == AlertState::firing) return view.alert.last.id;
  }
  return {};
}

}  // namespace

TEST_CASE("what a run does at one moment is one Slack message", "[alerting]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", exploding_run("r1", 14));
  daemon.start();
  daemon.run_for(13min);
  // The gradient at once; the loss, which has to stay high for three points, with what else it then means.
  const auto& messages = daemon.slack.messages();
  REQUIRE(messages.size() == 2);
  CHECK_THAT(messages[0].plain, ContainsSubstring("gradient-explosion"));
  CHECK_THAT(messages[1].text, ContainsSubstring("2 alerts"));
  CHECK_THAT(messages[1].plain, ContainsSubstring("loss-too-high"));
  CHECK_THAT(messages[1].plain, ContainsSubstring("loss-exploding"));
  CHECK(daemon.slack.refusals().empty());
}

TEST_CASE("hundreds of alerts at once are told once each, and what a person does meanwhile is kept",
          "[alerting]") {
  constexpr std::size_t kRuns = 300;
  SimulatedDaemon daemon;
  daemon.start();
  daemon.run_for(1min);
  SourceBatch batch;
  for (std::size_t i = 0; i < kRuns; ++i) {
    RunInfo run;
    run.key = daemon.run_key("burst" + std::to_string(i));
    run.name = "burst" + std::to_string(i);
    run.state = RunState::running;
    batch.runs.push_back(run);
    Observation row;
    row.subject = {SubjectKind::run, run.key};
    row.run = run.key;
    row.source = "wandb";
    row.seq = row.step = 1;
    row.time = daemon.clock.now();
    row.samples.push_back({"gradient_norm_total", 5000.0, "train/grad_norm"});
    batch.inputs.emplace_back(std::move(row));
  }
  Monitor& monitor = daemon.service->monitor();
  const std::string last_run = batch.runs.back().key;
  asio::cancellation_signal source_stops;
  asio::co_spawn(
      *daemon.context, [&]() -> asio::awaitable<void> { (void)co_await monitor.submit(std::move(batch)); },
      asio::bind_cancellation_slot(source_stops.slot(), asio::detached));
  for (int i = 0; i < 10 && monitor.pipeline().lifecycle().active().empty(); ++i) daemon.context->poll_one();
  REQUIRE(monitor.pipeline().lifecycle().active().size() == kRuns);
  // Their messages are not written yet: the source goes away, and a person was quick.
  source_stops.emit(asio::cancellation_type::terminal);
  std::string id;
  for (const alerts::Alert* alert : monitor.pipeline().lifecycle().active()) {
    if (alert->last.run == last_run) id = alert->last.id;
  }
  REQUIRE(ask(daemon, monitor.acknowledge(id, "ann", "on it")).has_value());
  daemon.run_for(10min);
  CHECK(daemon.count("gradient-explosion") == kRuns);
  CHECK(daemon.slack.messages().size() == kRuns);
  CHECK(monitor.outbox().empty());

  daemon.kill();
  daemon.start();
  daemon.run_for(10min);
  CHECK(daemon.slack.messages().size() == kRuns);
  const auto kept = daemon.service->monitor().alert(id);
  REQUIRE(kept.has_value());
  CHECK(kept->alert.acknowledged.by == "ann");
}

TEST_CASE("silences survive kill -9 and keep everybody in peace until they end", "[alerting][silence]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", exploding_run("r1", 300));
  daemon.start();
  daemon.run_for(2min);
  const auto made =
      ask(daemon, daemon.service->monitor().add_silence(silence_of("run=full_ft_*", Time{}, kStart + 2h)));
  REQUIRE(made.has_value());
  CHECK(made->id.size() == 8);
  daemon.kill();
  daemon.start();
  daemon.run_for(1h);
  CHECK(daemon.slack_texts().empty());
  CHECK_FALSE(firing_id(daemon, "gradient-explosion").empty());
  CHECK(daemon.service->monitor().silences().at(0).author == "ann");
  daemon.run_for(1h);
  CHECK(daemon.count("gradient-explosion") == 1);
  CHECK(daemon.count("new data loader") >= 1);
}

TEST_CASE("a silence can be previewed, and ended early", "[alerting][silence]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", exploding_run("r1", 300));
  daemon.start();
  daemon.run_for(20min);
  Monitor& monitor = daemon.service->monitor();
  CHECK(monitor.preview(silence_of("rule=gradient-explosion", Time{}, kStart + 2h)).size() == 1);
  CHECK(monitor.preview(silence_of("rule=no-such-*", Time{}, kStart + 2h)).empty());
  const auto made = ask(daemon, monitor.add_silence(silence_of("rule=*", Time{}, kStart + 10h)));
  REQUIRE(made.has_value());
  const std::size_t before = daemon.slack.messages().size();
  daemon.run_for(10min);
  CHECK(daemon.slack.messages().size() == before);
  CHECK(ask(daemon, monitor.end_silence(made->id.substr(0, 4))).has_value());
  CHECK(ask(daemon, monitor.end_silence(made->id)).error().code == ErrorCode::conflict);
  CHECK(ask(daemon, monitor.end_silence("nobody")).error().code == ErrorCode::not_found);
  CHECK(ask(daemon, monitor.add_silence(silence_of("rule=*", Time{}, kStart))).error().code ==
        ErrorCode::invalid_input);
  CHECK(ask(daemon, monitor.add_silence({})).error().code == ErrorCode::invalid_input);
}

TEST_CASE("an acknowledgement survives kill -9 and ends the reminders", "[alerting][ack]") {
  SimulatedDaemon daemon;
  daemon.config.alerts.repeat_interval = 1h;
  daemon.wandb.add_run("ent", "proj", exploding_run("r1", 600));
  daemon.start();
  daemon.run_for(90min);
  CHECK(daemon.count("STILL") >= 1);
  for (const AlertView& view : daemon.service->monitor().alerts()) {
    if (view.alert.last.to == AlertState::firing)
      REQUIRE(
          ask(daemon, daemon.service->monitor().acknowledge(view.alert.last.id, "ann", "on it")).has_value());
  }
  const auto told = daemon.service->monitor().alert(firing_id(daemon, "gradient-explosion"));
  REQUIRE(told.has_value());
  CHECK(told->alert.told_at > told->alert.told_first);
  daemon.kill();
  daemon.start();
  const auto kept = daemon.service->monitor().alert(told->alert.last.id);
  REQUIRE(kept.has_value());
  CHECK(kept->alert.told_first == told->alert.told_first);
  CHECK(kept->alert.told_at == told->alert.told_at);
  CHECK(kept->alert.told_severity == Severity::critical);
  const std::size_t before = daemon.slack.messages().size();
  daemon.run_for(5h);
  CHECK(daemon.slack.messages().size() == before);
  const auto view = daemon.service->monitor().alert(firing_id(daemon, "gradient-explosion"));
  REQUIRE(view.has_value());
  CHECK(view->alert.acknowledged.by == "ann");
}

TEST_CASE("a crashed run says so, and not also that it is silent", "[alerting][inhibition]") {
  SimulatedDaemon daemon;
  RunScript script = healthy_run("r1", kStart, 30);
  script.states = {{31min, "crashed"}};
  daemon.wandb.add_run("ent", "proj", script);
  daemon.start();
  daemon.run_for(6h);
  CHECK(daemon.count("run-failed") == 1);
  CHECK(daemon.count("run-silent") == 0);
}

TEST_CASE("after hours away one message says how long, why, and which runs were live",
          "[alerting][absence]") {
  SimulatedDaemon daemon;
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 600));
  daemon.start();
  daemon.run_for(30min);
  daemon.kill();
  daemon.clock.run_for(*daemon.context, 3h);
  daemon.start();
  daemon.run_for(5min);
  CHECK(daemon.count("redflag was away for 3 h") == 1);
  CHECK(daemon.count("full_ft_sst2_seed42_r1") == 1);
  CHECK(daemon.count("it had been killed or had crashed") == 1);
  daemon.stop();
  daemon.start();
  daemon.run_for(5min);
  CHECK(daemon.count("was away") == 1);  // a restart is no absence
}

TEST_CASE("the daily digest comes once a day, also when redflag was away at that hour",
          "[alerting][digest]") {
  SimulatedDaemon daemon;
  daemon.config.alerts.digest_at = "08:00";
  daemon.wandb.add_run("ent", "proj", exploding_run("r1", 300));
  daemon.start();
  daemon.run_for(7h + 59min);
  CHECK(daemon.count("the last day") == 0);
  daemon.run_for(2min);
  CHECK(daemon.count("the last day") == 1);
  CHECK(daemon.count("By rule") == 1);
  daemon.run_for(23h);
  CHECK(daemon.count("the last day") == 1);
  daemon.kill();
  daemon.clock.run_for(*daemon.context, 5h);
  daemon.start();
  daemon.run_for(1min);
  CHECK(daemon.count("the last day") == 2);
  CHECK(daemon.slack.refusals().empty());
}

TEST_CASE("routes decide who hears of what in the whole daemon", "[alerting][route]") {
  SimulatedDaemon daemon;
  daemon.config.alerts.routes = {{{"rule=gradient-*"}, {}, {}, false}};
  daemon.wandb.add_run("ent", "proj", exploding_run("r1", 14));
  daemon.start();
  daemon.run_for(13min);
  CHECK(daemon.count("gradient-explosion") == 0);
  CHECK(daemon.count("loss-too-high") == 1);
}

TEST_CASE("the dead man's switch is told every minute that all is well, and never its address",
          "[alerting][ping]") {
  SimulatedDaemon daemon;
  daemon.secret_ping = "https://hc-ping.com/very-secret";
  std::size_t pings = 0;
  daemon.network.add_host("hc-ping.com", [&](const ServerRequest&) {
    ++pings;
    return ServerResponse{};
  });
  daemon.wandb.add_run("ent", "proj", healthy_run("r1", kStart, 600));
  daemon.start();
  daemon.run_for(1h);
  CHECK(pings >= 59);
  CHECK(pings <= 61);
  // W&B being away is an alert, and no reason to think that redflag is dead.
  daemon.wandb.faults().during(daemon.clock.now(), daemon.clock.now() + 1h, {.kind = FaultKind::unreachable});
  daemon.run_for(1h);
  CHECK(pings >= 118);
  CHECK(daemon.service->stuck().empty());
}

TEST_CASE("messages that nobody could be given for a week are dropped, and that is said",
          "[alerting][queue]") {
  SimulatedDaemon daemon;
  daemon.config.alerts.queue_max_age = 1h;
  daemon.wandb.add_run("ent", "proj", exploding_run("r1", 300));
  daemon.slack.faults().during(kStart, kStart + 90min, {.kind = FaultKind::server_error});
  daemon.start();
  daemon.run_for(3h);
  CHECK(daemon.count("were dropped") == 1);
  CHECK(daemon.service->monitor().outbox().empty());
}
