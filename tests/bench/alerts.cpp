// How fast findings become deliveries that survive a power cut, and what a burst costs the event loop.
// `alerts.sh` drives it:
//
//   ours log|N RUNS RULES DIRECTORY [URL]
//     RUNS × RULES alerts through engine, lifecycle, store and dispatcher to the log, or to a webhook with N
//     outcomes in a commit
//
//   burst slack|log ALERTS DIRECTORY
//     as many at once, in one batch: the longest pause of the loop
//
//   sink PORT
//     the webhook of both sides; GET /count says what came
//
//   feed URL SINK RUNS RULES
//     the same alerts to an Alertmanager, until the sink has them all
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include "daemon/base/log.h"
#include "daemon/base/system_clock.h"
#include "daemon/channels/log_channel.h"
#include "daemon/channels/slack_channel.h"
#include "daemon/monitor/monitor.h"
#include "daemon/net/http_client.h"
#include "daemon/net/http_server.h"
#include "rules/lang/rule_set.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kRowsInBatch = 50;  // of a poll that found news

std::string status_field(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return line.substr(line.find_first_of("0123456789"));
  }
  return "?";
}

void must(const Result<void>& done) {
  if (done) return;
  fmt::print(stderr, "{}\n", done.error().text());
  std::exit(1);
}

/// Slack's form, without Slack's limit of one a second.
class WebhookChannel : public SlackChannel {
 public:
  WebhookChannel(std::size_t outcomes, const std::string& url, HttpTransport& transport)
      : SlackChannel("webhook", Secret(url), "", transport), outcomes_(outcomes) {}
  alerts::ChannelOptions pace() const override { return {.per_second = 0, .burst = 0}; }
  std::size_t outcomes_per_commit() const override { return outcomes_; }

 private:
  std::size_t outcomes_;
};

std::shared_ptr<const RuleSet> rules(std::size_t count) {
  std::string text = "rules:\n";
  for (std::size_t i = 0; i < count; ++i) {
    text += fmt::format(
        "  - {{rule: too-high-{}, severity: critical, when: m{} > 5, message: \"{{m{}:.3g}} at step "
        "{{step}}, limit "
        "5\", hint: lower the learning rate}}\n",
        i, i, i);
  }
  return RuleSet::load({{"rules.yaml", text, "bench"}}).value();
}

class Bench {
 public:
  Bench(const std::string& channel, std::size_t runs, std::size_t rule_count, const std::string& directory,
        const std::string& url)
      : runs_(runs), rule_count_(rule_count) {
    must(open_log({.level = LogLevel::info, .file = directory + "/redflagd.log"}));
    std::string notice;
    store_ = Store::open(directory + "/state", Store::Mode::threaded, clock_.now(), notice).value();
    std::vector<std::unique_ptr<Channel>> channels;
    if (channel == "log") {
      channels.push_back(std::make_unique<LogChannel>("log"));
    } else if (channel == "slack") {
      channels.push_back(std::make_unique<SlackChannel>("slack", Secret(url), "", client_));
    } else {
      channels.push_back(
          std::make_unique<WebhookChannel>(std::strtoull(channel.c_str(), nullptr, 10), url, client_));
    }
    alerts::Router router({{channels[0]->name(), Severity::info}}, {});
    monitor_ = std::make_unique<Monitor>(context_.get_executor(), clock_, *store_, rules(rule_count),
                                         std::move(channels), std::move(router), MonitorOptions{});
    must(monitor_->resume());
    monitor_->start();
    base_rss_ = status_field("VmRSS");
  }

  void through() {
    asio::co_spawn(context_, flow(), asio::detached);
    asio::co_spawn(context_, measure_gaps(), asio::detached);
    context_.run();
  }

  void burst() {
    asio::co_spawn(context_, all_at_once(), asio::detached);
    asio::co_spawn(context_, measure_gaps(), asio::detached);
    context_.run();
  }

