// DNS in all its moods. No test here asks a real DNS server.
#include "daemon/net/resolver.h"

#include <atomic>
#include <future>
#include <latch>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <netdb.h>

#include "server.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;
using test::run;

namespace {

using Answer = Result<std::vector<asio::ip::address>>;

const asio::ip::address kAddress = asio::ip::make_address("192.0.2.7");

/// A DNS that hangs until it is let go. Shared with the threads that hang in it, which may outlive the test's
/// other objects.
struct Hanging {
  std::latch gate{1};
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};

  static Lookup lookup(const std::shared_ptr<Hanging>& self) {
    return [self](const std::string&) {
      ++self->asked;
      self->gate.wait();
      ++self->answered;
      return LookupAnswer{0, {kAddress}};
    };
  }
};

ResolverSettings with(Lookup lookup) {
  ResolverSettings settings;
  settings.lookup = std::move(lookup);
  return settings;
}

}  // namespace

TEST_CASE("An IP literal needs no DNS", "[net][dns]") {
  asio::io_context io;
  Resolver resolver(io.get_executor(),
                    with([](const std::string&) -> LookupAnswer { throw std::logic_error("asked"); }));
  CHECK(run(io, resolver.resolve("127.0.0.1", 1s, "")).value().front() ==
        asio::ip::make_address("127.0.0.1"));
  CHECK(run(io, resolver.resolve("::1", 1s, "")).value().front() == asio::ip::make_address("::1"));
}

TEST_CASE("The system's own lookup knows localhost", "[net][dns]") {
  asio::io_context io;
  Resolver resolver(io.get_executor());
  const Answer answer = run(io, resolver.resolve("localhost", 10s, ""));
  REQUIRE(answer);
  CHECK(answer->front().is_loopback());
}

TEST_CASE("An answer is remembered for a while and then asked for again", "[net][dns]") {
  asio::io_context io;
  auto now = std::make_shared<std::chrono::steady_clock::time_point>();
  auto asked = std::make_shared<std::atomic<int>>(0);
  ResolverSettings settings = with([asked](const std::string&) {
    ++*asked;
    return LookupAnswer{0, {kAddress}};
  });
  settings.now = [now] { return *now; };
  Resolver resolver(io.get_executor(), settings);
  CHECK(run(io, resolver.resolve("api.test", 10s, "")).value().front() == kAddress);
  *now += 29s;
  CHECK(run(io, resolver.resolve("api.test", 10s, "")));
  CHECK(*asked == 1);
  *now += 2s;
  CHECK(run(io, resolver.resolve("api.test", 10s, "")));
  CHECK(*asked == 2);
}

TEST_CASE("A failed lookup says what to check, and is tried again at the next request", "[net][dns]") {
  asio::io_context io;
  auto asked = std::make_shared<std::atomic<int>>(0);
  Resolver resolver(io.get_executor(), with([asked](const std::string&) {
                      return ++*asked == 1 ? LookupAnswer{EAI_NONAME, {}} : LookupAnswer{0, {kAddress}};
                    }));
  const Answer answer = run(io, resolver.resolve("api.test", 10s, "W&B"));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ErrorCode::unavailable);
  CHECK(answer.error().retryable);
  CHECK_THAT(answer.error().text(), ContainsSubstring("W&B") && ContainsSubstring("api.test"));
  CHECK_FALSE(answer.error().advice.empty());
  CHECK(run(io, resolver.resolve("api.test", 10s, "W&B")));
}

TEST_CASE("A lookup that throws is a failed lookup", "[net][dns]") {
  asio::io_context io;
  Resolver resolver(io.get_executor(),
                    with([](const std::string&) -> LookupAnswer { throw std::bad_alloc(); }));
  CHECK(run(io, resolver.resolve("api.test", 10s, "")).error().code == ErrorCode::unavailable);
}

