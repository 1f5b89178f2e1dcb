// Everything that can go wrong between an alert and Slack, one row each, in simulated time: a project whose
// runs explode, get worse, recover and burst before, during and after an hour of the fault. How many messages
// arrived, which told again what had been told, which alert was never told as it ended, and how long after
// the fault's end the last message owed by then came. Fails when an alert is lost, or more is repeated than
// was under way when redflagd was killed or Slack's answer never came.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "tests/alerts/builders.h"
#include "tests/app/simulated_daemon.h"
#include "tests/store/fault_vfs.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr Duration kBegin = 1h;
constexpr Duration kAfter = 1h + 30min;  // that is watched when the fault is over
constexpr const char* kRule = "gradient-explosion";

enum class Told { warning, critical, resolved };

/// Which alert, in which state, happened when.
struct Planned {
  std::string run;
  Told state;
  Duration at;
};

struct Project {
  std::vector<RunScript> runs;
  std::vector<Planned> planned;
  int rows = 0;  // of each run

  /// Norms from the given minutes on; what each comes to as an alert is planned.
  void add(const std::string& id, const std::string& name, std::vector<std::pair<int, double>> norms) {
    RunScript script = healthy_run(id, kStart, rows);
    script.name = name;
    for (std::size_t n = 0; n < norms.size(); ++n) {
      const auto [from, norm] = norms[n];
      const std::size_t to =
          n + 1 < norms.size() ? static_cast<std::size_t>(norms[n + 1].first) : script.rows.size();
      for (auto i = static_cast<std::size_t>(from); i < to; ++i) {
        if (norm > 100) script.rows[i].values["train/grad_norm"] = norm;
      }
      // It is over once five points in a row are well.
      const Duration at = (norm > 100 ? from : from + 5) * 1min + 15s;
      planned.push_back({id, norm > 1000 ? Told::critical : norm > 100 ? Told::warning : Told::resolved, at});
    }
    runs.push_back(std::move(script));
  }
};

Project usual_project(int rows) {
  Project project;
  project.rows = rows;
  project.add("before", "fires_before_ends_during", {{30, 5000}, {90, 8}});
  project.add("worse", "fires_and_gets_worse_during_ends_after", {{70, 200}, {80, 5000}, {150, 8}});
  project.add("stays", "fires_during_and_stays", {{75, 5000}});
  project.add("passes", "comes_and_goes_during", {{65, 5000}, {85, 8}});
  for (int i = 0; i < 10; ++i)
    project.add(fmt::format("burst{}", i), fmt::format("burst_{}", i), {{100, 5000}});
  project.add("edge", "fires_as_it_ends", {{118, 5000}});
  project.add("after", "fires_after", {{140, 5000}});
  return project;
}

Project hostile_project(int rows) {
  Project project = usual_project(rows);
  int i = 0;
  for (const std::string& name : alerts::test::hostile_names()) {
    // W&B speaks JSON: what is no UTF-8 cannot come from there.
    const std::string text = json(name).dump(-1, ' ', false, json::error_handler_t::replace);
    project.add(fmt::format("hostile{}", i), json::parse(text).get<std::string>(), {{100 + i, 5000}});
    ++i;
  }
  return project;
}

/// A campaign's row while it runs.
struct World {
  FaultVfs disk;
  SimulatedDaemon daemon;
  Duration length = 1h;                             // of the fault
  std::size_t in_flight = 0;                        // messages whose answer redflagd never heard
  std::vector<std::pair<Time, std::string>> other;  // what the second receiver took

  Time begin() const { return kStart + kBegin; }
  Time end() const { return begin() + length; }
  Duration over() const { return kBegin + length + kAfter; }
  void slack(Fault fault) { daemon.slack.faults().during(begin(), end(), std::move(fault)); }

  /// Until this much of true time has passed since the start.
  void run_until(Duration at) {
    const Duration left = kStart + at - daemon.true_clock.now();
    if (left > Duration::zero()) daemon.run_for(left);
  }
  void kill() {
    for (const alerts::ChannelHealth& channel : daemon.service->monitor().channels())
      in_flight += channel.in_flight ? 1 : 0;
    daemon.kill();
  }
  void retry_all() {
    asio::co_spawn(
        *daemon.context, [this]() -> asio::awaitable<void> { co_await daemon.service->monitor().retry({}); },
        asio::detached);
    daemon.run_for(1s);
  }
};

