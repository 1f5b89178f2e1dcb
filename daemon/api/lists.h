// What the handlers' files have in common: lists written in pieces, with the event loop running in between,
// and what the operations and views refuse.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "daemon/api/forms.h"

namespace redflag::daemon::api {

/// Entries between two turns of the event loop.
inline constexpr std::size_t kWrittenAtOnce = 64;

/// `[…]` of the first `shown` of `all`.
template <typename T, typename Form>
asio::awaitable<std::string> array_of(const std::vector<T>& all, std::size_t shown, Form form) {
  std::string text = "[";
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += ',';
    text += form(all[i]);
    if (i % kWrittenAtOnce == kWrittenAtOnce - 1)
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
  co_return text + ']';
}

/// `"name":[…],"total":N,"cut":false` of at most `limit` entries.
template <typename T, typename Form>
asio::awaitable<std::string> list_of(std::string_view name, const std::vector<T>& all, std::size_t limit,
                                     Form form) {
  const std::size_t shown = std::min(limit, all.size());
  const std::string text = co_await array_of(all, shown, form);
  co_return fmt::format("\"{}\":{},\"total\":{},\"cut\":{}", name, text, all.size(), shown < all.size());
}

template <typename T>
ServerResponse refused(const Result<T>& result) {
  return error_response(result.error());
}

}  // namespace redflag::daemon::api
