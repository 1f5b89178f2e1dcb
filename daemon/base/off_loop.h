// Work that may hang for ever (statvfs on a dead NFS mount, a GPU driver), kept off the event loop: it has a
// thread of its own and a time limit. What hangs costs one thread, not one a turn.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/event.h"
#include "daemon/base/letter_box.h"
#include "daemon/base/timed.h"

namespace redflag::daemon {

/// One kind of work that yields a T. Use it on the loop's thread.
template <typename T>
class OffLoop {
 public:
  explicit OffLoop(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}
  OffLoop(const OffLoop&) = delete;
  OffLoop& operator=(const OffLoop&) = delete;
  /// A thread that still hangs is left behind; what it brings is dropped.
  ~OffLoop() { state_->box->close(); }

  /// What was asked before has not come back yet.
  bool hangs() const { return state_->busy; }

  /// nullopt when `work` did not come back within `limit`, when the work before it still hangs (nothing is
  /// started then), or when there is no thread to be had. `work` owns all it needs and does not throw.
  asio::awaitable<std::optional<T>> run(Clock& clock, Duration limit, std::function<T()> work) {
    const std::shared_ptr<State> state = state_;
    if (state->busy) co_return std::nullopt;
    state->answer.reset();
    const std::uint64_t seen = state->done.count();
    try {
      const SignalsBlocked blocked;
      std::thread([box = state->box, weak = std::weak_ptr<State>(state), job = std::move(work)] {
        std::shared_ptr<T> answer = std::make_shared<T>(job());
        box->deliver([weak, answer = std::move(answer)] {
          const std::shared_ptr<State> waiting = weak.lock();
          if (!waiting) return;
          waiting->busy = false;
          waiting->answer = std::move(*answer);
          waiting->done.set();
        });
      }).detach();
    } catch (const std::system_error&) {
      co_return std::nullopt;
    }
    state->busy = true;
    const bool came = co_await timed(clock, limit, state->done.wait_past(seen));
    if (!came || !state->answer) co_return std::nullopt;
    co_return std::exchange(state->answer, std::nullopt);
  }

 private:
  struct State {
    explicit State(asio::any_io_executor executor) : done(executor) { box->executor = std::move(executor); }
    std::shared_ptr<LetterBox> box = std::make_shared<LetterBox>();
    Event done;
    std::optional<T> answer;
    bool busy = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace redflag::daemon
