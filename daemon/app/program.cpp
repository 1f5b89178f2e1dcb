#include "daemon/app/program.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "daemon/app/arguments.h"
#include "daemon/app/manual.h"
#include "daemon/app/pattern_files.h"
#include "daemon/app/settings.h"
#include "daemon/base/instance_lock.h"
#include "daemon/base/log.h"
#include "daemon/base/notify.h"
#include "daemon/base/signals.h"
#include "daemon/base/steps.h"
#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "daemon/config/config_loader.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kStopPatience = 1500ms;  // of the two seconds that a stop may take
constexpr Duration kLockPatience = 2s;      // with one that was killed a moment ago and is still dying

const CommandSpec kSpec{
    "",
    "",
    "redflagd watches training runs (W&B, results directories) and raises alerts (Slack, log).",
    "Without --config it looks for /etc/redflag/redflag.yaml, then ~/.config/redflag/redflag.yaml; without\n"
    "either it runs on defaults and WANDB_API_KEY, WANDB_ENTITY, WANDB_PROJECT, WANDB_BASE_URL.\n\n"
    "signals: TERM and INT stop it within 2 s, HUP reloads the configuration and reopens the log.\n"
    "exit codes: 0 stopped as asked, 1 could not start, 2 wrong usage or configuration\n\n"
    "examples:\n"
    "  redflagd --check-config              what would be used, and where each value comes from\n"
    "  redflagd --config ./redflag.yaml",
    {{"config", "FILE", "configuration file"},
     {"check-config", "", "check configuration, rules and secrets; print what is in effect; start nothing"},
     {"example-config", "", "print a commented configuration file"},
     {"config-reference", "", "print docs/configuration.md: every key, its range and its default"},
     {"config-man", "", "print the manual page redflag.yaml(5)"},
     {"man", "", "print the manual page redflagd(8)"}},
};

