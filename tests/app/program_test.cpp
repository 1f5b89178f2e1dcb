// redflagd as a process: what it says when it cannot start, and how it takes signals.
#include <filesystem>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <signal.h>

#include "daemon/base/child_process.h"
#include "daemon/config/config_loader.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

/// Runs redflagd and answers its lines; gives up after twenty seconds.
class Daemon {
 public:
  using OnLine = std::function<void(Daemon&, const std::string&)>;

  explicit Daemon(std::vector<std::string> arguments, OnLine on_line = {}) {
    auto started =
        ChildProcess::start(context_.get_executor(), REDFLAGD, arguments,
                            {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "ASAN_OPTIONS=detect_leaks=0"});
    if (!started) throw std::runtime_error(started.error().text());
    child_.emplace(std::move(*started));
    asio::co_spawn(
        context_,
        [this, on_line]() -> asio::awaitable<void> {
          co_await child_->read_lines([&](std::string_view line) {
            output += std::string(line) + '\n';
            if (on_line) on_line(*this, std::string(line));
          });
          context_.stop();
        },
        asio::detached);
  }

  int run() {
    asio::steady_timer limit(context_, 20s);
    limit.async_wait([this](const boost::system::error_code& error) {
      if (!error) signal(SIGKILL);
    });
    context_.run();
    return child_->wait();
  }
  void signal(int number) { child_->signal(number); }

  std::string output;

 private:
  asio::io_context context_;
  std::optional<ChildProcess> child_;
};

std::string config_in(const test::TempDir& dir, const std::string& more = {}) {
  dir.write("redflag.yaml", "store:\n  state_directory: " + dir.path() + "/state\nresults:\n  roots: [" +
                                dir.path() + "/results]\n" + more);
  return dir / "redflag.yaml";
}

bool says(const std::string& line, const char* words) {
  return line.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a configuration with mistakes stops redflagd with exit code 2, each mistake with its place",
          "[program]") {
  const test::TempDir dir;
  Daemon daemon({"--config", config_in(dir, "log:\n  levle: info\n")});
  CHECK(daemon.run() == 2);
  CHECK_THAT(daemon.output, ContainsSubstring("redflag.yaml:6:3: error: unknown key \"levle\""));
  CHECK_THAT(daemon.output, ContainsSubstring("did you mean \"level\"?"));
}

TEST_CASE("a rule file with a syntax error stops redflagd with its place, before anything is watched",
          "[program]") {
  const test::TempDir dir;
  dir.write("rules/mine.yaml", "rules:\n  - rule: bad\n    severity: warning\n    when: train_loss >\n");
  Daemon daemon({"--config", config_in(dir, "rules:\n  directory: " + dir.path() + "/rules\n")});
  CHECK(daemon.run() == 1);
  CHECK_THAT(daemon.output, ContainsSubstring("mine.yaml:4:"));
}

TEST_CASE("redflagd stops cleanly on SIGTERM, and waits for a results directory that is not there yet",
          "[program]") {
  const test::TempDir dir;
  Daemon daemon({"--config", config_in(dir)}, [](Daemon& d, const std::string& line) {
    if (says(line, "ready:")) d.signal(SIGTERM);
  });
  CHECK(daemon.run() == 0);
  CHECK_THAT(daemon.output, ContainsSubstring("stopped"));
}

TEST_CASE("a second redflagd on the same state is refused and told who has it", "[program]") {
  const test::TempDir dir;
  const std::string config = config_in(dir);
  std::string second;
  int second_code = -1;
  Daemon first({"--config", config}, [&](Daemon& d, const std::string& line) {
    if (!says(line, "ready:")) return;
    Daemon other({"--config", config});
    second_code = other.run();
    second = other.output;
    d.signal(SIGTERM);
  });
  CHECK(first.run() == 0);
  CHECK(second_code == 1);
  CHECK_THAT(second, ContainsSubstring("is already using it"));
}

TEST_CASE("SIGHUP with a broken configuration is refused with the reason, and the old one goes on",
          "[program]") {
  const test::TempDir dir;
  const std::string config = config_in(dir);
  Daemon daemon({"--config", config}, [&](Daemon& d, const std::string& line) {
    if (says(line, "ready:")) {
      config_in(dir, "log:\n  level: loud\n");
      d.signal(SIGHUP);
    } else if (says(line, "refused")) {
      config_in(dir);
      d.signal(SIGHUP);
    } else if (says(line, "reload   done")) {
      d.signal(SIGTERM);
    }
  });
  CHECK(daemon.run() == 0);
  CHECK_THAT(daemon.output, ContainsSubstring("the old configuration goes on"));
  CHECK_THAT(daemon.output, ContainsSubstring("reload   done"));
}

TEST_CASE("an unwritable state directory is said with the setting that names it", "[program]") {
  const test::TempDir dir;
  dir.write("redflag.yaml", "store:\n  state_directory: /proc/redflag\n");
  Daemon daemon({"--config", dir / "redflag.yaml"});
  CHECK(daemon.run() == 1);
  CHECK_THAT(daemon.output, ContainsSubstring("store.state_directory"));
}

TEST_CASE("docs/configuration.md is what redflagd --config-reference prints", "[program][docs]") {
  CHECK(test::read_file(REDFLAG_SOURCE_DIR "/docs/configuration.md") == config_reference());
}