 private:
  SourceBatch batch(std::size_t first, std::size_t last, double value) {
    if (first == 0) ++wave_;
    SourceBatch batch;
    for (std::size_t i = first; i < last; ++i) {
      RunInfo run;
      run.key = fmt::format("api.wandb.ai/ent/proj/run{:05}", i);
      run.name = fmt::format("full_ft_sst2_seed{}", i);
      run.state = RunState::running;
      if (wave_ == 1) batch.runs.push_back(run);
      Observation row;
      row.subject = {SubjectKind::run, run.key};
      row.run = run.key;
      row.source = "wandb";
      row.seq = row.step = wave_;
      row.time = clock_.now();
      for (std::size_t m = 0; m < rule_count_; ++m) row.samples.push_back({fmt::format("m{}", m), value, ""});
      batch.inputs.emplace_back(std::move(row));
    }
    return batch;
  }

  asio::awaitable<void> flow() {
    // The runs are known and healthy before the clock starts.
    for (std::size_t i = 0; i < runs_; i += kRowsInBatch)
      (void)co_await monitor_->submit(batch(i, std::min(runs_, i + kRowsInBatch), 1.0));
    longest_gap_ = longest_work_ = {};
    const Duration start = clock_.monotonic();
    for (std::size_t i = 0; i < runs_; i += kRowsInBatch)
      (void)co_await monitor_->submit(batch(i, std::min(runs_, i + kRowsInBatch), 9.0));
    const Duration handed_over = clock_.monotonic();
    for (;;) {
      std::size_t queued = 0;
      for (const auto& channel : monitor_->courier().health()) queued += channel.queued;
      if (queued == 0 && monitor_->committer().idle()) break;
      co_await clock_.sleep(1ms);
    }
    const double seconds = static_cast<double>((clock_.monotonic() - start).count()) / 1e6;
    const auto alerts = static_cast<double>(runs_ * rule_count_);
    fmt::print(
        "alerts {} seconds {:.3f} per_second {:.0f} handed_over_seconds {:.3f} longest_gap_ms {:.1f} "
        "worked_ms {:.1f} "
        "cpu_seconds {:.2f} base_kb {} peak_kb {}\n",
        runs_ * rule_count_, seconds, alerts / seconds,
        static_cast<double>((handed_over - start).count()) / 1e6,
        static_cast<double>(longest_gap_.count()) / 1e3, static_cast<double>(longest_work_.count()) / 1e3,
        static_cast<double>(std::clock()) / CLOCKS_PER_SEC, base_rss_, status_field("VmHWM"));
    co_await end();
  }

  asio::awaitable<void> all_at_once() {
    (void)co_await monitor_->submit(batch(0, runs_, 1.0));
    for (int i = 0; i < 5; ++i) {
      co_await clock_.sleep(300ms);
      longest_gap_ = longest_work_ = {};
      (void)co_await monitor_->submit(batch(0, runs_, i % 2 == 0 ? 9.0 : 4.0));
      co_await clock_.sleep(500ms);
      fmt::print("{} {} longest_gap_ms {:.1f} worked_ms {:.1f}\n", runs_ * rule_count_,
                 i % 2 == 0 ? "fire" : "resolve", static_cast<double>(longest_gap_.count()) / 1e3,
                 static_cast<double>(longest_work_.count()) / 1e3);
    }
    co_await end();
  }

  asio::awaitable<void> end() {
    stopping_ = true;
    co_await monitor_->stop(1s);
    client_.stop();
    context_.stop();
  }

  /// What the loop's thread has worked, whoever else has the machine.
  static Duration worked() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds{time.tv_sec} + Duration{time.tv_nsec / 1000};
  }

  asio::awaitable<void> measure_gaps() {
    Duration last = clock_.monotonic();
    Duration last_worked = worked();
    for (;;) {
      co_await clock_.sleep(1ms);
      const Duration now = clock_.monotonic();
      longest_gap_ = std::max(longest_gap_, now - last - Duration{1ms});
      last = now;
      const Duration now_worked = worked();
      longest_work_ = std::max(longest_work_, now_worked - last_worked);
      last_worked = now_worked;
      if (stopping_) co_return;
    }
  }

  std::size_t runs_;
  std::size_t rule_count_;
  std::int64_t wave_ = 0;
  asio::io_context context_{1};
  SystemClock clock_;
  HttpClient client_{context_.get_executor()};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Monitor> monitor_;
  std::string base_rss_;
  Duration longest_gap_{};
  Duration longest_work_{};  // of the loop's thread in one gap
  bool stopping_ = false;
};

