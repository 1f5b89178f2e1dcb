#include <string>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/base/event.h"
#include "daemon/base/simulated_clock.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> note_after(Clock& clock, Duration delay, std::string name,
                                 std::vector<std::string>& notes) {
  co_await clock.sleep(delay);
  notes.push_back(name + " at " + to_rfc3339(clock.now()));
}

}  // namespace

TEST_CASE("eight hours of simulated time pass at once, and everybody wakes in the order of their time",
          "[clock]") {
  asio::io_context context;
  SimulatedClock clock(*parse_rfc3339("2026-11-23T00:00:00Z"));
  std::vector<std::string> notes;
  asio::co_spawn(context, note_after(clock, 8h, "late", notes), asio::detached);
  asio::co_spawn(context, note_after(clock, 5s, "early", notes), asio::detached);
  clock.run_for(context, 9h);
  CHECK(notes == std::vector<std::string>{"early at 2026-11-23T00:00:05Z", "late at 2026-11-23T08:00:00Z"});
}

TEST_CASE("a jump of the wall clock does not wake anybody early", "[clock]") {
  asio::io_context context;
  SimulatedClock clock(*parse_rfc3339("2026-11-23T00:00:00Z"));
  std::vector<std::string> notes;
  asio::co_spawn(context, note_after(clock, 1h, "sleeper", notes), asio::detached);
  clock.run_for(context, 1min);
  clock.jump_wall_clock(3h);
  clock.run_for(context, 1min);
  CHECK(notes.empty());
  clock.run_for(context, 1h);
  CHECK(notes == std::vector<std::string>{"sleeper at 2026-11-23T04:00:00Z"});
}

TEST_CASE("a cancelled sleep ends at once and leaves nothing behind in the clock", "[clock]") {
  asio::io_context context;
  SimulatedClock clock(*parse_rfc3339("2026-11-23T00:00:00Z"));
  std::vector<std::string> notes;
  asio::cancellation_signal signal;
  bool ended = false;
  asio::co_spawn(context, note_after(clock, 1h, "never", notes),
                 asio::bind_cancellation_slot(
                     signal.slot(), [&](const std::exception_ptr& error) { ended = error != nullptr; }));
  clock.run_for(context, 1s);
  signal.emit(asio::cancellation_type::terminal);
  clock.run_for(context, 2h);
  CHECK(ended);
  CHECK(notes.empty());
}

TEST_CASE("an event set between looking and waiting is not missed", "[event]") {
  asio::io_context context;
  Event event(context.get_executor());
  const auto seen = event.count();
  event.set();
  bool woken = false;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        co_await event.wait_past(seen);
        woken = true;
      },
      asio::detached);
  context.poll();
  CHECK(woken);
}
