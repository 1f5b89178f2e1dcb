// Knows when a source last spoke HTTP: the proof for the watchdog that its pollers move.
#pragma once

#include <utility>

#include "daemon/base/clock.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

class ObservedTransport : public HttpTransport {
 public:
  ObservedTransport(HttpTransport& transport, Clock& clock)
      : transport_(transport), clock_(clock), active_at_(clock.monotonic()) {}

  asio::awaitable<Result<HttpResponse>> send(HttpRequest request) override {
    active_at_ = clock_.monotonic();
    Result<HttpResponse> response = co_await transport_.send(std::move(request));
    active_at_ = clock_.monotonic();
    co_return response;
  }
  /// Monotonic; of the last request or its answer, else of the start.
  Duration active_at() const { return active_at_; }

 private:
  HttpTransport& transport_;
  Clock& clock_;
  Duration active_at_;
};

}  // namespace redflag::daemon
