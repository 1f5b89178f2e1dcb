#include "daemon/app/dead_man.h"

#include <utility>

#include <fmt/format.h>

#include "daemon/base/log.h"

namespace redflag::daemon {

DeadMan::DeadMan(Secret url, Duration interval, HttpTransport& transport, Clock& clock,
                 std::function<std::string()> trouble)
    : url_(std::move(url)),
      interval_(interval),
      transport_(transport),
      clock_(clock),
      trouble_(std::move(trouble)) {}

asio::awaitable<void> DeadMan::run() {
  for (;;) {
    if (const std::string trouble = trouble_(); trouble.empty()) {
      co_await ping();
    } else {
      note(trouble);
    }
    co_await clock_.sleep(interval_);
  }
}

asio::awaitable<void> DeadMan::ping() {
  HttpRequest request;
  request.url = std::string(url_.reveal());
  request.label = "dead man's switch";
  request.timeout = std::chrono::seconds{15};
  request.max_response_bytes = 64 * 1024;
  const Result<HttpResponse> response = co_await transport_.send(std::move(request));
  if (!response) {
    note(response.error().text());
  } else {
    note(response->status / 100 == 2 ? std::string() : fmt::format("it answered {}", response->status));
  }
}

/// A line when it changes: the other end says the rest.
void DeadMan::note(const std::string& problem) {
  if (problem == problem_) return;
  if (problem.empty()) {
    log_info("redflagd", "the dead man's switch is told again that all is well");
  } else {
    log_warning("redflagd", "the dead man's switch was not told that all is well: {}", problem);
  }
  problem_ = problem;
}

}  // namespace redflag::daemon
