#include "daemon/cli/demo.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "daemon/app/arguments.h"
#include "daemon/base/child_process.h"
#include "daemon/base/signals.h"
#include "daemon/base/system_clock.h"
#include "daemon/cli/demo_view.h"
#include "daemon/net/unix_client.h"
#include "daemon/simulator/demo_scenario.h"
#include "daemon/simulator/simulator_server.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const CommandSpec kSpec{
    "demo",
    "",
    "Shows redflag at work: redflagd watches a simulated W&B and a results tree that is being written.",
    "Five fine-tuning runs are simulated: four go well, one diverges and fails. redflagd runs as it would "
    "in\n"
    "earnest (its own process, configuration and store); its alerts go to a stand-in for Slack. Nothing\n"
    "leaves this machine and no account is needed.\n\n"
    "exit codes: 0 every promised alert came and no healthy run had a critical one, 1 otherwise, 2 usage\n\n"
    "examples:\n"
    "  redflag demo --json | jq 'select(.severity==\"critical\") | .rule'\n"
    "  redflag demo --no-daemon --seconds 300     the simulators only, for a redflagd of your own",
    {{"json", "", "one JSON object a line for each announced alert, nothing else"},
     {"seconds", "N", "how long the five runs take (default 20)"},
     {"keep", "", "go on until Ctrl-C, with the live page; the files stay afterwards"},
     {"no-daemon", "", "start only the simulators and say how to run redflagd against them"},
     {"directory", "DIR", "where state, results and configuration go (default: a temporary directory)"},
     {"slack-delay", "SECONDS", "how long the Slack stand-in takes to answer (default 0)"},
     {"port", "N", "port of the simulators on 127.0.0.1 (default: any free one)"}}};

constexpr const char* kFailing = "full_ft_sst2_seed999_failed";
const std::vector<std::string> kPromised{"run-failed", "loss-too-high", "gradient-explosion", "score-low"};

struct DemoSetup {
  bool json = false;
  bool keep = false;
  bool daemon = true;
  Duration length = 20s;
  Duration slack_delay{0};
  std::uint16_t port = 0;
  fs::path directory;
  bool own_directory = false;  // made by us, to be removed
};

class Demo {
 public:
  explicit Demo(DemoSetup setup)
      : setup_(std::move(setup)),
        start_(clock_.now() + 1s),
        wandb_(clock_, {.api_key = std::string(40, 'd')}),
        slack_(clock_, {.journal = journal()}),
        server_(context_.get_executor(), clock_, wandb_, slack_),
        view_(setup_.json, ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr, start_),
        signals_(context_.get_executor(), {[this](int) { interrupt(); }, [] {}}) {}

  int run() {
    if (Result<void> ready = prepare(); !ready) {
      fmt::print(stderr, "redflag demo: {}\n", ready.error().text());
      return 1;
    }
    asio::co_spawn(context_, write_results(), asio::detached);
    asio::co_spawn(context_, direct(), asio::detached);
    context_.run();
    if (!failure_.empty()) {
      fmt::print(stderr, "redflag demo: {}\n", failure_);
      return 1;
    }
    return setup_.daemon ? summary() : 0;
  }

 private:
  std::string journal() const { return (setup_.directory / "slack.jsonl").string(); }
  fs::path results() const { return setup_.directory / "results"; }
  fs::path config_file() const { return setup_.directory / "redflag.yaml"; }

  fs::path socket() const { return setup_.directory / "state" / "redflag.sock"; }
  /// The live page is worth its line when there is time to look at it.
  std::string page() const { return setup_.keep ? "page:\n  listen: 127.0.0.1:0  # any free port\n" : ""; }

  Result<void> prepare() {
    const DemoOptions options{
        .start = start_, .duration = setup_.length, .entity = "demo", .project = "step3-full-finetune"};
    build_demo(wandb_, options);
    if (setup_.slack_delay > Duration::zero()) {
      slack_.faults().during(start_ - 1h, start_ + 10000h,
                             {.kind = FaultKind::late, .delay = setup_.slack_delay});
    }
    script_ = demo_results(options);
    const Result<std::uint16_t> port = server_.listen(setup_.port);
    if (!port) return tl::unexpected<Error>(port.error());
    if (Result<void> written = write_files(); !written) return written;
    if (!setup_.daemon) {
      fmt::print("simulated W&B and Slack are at {}; try:\n  redflagd --config {}\n", server_.wandb_url(),
                 config_file().string());
      std::fflush(stdout);
      return {};
    }
    Result<ChildProcess> child = ChildProcess::start(
        context_.get_executor(), sibling_program("redflagd"), {"--config", config_file().string()},
        {"PATH=/usr/bin:/bin", "HOME=" + setup_.directory.string(), "LANG=C.UTF-8"});
    if (!child) return tl::unexpected<Error>(std::move(child.error()));
    child_.emplace(std::move(*child));
    asio::co_spawn(context_, follow_daemon(), asio::detached);
    if (setup_.keep) asio::co_spawn(context_, offer_page(), asio::detached);
    return {};
  }