struct Row {
  std::string fault;
  std::function<void(World&)> prepare = {};     // before the start
  std::function<void(World&)> during = {};      // at the fault's begin; may let time pass up to its end
  std::function<void(World&)> afterwards = {};  // at its end
  Project (*project)(int rows) = usual_project;
  Duration length = 1h;
  bool of_the_other = false;  // judged by what the second receiver took
  bool shortly = false;       // one of the few that are a test, too
};

/// What Slack was told: of which alert which state, when, and how often.
struct Heard {
  std::map<std::pair<std::string, Told>, Time> first;
  std::size_t repeated = 0;
};

std::optional<std::string> status_of(const std::string& text) {
  static const std::regex pattern("(STILL )?(CRITICAL|WARNING|INFO|RESOLVED)( \\(was \\w+\\))?");
  std::smatch found;
  if (!std::regex_search(text, found, pattern)) return std::nullopt;
  return found[0].str();
}

Told told_of(const std::string& status) {
  if (status.starts_with("RESOLVED")) return Told::resolved;
  return status.find("CRITICAL") < status.find('(') ? Told::critical : Told::warning;
}

Heard listen(const std::vector<SlackMessage>& messages) {
  static const std::regex id_pattern("alert ([0-9a-f]{16})");
  Heard heard;
  std::set<std::pair<std::string, std::string>> known;
  for (const SlackMessage& message : messages) {
    std::vector<std::pair<std::string, std::string>> parts;  // id and status
    const auto add = [&](const std::string& text, const std::optional<std::string>& status) {
      for (std::sregex_iterator at(text.begin(), text.end(), id_pattern); at != std::sregex_iterator();
           ++at) {
        if (status) parts.emplace_back((*at)[1].str(), *status);
      }
    };
    for (const json& block : message.payload.value("blocks", json::array())) {
      if (block["type"] != "section" || !block.contains("text")) continue;
      const std::string text = block["text"]["text"].get<std::string>();
      add(text, status_of(text.substr(0, text.find('\n'))));
    }
    if (parts.empty()) add(message.plain + '\n' + message.text, status_of(message.text));
    bool again = false;
    for (const auto& part : std::set<std::pair<std::string, std::string>>(parts.begin(), parts.end())) {
      again |= !known.insert(part).second;
      heard.first.try_emplace({part.first, told_of(part.second)}, message.arrived);
    }
    heard.repeated += again ? 1 : 0;
  }
  return heard;
}

/// The state that the run's alert is in at `at`; nothing when it has not fired by then.
std::optional<Told> state_at(const Project& project, const std::string& run, Duration at) {
  std::optional<Told> state;
  for (const Planned& planned : project.planned) {
    if (planned.run == run && planned.at <= at) state = planned.state;
  }
  return state;
}

struct Outcome {
  std::size_t planned = 0;
  std::size_t sent = 0;
  std::size_t duplicates = 0;
  std::size_t in_flight = 0;
  std::vector<std::string> lost;
  Duration recovery{};

  bool bad() const { return !lost.empty() || duplicates > in_flight; }
};

Outcome judge(World& world, const Project& project) {
  Outcome outcome;
  const Heard heard = listen(world.daemon.slack.messages());
  outcome.planned = project.runs.size();
  outcome.sent = world.daemon.slack.messages().size();
  outcome.duplicates = heard.repeated;
  outcome.in_flight = world.in_flight;
  for (const OutboxEntry& entry : world.daemon.service->monitor().outbox())
    outcome.lost.push_back("still waits: " + entry.message.id + " " + entry.message.last_error);
  for (const SlackRefusal& refusal : world.daemon.slack.refusals())
    outcome.lost.push_back("refused by Slack: " + refusal.error);
  std::map<std::string, std::string> ids;  // by run
  std::size_t skipped = 0;
  const Result<StoredState> state = world.daemon.store->load(skipped);
  for (const alerts::Alert& alert : state->alerts) {
    if (alert.last.rule == kRule) ids[alert.last.run] = alert.last.id;
  }
  for (const RunScript& run : project.runs) {
    const auto id = ids.find(world.daemon.run_key(run.id));
    const Told last = *state_at(project, run.id, world.over());
    const auto told = id == ids.end() ? heard.first.end() : heard.first.find({id->second, last});
    if (told == heard.first.end()) outcome.lost.push_back(run.id);
    const std::optional<Told> owed = state_at(project, run.id, world.begin() + world.length - 30s - kStart);
    if (!owed || id == ids.end()) continue;
    // The first that told it so, or what came of it since.
    Time came = Time::max();
    for (const auto& [what, when] : heard.first) {
      if (what.first == id->second && what.second >= *owed) came = std::min(came, when);
    }
    if (came != Time::max()) outcome.recovery = std::max(outcome.recovery, came - world.end());
  }
  return outcome;
}

