#include "tests/app/simulated_daemon.h"

#include <cmath>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "daemon/base/log.h"
#include "daemon/config/config_parser.h"

namespace redflag::test {

using namespace std::chrono_literals;

namespace {

constexpr const char* kConfig = R"(
wandb:
  projects: [ent/proj]
  poll_interval: 15s
alerts:
  receivers: [{type: slack}]
store:
  state_directory: /replaced
)";

}  // namespace

SimulatedDaemon::SimulatedDaemon()
    : wandb(true_clock, {.api_key = std::string(40, 'k')}),
      slack(true_clock),
      network(clock),
      context(std::make_unique<asio::io_context>(1)) {
  static const bool quiet = open_log({.level = LogLevel::critical}).has_value();
  (void)quiet;
  network.add_host("api.wandb.ai", [this](const ServerRequest& request) { return wandb.answer(request); });
  network.add_host("hooks.slack.com", [this](const ServerRequest& request) { return slack.answer(request); });
  network.set_latency(50ms);
  wandb.add_project("ent", "proj");
  ConfigResult parsed = parse_config(kConfig, "test.yaml", {.env = {}, .base_directory = "/", .root = false});
  if (!parsed) throw std::runtime_error(parsed.error().text());
  config = std::move(parsed->config);
  config.store.state_directory = directory / "state";
}

void SimulatedDaemon::start() {
  std::string notice;
  auto opened = Store::open(config.store.state_directory, Store::Mode::in_line, clock.now(), notice);
  if (!opened) throw std::runtime_error(opened.error().text());
  store = std::move(*opened);
  Secrets secrets;
  secrets.wandb_key = Secret(std::string(40, 'k'));
  if (!secret_ping.empty()) secrets.ping_url = Secret(secret_ping);
  secrets.webhooks.emplace_back("slack", Secret("https://hooks.slack.com" + slack.options().path));
  for (const ReceiverConfig& receiver : config.alerts.receivers)
    secrets.receivers[receiver.name].token = Secret("xoxb-1");
  auto made = Service::create({context->get_executor(), clock, network, *store, system_files(), inotify_},
                              config, std::move(secrets));
  if (!made) throw std::runtime_error(made.error().text());
  service = std::move(*made);
  service->start();
}

void SimulatedDaemon::stop() {
  bool stopped = false;
  asio::co_spawn(
      *context,
      [this, &stopped]() -> asio::awaitable<void> {
        co_await service->stop(1500ms);
        stopped = true;
      },
      asio::detached);
  clock.run_for(*context, 5s, [&] { return stopped; });
  if (!stopped) throw std::runtime_error("the service did not stop in time");
  kill();
}

void SimulatedDaemon::kill() {
  // As in the program: what owns timers goes before the context, which then drops the suspended coroutines.
  service = nullptr;
  store = nullptr;
  context = std::make_unique<asio::io_context>(1);
}

std::vector<std::string> SimulatedDaemon::slack_texts() const {
  std::vector<std::string> texts;
  for (const SlackMessage& message : slack.messages()) texts.push_back(message.text);
  return texts;
}

std::size_t SimulatedDaemon::count(const std::string& words) const {
  std::size_t found = 0;
  for (const SlackMessage& message : slack.messages()) {
    if (message.plain.find(words) != std::string::npos || message.text.find(words) != std::string::npos)
      ++found;
  }
  return found;
}

std::vector<Observation> SimulatedDaemon::points(const std::string& run_id) {
  std::vector<Observation> found;
  const Result<void> read = store->load_points(
      [&](const Subject& subject) {
        return subject.key == run_key(run_id) ? PointsWanted::all : PointsWanted::none;
      },
      [&](Observation&& point) { found.push_back(std::move(point)); });
  if (!read) throw std::runtime_error(read.error().text());
  return found;
}

RunScript healthy_run(const std::string& id, Time created, int rows) {
  RunScript script;
  script.id = id;
  script.name = "full_ft_sst2_seed42_" + id;
  script.created = created;
  script.config = {{"task_name", "sst2"}, {"method", "full_finetune"}, {"seed", 42}};
  for (int i = 0; i < rows; ++i) {
    RunScript::Row row;
    row.visible = i * 1min + 15s;
    row.happened = i * 1min;
    const double noise = 1.0 + 0.05 * std::sin(i * 1.7);
    row.values = {{"train/loss", (0.2 + 0.5 * std::exp(-i / 60.0)) * noise},
                  {"train/grad_norm", 8.0 + i % 5},
                  {"train/learning_rate", 2e-5 * (1.0 - i / (rows + 1.0))},
                  {"train/global_step", (i + 1) * 10},
                  {"memory/cpu_memory_rss_mb", 4000.0}};
    if (i % 10 == 9) {
      row.values["eval/loss"] = 0.3 + 0.002 * noise;
      row.values["eval/accuracy"] = 0.91 + 0.002 * std::sin(i * 0.7);
    }
    script.rows.push_back(std::move(row));
  }
  script.states = {{rows * 1min + 20s, "finished"}};
  return script;
}

}  // namespace redflag::test
