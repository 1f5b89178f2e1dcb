// A LocalApi on a socket of its own, its event loop on a thread, the fake's alerts behind it: what the
// operator's command talks to in tests.
#pragma once

#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "daemon/api/local_api.h"
#include "daemon/base/system_clock.h"
#include "tests/api/fake_operations.h"
#include "tests/api/fake_views.h"
#include "tests/support/temp_dir.h"

namespace redflag::test {

/// Sleeps as the system does, and always tells the same time.
class StoppedClock : public SystemClock {
 public:
  Time now() const override { return kDocumentedNow; }
};

/// `operations` may be looked at and changed before a request and after its answer, and after stop().
class RunningApi {
 public:
  explicit RunningApi(mode_t mode = 0600) {
    fill(operations);
    api_.emplace(context_.get_executor(), clock_, operations, views,
                 ApiSettings{directory / "run/api.sock", mode, ""});
    if (const Result<void> started = api_->start(); !started)
      throw std::runtime_error(started.error().text());
    thread_ = std::thread([this] { context_.run(); });
  }
  ~RunningApi() { stop(); }
  RunningApi(const RunningApi&) = delete;
  RunningApi& operator=(const RunningApi&) = delete;

  void stop() {
    if (!thread_.joinable()) return;
    asio::co_spawn(
        context_, [this]() { return api_->stop(std::chrono::seconds{10}); }, asio::detached);
    thread_.join();
  }

  const std::string& socket() const { return api_->socket(); }
  /// Before the first request.
  void serve_page_at(const std::string& url) {
    api_->handlers().set_page_login([url] { return url; });
  }

  TempDir directory;

 private:
  asio::io_context context_{1};
  StoppedClock clock_;
  std::optional<LocalApi> api_;
  std::thread thread_;

 public:
  FakeOperations operations{clock_};
  FakeViews views;
};

}  // namespace redflag::test