/// The webhook's bodies name alerts by their ids: each has to be in one at least.
Outcome judge_the_other(World& world, const Project& project) {
  Outcome outcome = judge(world, project);
  outcome.sent = world.other.size();
  outcome.duplicates = 0;
  std::set<std::string> bodies;
  for (const auto& [when, body] : world.other) outcome.duplicates += bodies.insert(body).second ? 0 : 1;
  std::size_t skipped = 0;
  const Result<StoredState> state = world.daemon.store->load(skipped);
  for (const alerts::Alert& alert : state->alerts) {
    if (alert.last.rule != kRule) continue;
    const auto told = std::find_if(world.other.begin(), world.other.end(), [&](const auto& one) {
      return one.second.find(alert.last.id) != std::string::npos;
    });
    if (told == world.other.end()) {
      outcome.lost.push_back(alert.last.run);
    } else if (alert.fired_at < world.end() - 30s) {
      outcome.recovery = std::max(outcome.recovery, told->first - world.end());
    }
  }
  return outcome;
}

Outcome play(const Row& row, bool texts, Duration poll_interval) {
  World world;
  world.daemon.config.wandb.poll_interval = poll_interval;
  world.length = row.length;
  const Project project = row.project(static_cast<int>((kBegin + row.length + kAfter) / 1min) + 10);
  for (const RunScript& run : project.runs) world.daemon.wandb.add_run("ent", "proj", run);
  if (row.prepare) row.prepare(world);
  world.daemon.start();
  world.run_until(kBegin);
  if (row.during) row.during(world);
  world.run_until(kBegin + row.length);
  if (row.afterwards) row.afterwards(world);
  world.run_until(world.over());
  if (texts) {
    for (const SlackMessage& message : world.daemon.slack.messages())
      fmt::print("    {} {}\n", to_rfc3339(message.arrived), message.text.substr(0, 150));
  }
  return row.of_the_other ? judge_the_other(world, project) : judge(world, project);
}

Row slack_row(std::string name, Fault fault) {
  return {std::move(name), [fault](World& world) { world.slack(fault); }};
}

/// Refused for good for an hour; then mended, and retried by hand.
Row revoked_row(std::string name, int status, std::string word) {
  Row row =
      slack_row(std::move(name), {.kind = FaultKind::status, .status = status, .body = std::move(word)});
  row.afterwards = [](World& world) { world.retry_all(); };
  return row;
}

/// Between redflagd and Slack, as the transport tells of it.
Row dropped_row(std::string name, std::string words) {
  return {std::move(name), [words](World& world) {
            world.daemon.network.add_host("hooks.slack.com", [&world, words](const ServerRequest& request) {
              const Time now = world.daemon.true_clock.now();
              if (now < world.begin() || now >= world.end()) return world.daemon.slack.answer(request);
              ServerResponse response;
              response.dropped = words;
              return response;
            });
          }};
}

/// Slack takes the message, and redflagd cannot know: what it repeats then is what at least once means.
Row unheard_row(std::string name, Fault fault, Duration length) {
  fault.takes_effect = true;
  return {std::move(name), [fault, length](World& world) {
            world.daemon.network.add_host(
                "hooks.slack.com", [&world, fault, length](const ServerRequest& request) {
                  const Time now = world.daemon.true_clock.now();
                  ServerResponse response = world.daemon.slack.answer(request);
                  const Time until = world.begin() + 40min;  // when the burst is being told
                  if (now < until || now >= until + length) return response;
                  ++world.in_flight;
                  return spoil(fault, std::move(response));
                });
          }};
}

