// A burst is one message, and nothing that joined it is lost, whatever the dispatcher is doing meanwhile.
#include "alerts/grouper.h"

#include <random>
#include <set>

#include "alerts/message_id.h"
#include "alerts/outbox/dispatcher.h"
#include "tests/alerts/builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;

namespace {

Notification about(const std::string& id, const std::string& run = "run-1",
                   Severity severity = Severity::warning, NotificationKind kind = NotificationKind::fired) {
  Notification n = fired();
  n.kind = kind;
  n.severity = severity;
  n.transitions[0].id = id;
  n.transitions[0].run = run;
  n.transitions[0].severity = severity;
  return n;
}

/// What the courier does: render, make durable (here: at once or later), enqueue.
struct Desk {
  Grouper grouper;
  Dispatcher dispatcher{1};

  OutboxMessage render(const Notification& n, Time now) {
    const auto place = grouper.add("slack", n, message_id(n, "slack"), now,
                                   [&](const std::string& id) { return dispatcher.hold(id); });
    OutboxMessage message;
    message.id = place.id;
    message.channel = "slack";
    message.revision = place.revision;
    message.not_before = place.due;
    message.created = now;
    for (const Notification& part : place.group->parts) message.payload += part.transitions.at(0).id + ' ';
    return message;
  }
  void tell(const Notification& n, Time now) { dispatcher.enqueue(render(n, now)); }
  /// Sends what is due; gives the payloads.
  std::vector<std::string> send(Time now) {
    std::vector<std::string> sent;
    while (const auto message = dispatcher.next(now)) {
      sent.push_back(message->payload);
      dispatcher.on_verdict(message->id, {.outcome = Outcome::sent}, now);
    }
    return sent;
  }
};

using Sent = std::vector<std::string>;

}  // namespace

TEST_CASE("what happens to one run within a second is one message; another run has its own", "[group]") {
  Desk desk;
  desk.tell(about("a"), at(0));
  desk.tell(about("b"), at(0.3));
  desk.tell(about("x", "run-2"), at(0.4));
  desk.tell(about("c"), at(0.9));
  CHECK(desk.send(at(0.95)) == Sent{});
  CHECK(desk.send(at(1.5)) == Sent{"a b c ", "x "});
}

TEST_CASE("what follows within half a minute waits to be told together; what is critical does not",
          "[group]") {
  Desk desk;
  desk.tell(about("a"), at(0));
  CHECK(desk.send(at(1)) == Sent{"a "});
  desk.tell(about("b"), at(5));
  desk.tell(about("c"), at(20));
  CHECK(desk.send(at(29)) == Sent{});
  CHECK(desk.send(at(31.1)) == Sent{"b c "});
  desk.tell(about("d"), at(40));
  desk.tell(about("e", "run-1", Severity::critical), at(41));
  CHECK(desk.send(at(42.1)) == Sent{"d e "});
  desk.tell(about("f"), at(3000));
  CHECK(desk.send(at(3001)) == Sent{"f "});
}

TEST_CASE("what joins a message on its way to the disk is in the form that is sent", "[group]") {
  Desk desk;
  const OutboxMessage first = desk.render(about("a"), at(0));
  const OutboxMessage second = desk.render(about("b"), at(0.1));
  CHECK(first.id == second.id);
  desk.dispatcher.enqueue(first);
  CHECK(desk.send(at(10)) == Sent{});  // the second form is not durable yet
  desk.dispatcher.enqueue(second);
  CHECK(desk.send(at(10)) == Sent{"a b "});
}

TEST_CASE("a message in flight takes nothing more: what comes then begins the next", "[group]") {
  Desk desk;
  desk.tell(about("a"), at(0));
  const auto flying = desk.dispatcher.next(at(2));
  REQUIRE(flying);
  desk.tell(about("b"), at(2));
  desk.dispatcher.on_verdict(flying->id, {.outcome = Outcome::retry, .reason = "busy"}, at(3));
  desk.tell(about("c"), at(4));
  std::set<std::string> sent;
  for (double now = 5; now < 600; now += 5) {
    for (const std::string& payload : desk.send(at(now))) sent.insert(payload);
  }
  CHECK(sent == std::set<std::string>{"a ", "b c "});
}

TEST_CASE("during an outage of the receiver a run's news gathers in one message, with a bound", "[group]") {
  Desk desk;
  for (int i = 0; i < 500; ++i) desk.tell(about(std::to_string(i)), at(i));
  CHECK(desk.send(at(1000)).size() == 3);  // 200 parts each at most
}

TEST_CASE("random bursts: everything that was told is in exactly one message that was sent",
          "[group][property]") {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    Desk desk;
    std::vector<OutboxMessage> committing;
    std::vector<OutboxMessage> flying;
    std::map<std::string, int> seen;
    double now = 0;
    const auto note = [&](const std::string& payload) {
      std::istringstream words(payload);
      for (std::string word; words >> word;) ++seen[word];
    };
    for (int i = 0; i < 300; ++i) {
      now += static_cast<double>(random() % 100) / 50;
      committing.push_back(desk.render(about(std::to_string(i), "run-" + std::to_string(random() % 3),
                                             static_cast<Severity>(random() % 3)),
                                       at(now)));
      if (random() % 3 == 0) {
        for (OutboxMessage& message : std::exchange(committing, {}))
          desk.dispatcher.enqueue(std::move(message));
      }
      if (random() % 4 == 0) {
        if (auto message = desk.dispatcher.next(at(now))) flying.push_back(std::move(*message));
      }
      if (!flying.empty() && random() % 2 == 0) {
        const bool sent = random() % 3 != 0;
        if (sent) note(flying.back().payload);
        desk.dispatcher.on_verdict(flying.back().id, {.outcome = sent ? Outcome::sent : Outcome::retry},
                                   at(now));
        flying.pop_back();
      }
    }
    for (OutboxMessage& message : committing) desk.dispatcher.enqueue(std::move(message));
    for (const OutboxMessage& message : flying) {
      note(message.payload);
      desk.dispatcher.on_verdict(message.id, {.outcome = Outcome::sent}, at(now));
    }
    for (int i = 0; i < 2000; ++i) {
      now += 10;
      for (const std::string& payload : desk.send(at(now))) note(payload);
    }
    INFO("seed " << seed);
    REQUIRE(seen.size() == 300);
    for (const auto& [id, times] : seen) REQUIRE(times == 1);
  }
}

TEST_CASE("what has waited for a week, and what is too much, is dropped and named", "[outbox][queue]") {
  Dispatcher d(1);
  for (int i = 0; i < 20; ++i) {
    OutboxMessage m;
    m.id = std::to_string(i);
    m.channel = "slack";
    m.created = at(i);
    REQUIRE(d.enqueue(m));
  }
  const auto flying = d.next(at(20));
  REQUIRE(flying);
  CHECK(d.expire(at(20), 168h, 100).empty());
  const auto over = d.expire(at(20), 168h, 15);
  REQUIRE(over.size() == 5);
  CHECK(over[0].id == "1");  // "0" is being sent
  CHECK(over[0].state == MessageState::dropped);
  const auto old = d.expire(at(10) + 168h, 168h, 100);
  CHECK(old.size() == 5);
  CHECK(d.messages().size() == 10);
  CHECK_FALSE(d.enqueue(over[0]));  // dropped is dropped
}