  Result<void> write_files() {
    std::error_code error;
    fs::create_directories(results(), error);
    if (error) return fail(ErrorCode::storage, "creating " + results().string(), error.message());
    const auto write = [&](const fs::path& path, const std::string& text) -> Result<void> {
      std::ofstream out(path);
      out << text;
      out.close();
      fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
      if (!out) return fail(ErrorCode::storage, "writing " + path.string(), "it cannot be written");
      return {};
    };
    if (Result<void> done = write(setup_.directory / "wandb_api_key", std::string(40, 'd') + "\n"); !done)
      return done;
    if (Result<void> done = write(setup_.directory / "slack_webhook", server_.slack_url() + "\n"); !done)
      return done;
    return write(config_file(),
                 fmt::format(R"(# Written by `redflag demo`.
wandb:
  base_url: {url}
  projects: [demo/step3-full-finetune]
  api_key_file: {dir}/wandb_api_key
  poll_interval: 1s
  max_requests_per_second: 10
results:
  roots: [{dir}/results]
alerts:
  receivers:
    - {{type: slack, webhook_file: {dir}/slack_webhook}}
    - {{type: log}}
store:
  state_directory: {dir}/state
{page}log:
  format: {format}
  progress_interval: 5s
)",
                             fmt::arg("url", server_.wandb_url()), fmt::arg("dir", setup_.directory.string()),
                             fmt::arg("page", page()), fmt::arg("format", setup_.daemon ? "json" : "text")));
  }

  asio::awaitable<void> follow_daemon() {
    co_await child_->read_lines([this](std::string_view line) { view_.take(line); });
    const int code = child_->wait();
    if (!ending_) failure_ = fmt::format("redflagd ended by itself with exit code {}", code);
    finish();
  }

  asio::awaitable<void> offer_page() {
    const UnixRequest wish{.socket = socket().string(), .method = "POST", .target = "/v1/page/login"};
    for (int tries = 0; tries < 50; ++tries) {
      co_await clock_.sleep(200ms);
      const Result<HttpResponse> answer = ask_unix(wish);
      if (!answer || answer->status != 201) continue;
      const auto json = nlohmann::json::parse(answer->body, nullptr, false);
      if (!json.is_object()) co_return;
      std::FILE* out = setup_.json ? stderr : stdout;
      fmt::print(out,
                 "live page: {}\n  (works once, for five minutes; another: redflag page --socket {})\n\n",
                 json.value("url", std::string()), wish.socket);
      std::fflush(out);
      co_return;
    }
  }

  asio::awaitable<void> write_results() {
    for (const ResultsFile& file : script_) {
      co_await clock_.sleep(file.at - clock_.now());
      if (const Result<void> written = write_results_file(results(), file); !written) {
        fmt::print(stderr, "redflag demo: {}\n", written.error().text());
        co_return;
      }
    }
  }

  /// Ends the demo once the runs are over and the promised alerts are there, or have had ample time.
  asio::awaitable<void> direct() {
    co_await clock_.sleep(start_ + setup_.length - clock_.now());
    const Duration deadline = clock_.monotonic() + 15s;
    while (setup_.daemon && !promised() && clock_.monotonic() < deadline) co_await clock_.sleep(200ms);
    co_await clock_.sleep(3s);  // whatever else the last poll brings
    if (setup_.keep || !setup_.daemon) {
      if (!setup_.json && setup_.daemon) {
        fmt::print("the runs are over; still watching {} (Ctrl-C ends it)\n", results().string());
        std::fflush(stdout);
      }
      co_return;
    }
    end();
  }

  bool promised() const {
    const auto found = view_.critical().find(kFailing);
    if (found == view_.critical().end()) return false;
    return std::all_of(kPromised.begin(), kPromised.end(),
                       [&](const std::string& rule) { return found->second.contains(rule); });
  }

  void interrupt() {
    if (ending_ || !child_) return finish();
    end();
  }

  void end() {
    ending_ = true;
    child_->signal(SIGTERM);
  }

  void finish() {
    signals_.cancel();
    server_.stop();
    context_.stop();
  }

  int summary() const {
    std::vector<std::string> crying;
    for (const auto& [run, rules] : view_.critical()) {
      if (run == kFailing) continue;
      for (const std::string& rule : rules) crying.push_back(run + ": " + rule);
    }
    const bool good = promised() && crying.empty();
    if (setup_.json) return good ? 0 : 1;

    fmt::print("\n{:<30} {:<9} {:<28} {}\n", "run", "state", "critical", "warning");
    for (const char* run : {"full_ft_sst2_seed42", "full_ft_mrpc_seed42", "full_ft_rte_seed1337",
                            "full_ft_squad_v2_seed2024", kFailing}) {
      fmt::print("{:<30} {:<9} {:<28} {}\n", run, state_of(run), names(view_.critical(), run),
                 names(view_.warnings(), run));
    }
    fmt::print("\n{} messages reached the Slack stand-in, {} files were written below results/.\n",
               slack_.messages().size(), script_.size());
    for (const std::string& rule : kPromised) {
      if (const auto found = view_.critical().find(kFailing);
          found == view_.critical().end() || !found->second.contains(rule)) {
        fmt::print("MISSING: {} of {}\n", rule, kFailing);
      }
    }
    for (const std::string& false_alarm : crying) fmt::print("FALSE ALARM: {}\n", false_alarm);
    fmt::print(
        "{}\n",
        good ? fmt::format("All that was promised of the failing run came ({}), and nothing critical of "
                           "the healthy ones.\nWith your own project: redflag setup",
                           fmt::join(kPromised, ", "))
             : "The demo did not go as promised.");
    if (setup_.keep) fmt::print("Configuration, state and messages are in {}.\n", setup_.directory.string());
    return good ? 0 : 1;
  }

  std::string state_of(const std::string& run) const { return run == kFailing ? "failed" : "finished"; }

  static std::string names(const std::map<std::string, std::set<std::string>>& all, const std::string& run) {
    const auto found = all.find(run);
    if (found == all.end()) return "-";
    return fmt::format("{}", fmt::join(found->second, " "));
  }

  DemoSetup setup_;
  asio::io_context context_{1};
  SystemClock clock_;
  Time start_;
  WandbSimulator wandb_;
  SlackSimulator slack_;
  SimulatorServer server_;
  ResultsScript script_;
  DemoView view_;
  Signals signals_;
  std::optional<ChildProcess> child_;
  bool ending_ = false;
  std::string failure_;
};