/// Killed and started again and again through the hour.
Row killed_row(std::string name, Duration every, std::function<void(World&)> prepare) {
  Row row{std::move(name), std::move(prepare)};
  row.during = [every](World& world) {
    for (int i = 0; world.daemon.true_clock.now() < world.end(); ++i) {
      world.daemon.run_for(every + i * 7ms);
      world.kill();
      world.daemon.start();
    }
  };
  return row;
}

Row jump_row(std::string name, Duration by, bool slack_is_down) {
  Row row{std::move(name)};
  if (slack_is_down) row.prepare = [](World& world) { world.slack({.kind = FaultKind::server_error}); };
  row.during = [by](World& world) {
    world.run_until(kBegin + 42min);
    world.daemon.clock.jump_wall_clock(by);
  };
  return row;
}

/// The fault concerns the other receiver: Slack must not notice.
Row two_receivers_row(bool of_the_other) {
  Row row{of_the_other ? "the same, told by the other" : "two receivers, the other down"};
  row.of_the_other = of_the_other;
  row.prepare = [](World& world) {
    ReceiverConfig other;
    other.name = "other";
    other.type = ReceiverType::webhook;
    other.url = "https://other.example/hook";
    world.daemon.config.alerts.receivers.push_back(other);
    world.daemon.network.add_host("other.example", [&world](const ServerRequest& request) {
      const Time now = world.daemon.true_clock.now();
      ServerResponse response;
      if (now >= world.begin() && now < world.end()) {
        response.dropped = "connection refused";
      } else {
        world.other.emplace_back(now, request.body);
      }
      return response;
    });
  };
  return row;
}