/// What a large answer took goes back to the system when it is freed, instead of staying with a daemon that
/// is idle again.
void keep_memory_small() {
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

/// Neither a crash of ours nor a debugger of another user may read the keys.
void protect_secrets() {
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::prctl(PR_SET_DUMPABLE, 0);
}

class Program {
 public:
  explicit Program(std::optional<std::string> config_path) : config_path_(std::move(config_path)) {}

  int run(Config config) {
    config_ = std::move(config);
    protect_secrets();
    keep_memory_small();
    Steps steps;
    add_steps(steps);
    if (Result<void> started = steps.start(); !started) {
      log_critical("start", "{}", started.error().text());
      return 1;
    }
    context_.run();
    steps.stop();
    log_info("redflagd", "stopped");
    return exit_code_;
  }

 private:
  void add_steps(Steps& steps) {
    steps.add("opening the log", [this] { return open_log(log_options(config_)); });
    steps.add(
        "locking the state directory", [this] { return lock_state(); }, [this] { lock_.reset(); });
    steps.add(
        "opening the store", [this] { return open_store(); }, [this] { store_.reset(); });
    steps.add(
        "loading rules and state", [this] { return make_service(config_); },
        [this] {
          service_.reset();
          transport_.reset();
        });
    steps.add(
        "starting", [this] { return start(); }, [this] { signals_.reset(); });
  }

  Result<void> lock_state() {
    // The store creates the directory as well; the lock has to come first.
    std::string notice;
    if (Result<void> made = make_state_directory(config_.store.state_directory); !made) return made;
    const Duration asked = clock_.monotonic();
    Duration waited{};
    Result<InstanceLock> lock = InstanceLock::acquire(config_.store.state_directory, [&] {
      waited = clock_.monotonic() - asked;
      if (waited >= kLockPatience) return false;
      std::this_thread::sleep_for(20ms);
      return true;
    });
    if (lock && waited > Duration::zero())
      log_info("start", "waited until the redflagd before this one was gone");
    if (!lock) return tl::unexpected<Error>(std::move(lock.error()));
    lock_.emplace(std::move(*lock));
    return {};
  }

  Result<void> open_store() {
    Result<std::unique_ptr<Store>> store =
        Store::open(config_.store.state_directory, Store::Mode::threaded, clock_.now(), store_notice_);
    if (!store) return tl::unexpected<Error>(std::move(store.error()));
    store_ = std::move(*store);
    return {};
  }

  Result<void> make_service(const Config& config) {
    Result<Secrets> secrets = find_secrets(config, process_environment());
    if (!secrets) return tl::unexpected<Error>(std::move(secrets.error()));
    auto transport = std::make_unique<HttpClient>(context_.get_executor(), http_settings(config));
    World world{context_.get_executor(), clock_, *transport, *store_, system_files(), inotify_, &launcher_};
    world.host = [this] { return system_host_probes(context_.get_executor(), clock_, launcher_); };
    Result<std::unique_ptr<Service>> service = Service::create(std::move(world), config, std::move(*secrets));
    if (!service) return tl::unexpected<Error>(std::move(service.error()));
    service_ = std::move(*service);
    transport_ = std::move(transport);
    return {};
  }

  Result<void> start() {
    signals_.emplace(context_.get_executor(),
                     Signals::Handlers{[this](int signal) { stop(signal); }, [this] { reload(); }});
    service_->start();
    if (!store_notice_.empty()) {
      log_critical("store", "{}", store_notice_);
      service_->monitor().announce(Severity::critical, "redflag lost its state database", store_notice_);
    }
    asio::co_spawn(context_, heartbeat(), asio::detached);
    const std::string status = service_->status_line();
    log_info("redflagd", "version {} ready: {}", REDFLAG_VERSION, status);
    notifier_.ready(status);
    return {};
  }

  void stop(int signal) {
    if (stopping_) {
      // timeout(1) and terminals may send the same wish twice at once; only a later one is impatience.
      if (clock_.monotonic() - stop_asked_ < 300ms) return;
      log_warning("redflagd", "asked again to stop: leaving at once");
      context_.stop();
      return;
    }
    stopping_ = true;
    stop_asked_ = clock_.monotonic();
    log_info("redflagd", "stopping ({})", signal == SIGINT ? "interrupted" : "asked to terminate");
    notifier_.stopping();
    asio::co_spawn(context_, stop_service(), asio::detached);
  }

  asio::awaitable<void> stop_service() {
    while (reloading_) co_await clock_.sleep(10ms);
    co_await service_->stop(kStopPatience);
    transport_->stop();
    context_.stop();
  }

  void reload() {
    if (stopping_ || reloading_) return;
    reloading_ = true;
    notifier_.reloading(clock_.monotonic());
    asio::co_spawn(context_, reload_service(), asio::detached);
  }

  /// A configuration that would not start is refused before anything is stopped.
  std::optional<Config> checked_config() {
    ConfigResult parsed = load_config(process_load_options(config_path_));
    if (!parsed) {
      log_error("reload", "refused, the old configuration goes on:\n{}", parsed.error().text());
      return std::nullopt;
    }
    const Config& config = parsed->config;
    if (config.store.state_directory != config_.store.state_directory) {
      log_error("reload",
                "refused, the old configuration goes on: store.state_directory cannot change while running");
      return std::nullopt;
    }
    const MetricNames names = metric_names(config);
    if (const auto rules = load_rules(rule_files(config), names); !rules) {
      log_error("reload", "refused, the old configuration goes on:\n{}", rules.error().text());
      return std::nullopt;
    }
    if (const auto patterns = load_log_patterns(config); !patterns) {
      log_error("reload", "refused, the old configuration goes on: {}", patterns.error().text());
      return std::nullopt;
    }
    if (const Result<Secrets> secrets = find_secrets(config, process_environment()); !secrets) {
      log_error("reload", "refused, the old configuration goes on: {}", secrets.error().text());
      return std::nullopt;
    }
    return std::move(parsed->config);
  }

  asio::awaitable<void> reload_service() {
    reopen_log();
    if (std::optional<Config> fresh = checked_config()) {
      co_await service_->stop(kStopPatience);
      service_.reset();
      transport_->stop();
      if (Result<void> logged = open_log(log_options(*fresh)); !logged)
        log_error("reload", "{}", logged.error().text());
      Result<void> made = make_service(*fresh);
      if (made) {
        config_ = std::move(*fresh);
        log_info("reload", "done: {}", service_->status_line());
      } else {
        log_error("reload", "failed, going back to the old configuration: {}", made.error().text());
        made = make_service(config_);
      }
      if (!made) {
        log_critical("reload", "{}", made.error().text());
        exit_code_ = 1;
        context_.stop();
        co_return;
      }
      service_->start();
    }
    reloading_ = false;
    notifier_.ready(service_->status_line());
  }

  /// While it reloads or stops nothing is promised.
  bool moves() {
    if (!service_ || reloading_ || stopping_) return true;
    const std::string stuck = service_->stuck();
    if (!stuck.empty())
      log_critical("redflagd", "{} does not move any more; systemd is no longer told that all is well",
                   stuck);
    return stuck.empty();
  }

  /// Runs as long as the loop does: what proves to systemd that the loop still wakes on schedule.
  asio::awaitable<void> heartbeat() {
    const Duration interval = notifier_.watchdog_interval().value_or(Duration{60s}) / 3;
    Duration last_status{};
    for (;;) {
      if (moves()) notifier_.watchdog();
      if (service_ && !reloading_ && !stopping_ && clock_.monotonic() - last_status > Duration{30s}) {
        last_status = clock_.monotonic();
        notifier_.status(service_->status_line());
      }
      co_await clock_.sleep(interval);
    }
  }

  std::optional<std::string> config_path_;
  Config config_;
  asio::io_context context_{1};
  SystemClock clock_;
  SystemInotify inotify_;
  SystemLauncher launcher_{context_.get_executor()};
  ServiceNotifier notifier_;
  std::optional<InstanceLock> lock_;
  std::unique_ptr<Store> store_;
  std::string store_notice_;
  std::unique_ptr<HttpClient> transport_;
  std::unique_ptr<Service> service_;
  std::optional<Signals> signals_;
  bool stopping_ = false;
  Duration stop_asked_{};
  bool reloading_ = false;
  int exit_code_ = 0;
};

int check_config(const ParsedConfig& parsed) {
  fmt::print("{}", describe(parsed.config));
  const MetricNames names = metric_names(parsed.config);
  int exit_code = 0;
  const auto rules = load_rules(rule_files(parsed.config), names);
  if (rules) {
    for (const Diagnostic& doubt : (*rules)->warnings()) fmt::print(stderr, "warning: {}\n", doubt.render());
    fmt::print("\n# {} rules loaded, no mistake in them\n", (*rules)->rules().size());
  } else {
    fmt::print(stderr, "{}\n", rules.error().text());
    exit_code = 2;
  }
  if (const auto patterns = load_log_patterns(parsed.config); !patterns) {
    fmt::print(stderr, "{}\n", patterns.error().text());
    exit_code = 2;
  }
  if (const Result<Secrets> secrets = find_secrets(parsed.config, process_environment()); !secrets) {
    fmt::print(stderr, "redflagd: {}\n", secrets.error().text());
    exit_code = 2;
  }
  if (exit_code == 0) fmt::print("# configuration ok\n");
  return exit_code;
}

}  // namespace

