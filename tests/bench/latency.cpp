// How long until somebody is told: the real daemon in real time, over real sockets and a real directory,
// against the simulators. Trials are 1.2 s apart because Slack takes about one message a second; what is
// measured is the path, not that limit.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "daemon/app/service.h"
#include "daemon/app/settings.h"
#include "daemon/base/log.h"
#include "daemon/base/system_clock.h"
#include "daemon/config/config_parser.h"
#include "daemon/net/http_client.h"
#include "daemon/simulator/demo_scenario.h"
#include "daemon/simulator/simulator_server.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

class Bench {
 public:
  explicit Bench(int trials)
      : trials_(trials),
        wandb_(clock_, {.api_key = std::string(40, 'k')}),
        slack_(clock_),
        server_(context_.get_executor(), clock_, wandb_, slack_) {}

  int run() {
    if (!open_log({.level = LogLevel::critical})) return 1;
    wandb_.add_project("ent", "proj");
    server_.listen().value();
    ConfigResult parsed = parse_config(fmt::format(R"(
wandb: {{base_url: "{}", projects: [ent/proj], poll_interval: 1s, max_requests_per_second: 20}}
results: {{roots: [{}/results]}}
alerts: {{receivers: [{{type: slack}}]}}
store: {{state_directory: {}/state}}
)",
                                                   server_.wandb_url(), directory_.path(), directory_.path()),
                                       "bench.yaml", {.env = {}, .base_directory = "/", .root = false});
    if (!parsed) {
      fmt::print(stderr, "{}", parsed.error().text());
      return 1;
    }
    std::filesystem::create_directories(directory_ / "results");
    std::string notice;
    store_ = Store::open(directory_ / "state", Store::Mode::threaded, clock_.now(), notice).value();
    client_ = std::make_unique<HttpClient>(context_.get_executor(), http_settings(parsed->config));
    Secrets secrets;
    secrets.wandb_key = Secret(std::string(40, 'k'));
    secrets.webhooks.emplace_back("slack", Secret(server_.slack_url()));
    service_ = Service::create({context_.get_executor(), clock_, *client_, *store_, system_files(), inotify_},
                               parsed->config, std::move(secrets))
                   .value();
    service_->start();
    asio::co_spawn(context_, drive(), asio::detached);
    context_.run();
    return 0;
  }

 private:
  asio::awaitable<void> drive() {
    // The run is known and followed before the clock starts; otherwise its discovery would be measured.
    std::vector<SimulatedRun*> runs;
    for (int i = 0; i < trials_; ++i) {
      RunScript script;
      script.id = fmt::format("run{:03}", i);
      script.name = script.id;
      script.created = clock_.now();
      runs.push_back(&wandb_.add_run("ent", "proj", script));
      wandb_.append_row(*runs.back(), {{"train/loss", 0.5}, {"train/global_step", 1}});
    }
    co_await clock_.sleep(15s);
    std::map<std::string, Time> began;
    for (int i = 0; i < trials_; ++i) {
      co_await clock_.sleep(Duration{1200ms} + Duration{random_() % 400000});
      began[fmt::format("run{:03}", i)] = clock_.now();
      wandb_.append_row(*runs[static_cast<std::size_t>(i)],
                        {{"train/loss", "NaN"}, {"train/global_step", 2}});
    }
    co_await clock_.sleep(10s);
    report("history row to Slack, 1 s poll", began);

    began.clear();
    for (int i = 0; i < trials_; ++i) {
      co_await clock_.sleep(Duration{1200ms} + Duration{random_() % 400000});
      ResultsFile file{clock_.now(),
                       fmt::format("representations/full_finetune_rte/step_{:06}/layer_0.pt", i * 100),
                       ResultsFile::Kind::hidden_states,
                       "rte",
                       "full_finetune",
                       i * 100};
      const std::string content = results_content(file).value();
      directory_.write("results/" + file.path, content.substr(0, content.size() / 2));
      began[fmt::format("step_{:06}/layer_0.pt", i * 100)] = clock_.now();
    }
    co_await clock_.sleep(10s);
    report("truncated file to Slack", began);
    co_await service_->stop(1s);
    client_->stop();
    context_.stop();
  }

  void report(const char* what, const std::map<std::string, Time>& began) {
    std::vector<double> seconds;
    for (const auto& [name, start] : began) {
      for (const SlackMessage& message : slack_.messages()) {
        if (message.plain.find(name) == std::string::npos) continue;
        seconds.push_back(to_unix_seconds(message.arrived) - to_unix_seconds(start));
        break;
      }
    }
    std::sort(seconds.begin(), seconds.end());
    if (seconds.empty()) {
      fmt::print("{:<34} nothing arrived\n", what);
      return;
    }
    const auto at = [&](double share) {
      return seconds[static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1))];
    };
    fmt::print("{:<34} {} of {} arrived, p50 {:.3f} s, p99 {:.3f} s, max {:.3f} s\n", what, seconds.size(),
               began.size(), at(0.5), at(0.99), seconds.back());
    std::fflush(stdout);
  }

  int trials_;
  asio::io_context context_{1};
  SystemClock clock_;
  SystemInotify inotify_;
  test::TempDir directory_;
  WandbSimulator wandb_;
  SlackSimulator slack_;
  SimulatorServer server_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<Service> service_;
  std::mt19937 random_{7};
};

}  // namespace

int main(int argc, char** argv) {
  return Bench(argc > 1 ? std::atoi(argv[1]) : 200).run();
}