std::vector<Row> all_rows() {
  const auto blocks_refused = [](World& world) {
    world.daemon.network.add_host("hooks.slack.com", [&world](const ServerRequest& request) {
      const Time now = world.daemon.true_clock.now();
      const bool refused =
          now >= world.begin() && now < world.end() && request.body.find("\"blocks\"") != std::string::npos;
      if (!refused) return world.daemon.slack.answer(request);
      ServerResponse response;
      response.status = 400;
      response.body = "invalid_blocks";
      return response;
    });
  };
  const auto down = [](World& world) { world.run_until(kBegin + world.length); };
  std::vector<Row> rows;
  rows.push_back({"none"});
  rows.push_back(
      slack_row("429, Retry-After in seconds", {.kind = FaultKind::rate_limited, .retry_after = "90"}));
  rows.push_back(slack_row("429, Retry-After as a date", {.kind = FaultKind::rate_limited,
                                                          .retry_after = "Mon, 23 Nov 2026 02:00:00 GMT"}));
  rows.push_back(slack_row("429 without Retry-After", {.kind = FaultKind::rate_limited}));
  rows.push_back(slack_row("429, retry_after in the body",
                           {.kind = FaultKind::status,
                            .status = 429,
                            .body = R"({"retry_after":90,"ok":false,"error":"rate_limited"})"}));
  for (const int status : {500, 502, 503})
    rows.push_back(
        slack_row(fmt::format("{} for an hour", status), {.kind = FaultKind::status, .status = status}));
  rows.push_back(slack_row("200 without ok", {.kind = FaultKind::not_ok}));
  rows.push_back(slack_row("slow answer (10 s)", {.kind = FaultKind::late, .delay = 10s}));
  rows.push_back(
      unheard_row("answer after 60 s, message taken", {.kind = FaultKind::late, .delay = 60s}, 2min));
  rows.push_back(
      unheard_row("truncated answer, message taken", {.kind = FaultKind::cut_body, .cut_after = 1}, 2min));
  rows.push_back(unheard_row("reset after the message was taken", {.kind = FaultKind::reset}, 2min));
  rows.push_back(slack_row("connection reset", {.kind = FaultKind::reset}));
  rows.push_back(dropped_row("TLS failure", "TLS with hooks.slack.com failed: certificate verify failed"));
  rows.push_back(slack_row("DNS failure", {.kind = FaultKind::dns_failure}));
  rows.push_back(dropped_row("proxy failing", "the proxy proxy.example:3128 refused to connect (HTTP 502)"));
  rows.push_back(revoked_row("404 no_service, mended", 404, "no_service"));
  rows.push_back(revoked_row("403 invalid_token, mended", 403, "invalid_token"));
  rows.push_back(revoked_row("410 channel_is_archived, mended", 410, "channel_is_archived"));
  rows.push_back({"400 invalid_blocks (plain form)", blocks_refused});
  rows.push_back({"hostile and long names", {}, {}, {}, hostile_project});
  rows.push_back({"hostile names, blocks refused", blocks_refused, {}, {}, hostile_project});
  rows.push_back(killed_row("kill -9 every 37 s", 37s, {}));
  rows.push_back(killed_row("kill -9 every 5 s, Slack slow", 5s,
                            [](World& world) { world.slack({.kind = FaultKind::late, .delay = 2s}); }));
  rows.push_back(killed_row("kill -9 every 37 s, Slack 500", 37s,
                            [](World& world) { world.slack({.kind = FaultKind::server_error}); }));
  for (const DiskFault fault : {DiskFault::full, DiskFault::write_error}) {
    rows.push_back({fault == DiskFault::full ? "disk full for an hour" : "disk errors for an hour",
                    {},
                    [fault](World& world) { world.disk.fault = fault; },
                    [](World& world) { world.disk.fault = DiskFault::none; }});
  }
  rows.push_back(jump_row("clock a day forwards", 24h, false));
  rows.push_back(jump_row("clock a day backwards", -24h, false));
  rows.push_back(jump_row("clock a day forwards, Slack 500", 24h, true));
  rows.push_back(jump_row("clock a day backwards, Slack 500", -24h, true));
  for (const Duration length : {Duration{1h}, Duration{8h}}) {
    Row row{"suspended for " + human_duration(length), {}, [](World& world) {
              world.daemon.suspend(world.length);
            }};
    row.length = length;
    rows.push_back(std::move(row));
  }
  rows.push_back({"stopped for an hour",
                  {},
                  [down](World& world) {
                    world.daemon.stop();
                    down(world);
                  },
                  [](World& world) { world.daemon.start(); }});
  rows.push_back({"killed, an hour down",
                  {},
                  [down](World& world) {
                    world.kill();
                    down(world);
                  },
                  [](World& world) { world.daemon.start(); }});
  rows.push_back(two_receivers_row(false));
  rows.push_back(two_receivers_row(true));
  const std::set<std::string> few{"429, Retry-After in seconds", "truncated answer, message taken",
                                  "404 no_service, mended",      "kill -9 every 37 s, Slack 500",
                                  "disk full for an hour",       "clock a day backwards, Slack 500"};
  for (Row& row : rows) row.shortly = few.contains(row.fault);
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto given = [&](const char* word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  std::string wanted;
  for (const std::string& word : words) wanted = word.starts_with("--") ? wanted : word;
  bool failed = false;
  fmt::print("{:<36} {:>7} {:>5} {:>10} {:>9} {:>4}  {}\n", "fault", "planned", "sent", "duplicates",
             "in flight", "lost", "time to recover");
  for (const Row& row : all_rows()) {
    if (row.fault.find(wanted) == std::string::npos) continue;
    if (given("--short") && !row.shortly) continue;
    const Outcome outcome = play(row, given("--texts"), given("--short") ? 1min : 15s);
    fmt::print("{:<36} {:>7} {:>5} {:>10} {:>9} {:>4}  {}{}\n", row.fault, outcome.planned, outcome.sent,
               outcome.duplicates, outcome.in_flight, outcome.lost.size(), human_duration(outcome.recovery),
               outcome.bad() ? "  FAILED" : "");
    for (const std::string& lost : outcome.lost) fmt::print("    {}\n", lost);
    std::fflush(stdout);
    failed |= outcome.bad();
  }
  fmt::print("{}\n", failed ? "FAILED" : "ok: nothing lost, nothing told twice but what was under way");
  return failed ? 1 : 0;
}