const CommandSpec& redflagd_spec() {
  return kSpec;
}

int redflagd_main(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (!arguments) {
    fmt::print(stderr, "redflagd: {}\n", arguments.error().text());
    return 2;
  }
  if (arguments->has("help")) {
    fmt::print("{}", help_text("redflagd", kSpec));
    return 0;
  }
  if (arguments->has("version")) {
    fmt::print("redflagd {}\n", REDFLAG_VERSION);
    return 0;
  }
  if (arguments->has("example-config")) {
    fmt::print("{}", config_example());
    return 0;
  }
  if (arguments->has("config-reference")) {
    fmt::print("{}", config_reference());
    return 0;
  }
  if (arguments->has("config-man")) {
    fmt::print("{}", config_manual());
    return 0;
  }
  if (arguments->has("man")) {
    fmt::print("{}", manual_page({"redflagd", 8, "redflagd", &kSpec, {}, {"redflag(1)", "redflag.yaml(5)"}}));
    return 0;
  }
  std::optional<std::string> path;
  if (arguments->has("config")) path = arguments->value("config");
  ConfigResult parsed = load_config(process_load_options(path));
  if (!parsed) {
    fmt::print(stderr, "{}", parsed.error().text());
    return 2;
  }
  if (!parsed->warnings.list.empty()) fmt::print(stderr, "{}", parsed->warnings.text());
  if (arguments->has("check-config")) return check_config(*parsed);
  return Program(path).run(std::move(parsed->config));
}

}  // namespace redflag::daemon
