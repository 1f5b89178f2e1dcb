// A PageServer on a free port, its event loop on a thread; a fake's overview, and the API's handlers over
// fake alerts, behind it.
#pragma once

#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "daemon/api/handlers.h"
#include "daemon/base/system_clock.h"
#include "daemon/page/page_server.h"
#include "tests/api/fake_operations.h"
#include "tests/page/fake_views.h"
#include "tests/page/wire.h"

namespace redflag::test {

struct Heard {
  int status = 0;
  std::string head, body;
  /// Value of a header; empty when there is none.
  std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class RunningPage {
 public:
  explicit RunningPage(page::EventLimits limits = {}) {
    fill(operations);
    server_.emplace(
        context_.get_executor(), clock_, views,
        [this](ServerRequest request) { return handlers_.answer(std::move(request)); },
        *parse_loopback_address("127.0.0.1:0"), Secret(std::string(64, 'a')), limits);
    if (const Result<void> started = server_->start(); !started)
      throw std::runtime_error(started.error().text());
    const std::string url = server_->url();
    port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    asio::co_spawn(
        context_, [this]() { return server_->watch(); }, asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~RunningPage() {
    asio::co_spawn(
        context_,
        [this]() -> asio::awaitable<void> {
          co_await server_->stop(std::chrono::seconds{10});
          context_.stop();
        },
        asio::detached);
    thread_.join();
  }
  RunningPage(const RunningPage&) = delete;
  RunningPage& operator=(const RunningPage&) = delete;

  /// Does something on the loop's thread, and waits for it.
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    asio::post(context_, [&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }

  std::string login_path() {
    std::string url;
    on_loop([&] { url = server_->login_url(); });
    return url.substr(url.find("/login"));
  }
  std::size_t listeners() {
    std::size_t count = 0;
    on_loop([&] { count = server_->listeners(); });
    return count;
  }

  /// `headers` are lines without their end; Host is added unless it is among them.
  std::string request(const std::string& method, const std::string& target, std::vector<std::string> headers,
                      const std::string& body = {}) const {
    bool host = false;
    for (const std::string& line : headers) host = host || line.starts_with("Host:");
    if (!host) headers.push_back(fmt::format("Host: 127.0.0.1:{}", port));
    std::string text = method + " " + target + " HTTP/1.1\r\nConnection: close\r\n";
    for (const std::string& line : headers) text += line + "\r\n";
    if (!body.empty()) text += fmt::format("Content-Length: {}\r\n", body.size());
    return text + "\r\n" + body;
  }

  Heard ask(const std::string& method, const std::string& target, std::vector<std::string> headers = {},
            const std::string& body = {}) {
    Wire wire(port);
    wire.send(request(method, target, std::move(headers), body));
    const std::string all = wire.until("");
    Heard heard;
    const std::size_t end = all.find("\r\n\r\n");
    heard.head = all.substr(0, end);
    if (end != std::string::npos) heard.body = all.substr(end + 4);
    if (heard.head.size() > 12) heard.status = std::stoi(heard.head.substr(9, 3));
    return heard;
  }

  /// The page's path is `base` and the line to send is `cookie` afterwards.
  void sign_in() {
    const Heard heard = ask("GET", login_path());
    base = heard.header("Location");
    const std::string set = heard.header("Set-Cookie");
    cookie = "Cookie: " + set.substr(0, set.find(';'));
  }

  FakeViews views;
  std::uint16_t port = 0;
  std::string base, cookie;

 private:
  asio::io_context context_{1};
  SystemClock clock_;

 public:
  FakeOperations operations{clock_};

 private:
  api::Handlers handlers_{operations, views, clock_, [](std::uint32_t) { return std::string("page"); }};
  std::optional<PageServer> server_;
  std::thread thread_;
};

}  // namespace redflag::test