int sink(std::uint16_t port) {
  asio::io_context context(1);
  SystemClock clock;
  std::set<std::string> seen;
  std::size_t posts = 0;
  HttpServer server(
      context.get_executor(), clock,
      [&](const ServerRequest& request) -> asio::awaitable<ServerResponse> {
        if (request.path() == "/count") {
          co_return ServerResponse{.body = fmt::format("distinct {} posts {}\n", seen.size(), posts)};
        }
        ++posts;
        const auto body = nlohmann::json::parse(request.body, nullptr, false);
        if (body.is_object() && body.contains("alerts")) {
          for (const auto& alert : body["alerts"]) seen.insert(alert.value("fingerprint", ""));
        } else {
          seen.insert(request.body);
        }
        co_return ServerResponse{.body = "ok"};
      },
      // Alertmanager opens a connection for each group.
      {.max_connections = 20'000});
  server.listen("127.0.0.1", port).value();
  context.run();
  return 0;
}

asio::awaitable<std::string> post(HttpClient& client, std::string method, std::string url, std::string body) {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.label = "bench";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::move(body);
  request.timeout = 30s;
  Result<HttpResponse> answer = co_await client.send(std::move(request));
  if (!answer || answer->status != 200) {
    fmt::print(stderr, "{}\n", answer ? answer->body : answer.error().text());
    std::exit(1);
  }
  co_return answer->body;
}

int feed(const std::string& url, const std::string& counter, std::size_t runs, std::size_t rule_count) {
  asio::io_context context(1);
  SystemClock clock;
  HttpClient client(context.get_executor());
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        const Duration start = clock.monotonic();
        for (std::size_t i = 0; i < runs; i += kRowsInBatch) {
          auto all = nlohmann::json::array();
          for (std::size_t run = i; run < std::min(runs, i + kRowsInBatch); ++run) {
            for (std::size_t rule = 0; rule < rule_count; ++rule) {
              all.push_back({{"labels",
                              {{"alertname", fmt::format("too-high-{}", rule)},
                               {"run", fmt::format("api.wandb.ai/ent/proj/run{:05}", run)},
                               {"severity", "critical"}}},
                             {"annotations",
                              {{"summary", "9 at step 2, limit 5"},
                               {"hint", "lower the learning rate"},
                               {"name", fmt::format("full_ft_sst2_seed{}", run)}}}});
            }
          }
          (void)co_await post(client, "POST", url + "/api/v2/alerts", all.dump());
        }
        const Duration handed_over = clock.monotonic();
        const std::string wanted = fmt::format("distinct {} ", runs * rule_count);
        for (;;) {
          const std::string count = co_await post(client, "GET", counter + "/count", "");
          if (count.starts_with(wanted)) break;
          if (clock.monotonic() - start > Duration{300s}) {
            fmt::print(stderr, "gave up: {}", count);
            std::exit(1);
          }
          co_await clock.sleep(5ms);
        }
        const double seconds = static_cast<double>((clock.monotonic() - start).count()) / 1e6;
        fmt::print("alerts {} seconds {:.3f} per_second {:.0f} handed_over_seconds {:.3f}\n",
                   runs * rule_count, seconds, static_cast<double>(runs * rule_count) / seconds,
                   static_cast<double>((handed_over - start).count()) / 1e6);
        client.stop();
      },
      asio::detached);
  context.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto number = [&](std::size_t at) {
    return static_cast<std::size_t>(std::strtoull(words[at].c_str(), nullptr, 10));
  };
  // As redflagd does.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
  if (words.size() >= 5 && words[0] == "ours") {
    Bench(words[1], number(2), number(3), words[4], words.size() > 5 ? words[5] : "http://127.0.0.1:9/")
        .through();
  } else if (words.size() == 4 && words[0] == "burst") {
    Bench(words[1], number(2), 1, words[3], "http://127.0.0.1:9/").burst();
  } else if (words.size() == 2 && words[0] == "sink") {
    return sink(static_cast<std::uint16_t>(number(1)));
  } else if (words.size() == 5 && words[0] == "feed") {
    return feed(words[1], words[2], number(3), number(4));
  } else {
    fmt::print(stderr, "usage: see the head of tests/bench/alerts.cpp\n");
    return 2;
  }
  return 0;
}
