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
  Bench(int trials, std::string what)
      : trials_(trials),
        what_(std::move(what)),
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
    if (what_ != "files") co_await rows();
    if (what_ != "rows") co_await files();
    co_await service_->stop(1s);
    client_->stop();
    context_.stop();
  }

  asio::awaitable<void> rows() {
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
      co_await pause();
      began[fmt::format("run{:03}", i)] = clock_.now();
      wandb_.append_row(*runs[static_cast<std::size_t>(i)],
                        {{"train/loss", "NaN"}, {"train/global_step", 2}});
    }
    co_await clock_.sleep(10s);
    report("history row to Slack, 1 s poll", began);
  }

  asio::awaitable<void> files() {
    // Whole steps first, so that a truncated layer is the one thing wrong with each: Slack takes one message
    // a second.
    std::vector<ResultsFile> layers;
    for (int i = 0; i < trials_; ++i) {
      for (ResultsFile file : demo_results({.start = clock_.now()})) {
        if (file.step != 100 || file.task != "rte" || file.method != "full_finetune") continue;
        file.step = (i + 1) * 100;
        const std::string name = file.path.substr(file.path.rfind('/') + 1);
        file.path = fmt::format("representations/full_finetune_rte/step_{:06}/{}", file.step, name);
        if (!write_results_file(directory_ / "results", file)) co_return;
        if (name == "layer_0.pt") layers.push_back(file);
      }
    }
    co_await clock_.sleep(45s);
    const std::size_t before = slack_.messages().size();
    std::map<std::string, Time> began;
    for (const ResultsFile& layer : layers) {
      co_await pause();
      const std::string content = results_content(layer).value();
      directory_.write("results/" + layer.path, content.substr(0, content.size() / 2));
      began[layer.path.substr(layer.path.find("step_"))] = clock_.now();
    }
    co_await clock_.sleep(10s);
    report("truncated file to Slack", began);
    if (slack_.messages().size() - before != began.size()) {
      fmt::print("  ({} messages for {} trials)\n", slack_.messages().size() - before, began.size());
      name_the_others(before, began);
    }
  }

  /// Messages that are no trial's first, in short.
  void name_the_others(std::size_t from, std::map<std::string, Time> trials) {
    const auto& messages = slack_.messages();
    for (std::size_t i = from; i < messages.size(); ++i) {
      const std::string& text = messages[i].plain;
      const auto named = std::find_if(trials.begin(), trials.end(), [&](const auto& trial) {
        return text.find(trial.first) != std::string::npos;
      });
      if (named != trials.end()) {
        trials.erase(named);
      } else {
        fmt::print("    also: {}\n", text.substr(0, 160));
      }
    }
  }

  asio::awaitable<void> pause() { co_await clock_.sleep(Duration{1200ms} + Duration{random_() % 400000}); }

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
  std::string what_;
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
  return Bench(argc > 1 ? std::atoi(argv[1]) : 200, argc > 2 ? argv[2] : "both").run();
}
