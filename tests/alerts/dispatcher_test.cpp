#include "alerts/outbox/dispatcher.h"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>

#include "alerts/slack/slack_sink.h"
#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;

namespace {

OutboxMessage message(const std::string& id, double created = 0, const std::string& channel = "slack") {
  OutboxMessage m;
  m.id = id;
  m.channel = channel;
  m.payload = "{\"blocks\":1}";
  m.fallback = "{\"text\":1}";
  m.created = at(created);
  return m;
}

Verdict slack(int status, const std::string& body, const std::string& retry_after = {}) {
  SinkAnswer a;
  a.status = status;
  a.body = body;
  a.retry_after = retry_after;
  return classify_slack_answer(a, at(0));
}

Verdict refused() {
  SinkAnswer a;
  a.transport_error = true;
  a.transport_text = "connection refused";
  return classify_slack_answer(a, at(0));
}

/// A receiver and a clock: sends whatever the dispatcher gives out, until it has nothing to do before `end`.
struct Simulation {
  Dispatcher dispatcher{42};
  Time now = at(0);
  std::function<Verdict(const OutboxMessage&, Time)> receiver = [](const OutboxMessage&, Time) {
    return slack(200, "ok");
  };
  std::map<std::string, OutboxMessage> store;
  std::vector<std::string> delivered;
  std::vector<Time> attempts;
  std::vector<Time> delivered_at;
  Duration takes = 100ms;  // one attempt

  void add(const OutboxMessage& m) {
    store[m.id] = m;
    REQUIRE(dispatcher.enqueue(m));
  }

  void run_until(Time end) {
    while (now <= end) {
      if (auto m = dispatcher.next(now)) {
        attempts.push_back(now);
        now += takes;
        const Verdict verdict = receiver(*m, now);
        if (verdict.outcome == Outcome::sent) {
          delivered.push_back(m->id);
          delivered_at.push_back(now);
        }
        const auto record = dispatcher.on_verdict(m->id, verdict, now);
        REQUIRE(record);
        store[m->id] = *record;
        continue;
      }
      const auto wakeup = dispatcher.next_wakeup(now);
      if (!wakeup || *wakeup > end) break;
      REQUIRE(*wakeup > now);  // a wakeup now with nothing to send would spin
      now = *wakeup;
    }
    now = std::max(now, end);
  }

  ChannelHealth health(const std::string& channel = "slack") const {
    for (const ChannelHealth& h : dispatcher.health(now)) {
      if (h.channel == channel) return h;
    }
    return {};
  }
};

std::vector<std::string> numbered(int count) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) ids.push_back("m" + std::to_string(i));
  return ids;
}

}  // namespace

TEST_CASE("messages leave in order, a short burst at once and then one a second", "[outbox]") {
  Simulation s;
  s.takes = 0ms;
  for (const auto& id : numbered(10)) s.add(message(id));
  s.run_until(at(0));
  CHECK(s.delivered.size() == 4);
  s.run_until(at(3));
  CHECK(s.delivered.size() == 7);
  s.run_until(at(60));
  CHECK(s.delivered == numbered(10));
  CHECK_FALSE(s.dispatcher.next_wakeup(s.now));
  CHECK(s.health().healthy);
  CHECK(s.health().queued == 0);
}

TEST_CASE("one message at a time is in flight on a channel, and channels do not wait for one another",
          "[outbox]") {
  Dispatcher d(1);
  REQUIRE(d.enqueue(message("a")));
  REQUIRE(d.enqueue(message("b")));
  REQUIRE(d.enqueue(message("c", 0, "log")));
  const auto first = d.next(at(0));
  const auto second = d.next(at(0));
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->channel != second->channel);
  CHECK_FALSE(d.next(at(100)));
  CHECK_FALSE(d.next("slack", at(100)));
  CHECK_FALSE(d.next("no such channel", at(100)));
}