TEST_CASE("A DNS that hangs times out, and destroying everything does not wait for it", "[net][dns]") {
  auto hanging = std::make_shared<Hanging>();
  {
    asio::io_context io;
    Resolver resolver(io.get_executor(), with(Hanging::lookup(hanging)));
    const Answer answer = run(io, resolver.resolve("api.test", 20ms, "W&B"));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::timed_out);
    CHECK_THAT(answer.error().text(), ContainsSubstring("api.test"));
  }
  // Were anything here to wait for the lookup, the test would hang: only this line lets it go.
  CHECK(hanging->answered == 0);
  hanging->gate.count_down();
}

TEST_CASE("Stopping ends a wait for DNS at once, and nothing is looked up afterwards", "[net][dns]") {
  auto hanging = std::make_shared<Hanging>();
  asio::io_context io;
  Resolver resolver(io.get_executor(), with(Hanging::lookup(hanging)));
  asio::post(io, [&] { resolver.stop(); });
  CHECK(run(io, resolver.resolve("api.test", 1h, "")).error().code == ErrorCode::cancelled);
  CHECK(run(io, resolver.resolve("api.test", 1h, "")).error().code == ErrorCode::cancelled);
  CHECK(hanging->answered == 0);
  hanging->gate.count_down();
}

TEST_CASE("A loop destroyed while a coroutine waits for DNS leaves nothing behind", "[net][dns]") {
  auto hanging = std::make_shared<Hanging>();
  {
    asio::io_context io;
    Resolver resolver(io.get_executor(), with(Hanging::lookup(hanging)));
    asio::co_spawn(io, resolver.resolve("api.test", 1h, ""), asio::detached);
    io.poll();
  }
  CHECK(hanging->answered == 0);
  hanging->gate.count_down();
}

TEST_CASE("A cancelled wait for DNS ends though the lookup goes on", "[net][dns]") {
  auto hanging = std::make_shared<Hanging>();
  asio::io_context io;
  Resolver resolver(io.get_executor(), with(Hanging::lookup(hanging)));
  asio::cancellation_signal signal;
  bool ended = false;
  asio::co_spawn(io, resolver.resolve("api.test", 1h, ""),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, Answer answer) {
                   ended = !answer && answer.error().code == ErrorCode::cancelled;
                 }));
  asio::post(io, [&] { signal.emit(asio::cancellation_type::terminal); });
  io.run();
  CHECK(ended);
  CHECK(hanging->answered == 0);
  hanging->gate.count_down();
}

TEST_CASE("All who ask for a host share one lookup, and no more lookups run than allowed", "[net][dns]") {
  auto hanging = std::make_shared<Hanging>();
  asio::io_context io;
  ResolverSettings settings = with(Hanging::lookup(hanging));
  settings.threads = 2;
  Resolver resolver(io.get_executor(), settings);
  int answers = 0;
  const auto count = [&](std::exception_ptr, Answer answer) { answers += answer ? 1 : 0; };
  for (const char* host : {"a.test", "a.test", "a.test", "b.test", "c.test", "d.test"}) {
    asio::co_spawn(io, resolver.resolve(host, 1h, ""), count);
  }
  io.poll();
  // Threads are started before poll() returns, but need not have come as far as asking.
  CHECK(hanging->asked <= 2);
  hanging->gate.count_down();
  io.run();
  CHECK(answers == 6);
  CHECK(hanging->asked == 4);
}

TEST_CASE("A queued host nobody waits for any more is not looked up", "[net][dns]") {
  auto hanging = std::make_shared<Hanging>();
  asio::io_context io;
  ResolverSettings settings = with(Hanging::lookup(hanging));
  settings.threads = 1;
  Resolver resolver(io.get_executor(), settings);
  bool answered = false;
  asio::co_spawn(io, resolver.resolve("a.test", 1h, ""),
                 [&](std::exception_ptr, Answer a) { answered = a.has_value(); });
  io.poll();
  CHECK(run(io, resolver.resolve("b.test", 20ms, "")).error().code == ErrorCode::timed_out);
  hanging->gate.count_down();
  io.restart();
  io.run();
  CHECK(answered);
  CHECK(hanging->asked == 1);
}
