// A coroutine with a time limit by the injected clock. The only place for Asio's awaitable operators: when
// both sides are cancelled they throw multiple_exceptions, which nobody takes for a cancellation
// (tests/lint/includes.sh keeps them here).
#pragma once

#include <optional>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "daemon/base/clock.h"

namespace redflag::daemon {

/// What `work` returned, or nullopt when `limit` passed first; `work` has then been cancelled and has ended.
/// Throws operation_aborted when the caller is cancelled. `work` must not throw but for cancellation.
template <typename T>
asio::awaitable<std::optional<T>> timed(Clock& clock, Duration limit, asio::awaitable<T> work) {
  using namespace asio::experimental::awaitable_operators;
  // Without this the operator itself would throw at a resumption whose work is done, and what it brought
  // would be lost.
  co_await asio::this_coro::throw_if_cancelled(false);
  std::optional<T> result;
  bool failed = false;
  try {
    auto first = co_await (std::move(work) || clock.sleep(limit));
    if (first.index() == 0) result.emplace(std::move(std::get<0>(first)));
  } catch (const std::exception&) {
    failed = true;  // neither came to its end: cancelled
  }
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  co_await asio::this_coro::throw_if_cancelled(true);
  if (failed || state.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  co_return result;
}

/// The same for what returns nothing: true when `work` came to its end, false when `limit` passed first.
inline asio::awaitable<bool> timed(Clock& clock, Duration limit, asio::awaitable<void> work) {
  const auto done = [](asio::awaitable<void> all) -> asio::awaitable<bool> {
    co_await std::move(all);
    co_return true;
  };
  const std::optional<bool> ended = co_await timed<bool>(clock, limit, done(std::move(work)));
  co_return ended.has_value();
}

}  // namespace redflag::daemon