Result<DemoSetup> read_setup(const Arguments& arguments) {
  DemoSetup setup;
  setup.json = arguments.has("json");
  setup.keep = arguments.has("keep");
  setup.daemon = !arguments.has("no-daemon");
  const Result<double> seconds = arguments.number("seconds", 20, 5, 86400);
  const Result<double> delay = arguments.number("slack-delay", 0, 0, 3600);
  const Result<double> port = arguments.number("port", 0, 0, 65535);
  for (const Result<double>* value : {&seconds, &delay, &port}) {
    if (!*value) return tl::unexpected<Error>(value->error());
  }
  setup.length = Duration{static_cast<std::int64_t>(*seconds * 1e6)};
  setup.slack_delay = Duration{static_cast<std::int64_t>(*delay * 1e6)};
  setup.port = static_cast<std::uint16_t>(*port);
  std::error_code error;
  if (arguments.has("directory")) {
    setup.directory = fs::absolute(arguments.value("directory"), error);
    fs::create_directories(setup.directory, error);
    if (error) return fail(ErrorCode::storage, "creating " + setup.directory.string(), error.message());
    return setup;
  }
  std::string pattern = (fs::temp_directory_path(error) / "redflag-demo-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return fail(ErrorCode::storage, "creating a temporary directory", std::strerror(errno));
  setup.directory = pattern;
  setup.own_directory = true;
  return setup;
}

}  // namespace

const CommandSpec& demo_spec() {
  return kSpec;
}

int demo_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  const Result<DemoSetup> setup = read_setup(*arguments);
  if (!setup) {
    fmt::print(stderr, "redflag demo: {}\n", setup.error().text());
    return 2;
  }
  if (!setup->json && setup->daemon) {
    fmt::print(
        "redflag demo: five simulated fine-tuning runs, about {} s. redflagd watches W&B and a results "
        "directory.\n\n",
        static_cast<int>(std::chrono::duration<double>(setup->length).count()) + 5);
    std::fflush(stdout);
  }
  int code = 1;
  {
    Demo demo(*setup);
    code = demo.run();
  }
  if (setup->own_directory && !setup->keep) {
    std::error_code ignored;
    fs::remove_all(setup->directory, ignored);
  }
  return code;
}

}  // namespace redflag::daemon
