#include "daemon/app/once.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "daemon/app/service.h"
#include "daemon/app/settings.h"
#include "daemon/base/log.h"
#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "daemon/config/config_loader.h"
#include "daemon/store/copy.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr Duration kLookEvery = 20ms;
constexpr Duration kStopPatience = 500ms;
/// A larger store is not copied for one look: the sources are read instead.
constexpr std::uint64_t kMostCopied = 1ULL << 30U;

/// Gone with its bytes at the end.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const Environment& env) {
    std::string base = variable(env, "TMPDIR");
    if (base.empty()) base = "/tmp";
    std::string name = base + "/redflag-once-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What speaks to people or belongs to the daemon is taken out.
Config quiet(Config config, const OnceOptions& options, const std::string& scratch) {
  config.alerts.receivers.clear();
  config.alerts.routes.clear();
  config.alerts.digest_at.clear();
  config.api.socket = "none";
  config.store.state_directory = scratch;
  config.results.forward = config.results.forward && options.forward;
  if (!options.results.empty()) {
    config.results.roots.clear();
    for (const std::string& root : options.results) {
      std::error_code ignored;
      const fs::path absolute = fs::absolute(root, ignored).lexically_normal();
      config.results.roots.push_back({ignored ? root : absolute.string()});
    }
  }
  return config;
}

class Once {
 public:
  Once(const OnceOptions& options, Service& service, asio::io_context& context, Clock& clock)
      : options_(options), service_(service), context_(context), clock_(clock), signals_(context) {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
  }

  Result<OnceLook> run() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) interrupted_ = true;
    });
    asio::co_spawn(context_, look(), asio::detached);
    context_.run();
    if (interrupted_) return fail(ErrorCode::cancelled, "looking once", "interrupted");
    if (failure_) return tl::unexpected<Error>(std::move(*failure_));
    return std::move(result_);
  }

 private:
  asio::awaitable<void> look() {
    const Duration deadline = clock_.monotonic() + options_.limit;
    service_.start();
    std::string waiting;
    for (;;) {
      waiting = service_.unfinished();
      if (waiting.empty() || interrupted_ || clock_.monotonic() >= deadline) break;
      if (options_.progress) options_.progress(waiting);
      co_await clock_.sleep(kLookEvery);
    }
    if (!interrupted_) {
      if (options_.evidence) {
        Result<Evidence> evidence = co_await service_.views().evidence();
        if (evidence) {
          result_.evidence = std::move(*evidence);
        } else {
          failure_ = evidence.error();
        }
      } else {
        result_.evidence.overview = co_await service_.views().overview(options_.runs);
      }
      result_.unfinished = std::move(waiting);
    }
    co_await service_.stop(kStopPatience);
    context_.stop();
  }

  const OnceOptions& options_;
  Service& service_;
  asio::io_context& context_;
  Clock& clock_;
  asio::signal_set signals_;
  bool interrupted_ = false;
  OnceLook result_;
  std::optional<Error> failure_;
};

/// A source that could not even be asked.
SourceView unasked(const Config& config, const Error& error) {
  SourceView view;
  view.kind = "wandb";
  const ProjectConfig& project = config.wandb.projects.front();
  view.key = fmt::format("wandb:{}/{}", project.entity, project.project);
  view.reachable = false;
  view.trouble = error.text();
  return view;
}

}  // namespace

Result<OnceLook> look_once(Config config, const OnceOptions& options, const Environment& env) {
  (void)open_log({.level = LogLevel::critical});
  const ScratchDirectory scratch(env);
  if (scratch.path().empty()) {
    return fail(ErrorCode::storage, "making a temporary directory", std::strerror(errno),
                "set TMPDIR to a directory that you may write to");
  }
  const std::string known = config.store.state_directory;
  config = quiet(std::move(config), options, scratch.path());
  std::optional<SourceView> silent;
  Result<Secrets> secrets = find_secrets(config, env);
  if (!secrets && config.wandb.active()) {
    silent = unasked(config, secrets.error());
    config.wandb.enabled = false;
    secrets = find_secrets(config, env);
  }
  if (!secrets) return tl::unexpected<Error>(std::move(secrets.error()));
  // Without it, or when it is not for us: everything is read from the sources.
  if (!known.empty()) (void)copy_store(known, scratch.path(), kMostCopied);

  asio::io_context context{1};
  SystemClock clock;
  SystemInotify inotify;
  SystemLauncher launcher{context.get_executor()};
  std::string notice;
  auto store = Store::open(scratch.path(), Store::Mode::threaded, clock.now(), notice);
  if (!store) {
    // A copy of a newer daemon's store: it cannot be read, but the sources can.
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(scratch.path(), ignored))
      fs::remove_all(entry.path(), ignored);
    store = Store::open(scratch.path(), Store::Mode::threaded, clock.now(), notice);
  }
  if (!store) return tl::unexpected<Error>(std::move(store.error()));
  HttpClient transport(context.get_executor(), http_settings(config));
  World world{context.get_executor(),
              clock,
              transport,
              **store,
              system_files(),
              inotify,
              options.contents ? &launcher : nullptr};
  world.once = true;
  auto service = Service::create(world, config, std::move(*secrets));
  if (!service) return tl::unexpected<Error>(std::move(service.error()));
  Result<OnceLook> look = Once(options, **service, context, clock).run();
  service->reset();
  transport.stop();
  if (look && silent) {
    auto& sources = look->evidence.overview.sources;
    sources.insert(sources.begin(), std::move(*silent));
  }
  return look;
}

std::vector<OptionSpec> with_once_options(std::vector<OptionSpec> options) {
  options.push_back({"once", "", "look for yourself, now, without the daemon"});
  options.push_back({"results", "DIR", "with --once: this results directory; repeatable"});
  options.push_back({"time-limit", "SECONDS", "with --once: show after so long what is known"});
  return options;
}

Result<OnceOptions> once_options(const Arguments& arguments, Duration limit) {
  OnceOptions options;
  const Result<double> seconds =
      arguments.number("time-limit", std::chrono::duration<double>(limit).count(), 0.1, 86'400);
  if (!seconds) return tl::unexpected<Error>(seconds.error());
  options.limit = Duration{static_cast<std::int64_t>(*seconds * 1e6)};
  options.results = arguments.values("results");
  for (const std::string& root : options.results) {
    if (root.empty()) return fail(ErrorCode::invalid_input, "reading --results", "it names no directory");
  }
  return options;
}

Result<Config> once_config(const Arguments& arguments) {
  std::optional<std::string> path;
  if (arguments.has("config")) path = arguments.value("config");
  ConfigResult parsed = load_config(process_load_options(path));
  if (!parsed) return fail(ErrorCode::invalid_input, "", parsed.error().text());
  return std::move(parsed->config);
}

}  // namespace redflag::daemon