TEST_CASE("a message is taken once, also after it was sent or parked", "[outbox]") {
  Simulation s;
  s.add(message("a"));
  CHECK_FALSE(s.dispatcher.enqueue(message("a")));
  s.run_until(at(1));
  CHECK_FALSE(s.dispatcher.enqueue(message("a")));
  s.receiver = [](const OutboxMessage&, Time) { return slack(404, "no_service"); };
  s.add(message("b"));
  s.run_until(at(5));
  CHECK_FALSE(s.dispatcher.enqueue(message("b")));
  s.receiver = [](const OutboxMessage&, Time) { return slack(200, "ok"); };
  const auto again = s.dispatcher.retry("b");
  REQUIRE(again);
  CHECK(again->state == MessageState::queued);
  s.run_until(at(10));
  CHECK(s.delivered == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(s.dispatcher.retry("b"));
  CHECK_FALSE(s.dispatcher.drop("b"));
}

TEST_CASE("eight hours without the receiver lose nothing, double nothing and keep the order",
          "[outbox][outage]") {
  Simulation s;
  const Time back = at(8 * 3600);
  s.receiver = [&](const OutboxMessage&, Time now) { return now < back ? refused() : slack(200, "ok"); };
  std::vector<std::string> ids;
  for (int minute = 0; minute < 8 * 60; minute += 2) {
    ids.push_back("m" + std::to_string(minute));
    s.add(message(ids.back(), minute * 60));
    s.run_until(at(minute * 60 + 119));
  }
  const ChannelHealth down = s.health();
  CHECK_FALSE(down.healthy);
  CHECK(down.since < at(60 * 10));
  CHECK(down.queued == ids.size());
  CHECK_THAT(down.last_error, ContainsSubstring("connection refused"));
  CHECK(s.attempts.size() < 1500);  // a probe a minute or so, not one for every message
  s.run_until(back + 10min);
  CHECK(std::set<std::string>(s.delivered.begin(), s.delivered.end()).size() == ids.size());  // lost 0
  CHECK(s.delivered.size() == ids.size());                                                    // duplicates 0
  CHECK(s.delivered_at.front() <= back + 80s);
  // The one that probed goes first; the others in the order they came.
  std::vector<std::string> rest(s.delivered.begin() + 1, s.delivered.end());
  std::vector<std::string> expected = ids;
  std::erase(expected, s.delivered.front());
  CHECK(rest == expected);
  CHECK(s.health().healthy);
}

TEST_CASE("429 without Retry-After pauses the channel for longer each time", "[outbox][429]") {
  Simulation s;
  int limited = 3;
  s.receiver = [&](const OutboxMessage&, Time) {
    return limited-- > 0 ? slack(429, "slow down") : slack(200, "ok");
  };
  s.add(message("a"));
  s.add(message("b"));
  s.run_until(at(1));
  CHECK(s.attempts.size() == 1);
  CHECK(s.health().paused_until > at(29));
  s.run_until(at(1000));
  REQUIRE(s.attempts.size() == 5);
  CHECK(s.attempts[1] - s.attempts[0] >= 30s);
  CHECK(s.attempts[2] - s.attempts[1] >= 60s);
  CHECK(s.attempts[3] - s.attempts[2] >= 120s);
  CHECK(s.delivered == std::vector<std::string>{"a", "b"});
}

TEST_CASE("429 with Retry-After pauses exactly that channel for exactly that long", "[outbox][429]") {
  Simulation s;
  bool limited = true;
  s.receiver = [&](const OutboxMessage& m, Time) {
    if (m.channel != "slack" || !limited) return slack(200, "ok");
    limited = false;
    return slack(429, "", "45");
  };
  s.add(message("a"));
  s.add(message("b"));
  s.add(message("other", 0, "second"));
  s.run_until(at(40));
  CHECK(s.delivered == std::vector<std::string>{"other"});
  s.run_until(at(50));
  CHECK(s.delivered == std::vector<std::string>{"other", "a", "b"});
}

TEST_CASE("an endless Retry-After is not waited for", "[outbox][429]") {
  Simulation s;
  bool limited = true;
  s.receiver = [&](const OutboxMessage&, Time) {
    return std::exchange(limited, false) ? slack(429, "", "999999999") : slack(200, "ok");
  };
  s.add(message("a"));
  s.run_until(at(3700));
  CHECK(s.delivered.size() == 1);
}

TEST_CASE("a revoked webhook parks the messages and marks the channel, until a person mends it",
          "[outbox][permanent]") {
  Simulation s;
  bool revoked = true;
  s.receiver = [&](const OutboxMessage&, Time) {
    return revoked ? slack(404, "no_service") : slack(200, "ok");
  };
  s.add(message("a"));
  s.add(message("b"));
  s.run_until(at(60));
  CHECK(s.attempts.size() == 2);
  CHECK(s.store["a"].state == MessageState::parked);
  CHECK_THAT(s.store["a"].last_error, ContainsSubstring("no_service"));
  CHECK_FALSE(s.health().healthy);
  CHECK(s.health().parked == 2);
  CHECK(s.health().queued == 0);
  CHECK_FALSE(s.dispatcher.next_wakeup(s.now));
  revoked = false;
  s.add(message("c"));
  s.run_until(at(120));
  CHECK(s.health().healthy);
  CHECK(s.health().parked == 2);
}

TEST_CASE("a form that Slack refuses is sent once more as plain text, then parked", "[outbox][400]") {
  Simulation s;
  std::vector<std::string> payloads;
  bool plain_works = true;
  s.receiver = [&](const OutboxMessage& m, Time) {
    payloads.push_back(m.payload);
    return plain_works && m.payload == "{\"text\":1}" ? slack(200, "ok") : slack(400, "invalid_blocks");
  };
  s.add(message("a"));
  s.run_until(at(10));
  CHECK(payloads == std::vector<std::string>{"{\"blocks\":1}", "{\"text\":1}"});
  CHECK(s.store["a"].state == MessageState::sent);
  CHECK(s.health().healthy);
  plain_works = false;
  s.add(message("b"));
  s.run_until(at(20));
  CHECK(payloads.size() == 4);
  CHECK(s.store["b"].state == MessageState::parked);
  CHECK_FALSE(s.health().healthy);
}

TEST_CASE("one message that always fails does not hold up the others", "[outbox]") {
  Simulation s;
  int poison = 0;
  s.receiver = [&](const OutboxMessage& m, Time) {
    if (m.id != "poison") return slack(200, "ok");
    ++poison;
    return slack(500, "rollup_error");
  };
  s.add(message("poison"));
  for (const auto& id : numbered(20)) s.add(message(id));
  s.run_until(at(60));
  CHECK(s.delivered == numbered(20));
  s.run_until(at(3600));
  CHECK(poison >= 12);  // at least every five minutes
  CHECK(poison < 25);
  // A late message finds the channel free, whatever the sick one is waiting for.
  s.add(message("late"));
  const Time asked = s.now;
  s.run_until(asked + 2s);
  CHECK(s.delivered.back() == "late");
}

TEST_CASE("waits double from a second to five minutes, and differ between messages", "[outbox]") {
  Simulation s;
  s.takes = 0ms;
  s.receiver = [](const OutboxMessage&, Time) { return slack(503, ""); };
  s.add(message("a"));
  s.run_until(at(4000));
  REQUIRE(s.attempts.size() > 12);
  for (std::size_t i = 1; i < s.attempts.size(); ++i) {
    const Duration nominal =
        std::min<Duration>(Duration{1s} * (1LL << std::min<std::size_t>(i - 1, 20)), 5min);
    const Duration wait = s.attempts[i] - s.attempts[i - 1];
    CHECK(wait >= nominal * 4 / 5);
    CHECK(wait <= std::min<Duration>(nominal * 6 / 5, 5min));
  }
  Dispatcher other(43);
  REQUIRE(other.enqueue(message("a")));
  other.next(at(0));
  const auto record = other.on_verdict("a", slack(503, ""), at(0));
  CHECK(record->not_before != s.attempts[1]);
  CHECK(record->state == MessageState::queued);
  CHECK(record->attempts == 1);
}

TEST_CASE("a clock set back by a day makes nothing wait a day", "[outbox][clock]") {
  Simulation s;
  s.receiver = [](const OutboxMessage&, Time) { return slack(429, "", "60"); };
  s.add(message("a"));
  s.run_until(at(5));
  s.now = at(-86400);
  s.receiver = [](const OutboxMessage&, Time) { return slack(200, "ok"); };
  s.run_until(at(-86400 + 50));
  CHECK(s.delivered.empty());  // what Slack asked for still holds
  s.run_until(at(-86400 + 61));
  CHECK(s.delivered.size() == 1);
  for (const auto& id : numbered(10)) s.add(message(id));
  s.run_until(s.now);
  s.now = at(-9 * 86400);
  s.run_until(s.now + 20s);
  CHECK(s.delivered.size() == 11);
}

TEST_CASE("a wait that was kept under a wrong clock is cut to the longest there is",
          "[outbox][clock][restart]") {
  Simulation s;
  OutboxMessage m = message("a");
  m.not_before = at(86400 * 365);
  m.attempts = 3;
  s.dispatcher.restore({m});
  s.run_until(at(301));
  CHECK(s.delivered.size() == 1);
}

TEST_CASE("an unknown verdict or one given twice changes nothing", "[outbox]") {
  Dispatcher d(1);
  CHECK_FALSE(d.on_verdict("nobody", slack(200, "ok"), at(0)));
  REQUIRE(d.enqueue(message("a")));
  CHECK_FALSE(d.on_verdict("a", slack(200, "ok"), at(0)));  // not in flight
  REQUIRE(d.next(at(0)));
  CHECK_FALSE(d.drop("a"));
  CHECK_FALSE(d.retry("a"));
  CHECK(d.on_verdict("a", slack(200, "ok"), at(0)));
  CHECK_FALSE(d.on_verdict("a", slack(200, "ok"), at(0)));
}

// Kill -9 at random moments, random faults, random clock jumps; only the store survives.
TEST_CASE("random faults and kills lose nothing and double at most what was in flight",
          "[outbox][property]") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    std::map<std::string, OutboxMessage> store;
    std::vector<std::string> order;
    std::map<std::string, int> received;
    int kills_in_flight = 0;
    auto dispatcher = std::make_unique<Dispatcher>(seed);
    Time now = at(0);
    int made = 0;
    const auto restart = [&] {
      dispatcher = std::make_unique<Dispatcher>(seed + made);
      std::vector<OutboxMessage> kept;
      for (const std::string& id : order) kept.push_back(store[id]);
      dispatcher->restore(std::move(kept));
    };
    for (int round = 0; round < 3000; ++round) {
      if (round < 2000 && random() % 10 == 0) {
        const std::string id = "m" + std::to_string(made++);
        order.push_back(id);
        store[id] = message(id);
        REQUIRE(dispatcher->enqueue(store[id]));
      }
      if (random() % 200 == 0) now -= std::chrono::seconds(random() % 100000);
      auto m = dispatcher->next(now);
      if (!m) {
        const auto wakeup = dispatcher->next_wakeup(now);
        now = wakeup ? std::max(*wakeup, now + 1ms) : now + 1s;
        continue;
      }
      const bool fault = round < 2500 && random() % 3 == 0;
      if (!fault) ++received[m->id];
      if (round < 2500 && random() % 50 == 0) {  // killed before the answer was recorded
        if (!fault) ++kills_in_flight;
        restart();
        continue;
      }
      Verdict verdict = slack(200, "ok");
      if (fault) {
        switch (random() % 5) {
          case 0:
            verdict = slack(429, "");
            break;
          case 1:
            verdict = slack(500, "");
            break;
          case 2:
            verdict = slack(200, "no");
            break;
          case 3:
            verdict = slack(400, "invalid_blocks");
            break;
          default:
            verdict = refused();
        }
      }
      const auto record = dispatcher->on_verdict(m->id, verdict, now);
      REQUIRE(record);
      store[m->id] = *record;
      if (random() % 100 == 0) restart();
    }
    INFO("seed " << seed);
    int duplicates = 0;
    for (const std::string& id : order) {
      const OutboxMessage& m = store[id];
      if (m.state == MessageState::parked) continue;  // refused twice: kept for a person
      REQUIRE(m.state == MessageState::sent);
      REQUIRE(received[id] >= 1);
    }
    for (const auto& [id, times] : received) duplicates += times - 1;
    REQUIRE(duplicates <= kills_in_flight);
  }
}
