// What a thread beside the event loop needs to hand its result over, for work that may hang for ever (DNS, a
// dead NFS mount, a driver): the thread holds the letter box, never the loop's own objects.
#pragma once

#include <mutex>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <signal.h>

namespace redflag::daemon {

namespace asio = boost::asio;

/// The only thing that such a thread shares with the loop.
struct LetterBox {
  std::mutex mutex;
  asio::any_io_executor executor;  // empty once closed

  void close() {
    const std::lock_guard lock(mutex);
    executor = nullptr;
  }
  template <typename Function>
  void deliver(Function function) {
    // Under the lock, so that the loop cannot go away between the look and the post.
    const std::lock_guard lock(mutex);
    if (executor) {
      asio::post(executor, std::move(function));
    }
  }
};

/// While it lives, threads are started with all signals blocked: those are for the loop's thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace redflag::daemon
