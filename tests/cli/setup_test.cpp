// `redflag setup` against the simulators: what it writes, what it finds wrong, and that it destroys and tells
// nothing.
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/system_clock.h"
#include "daemon/config/config_loader.h"
#include "daemon/simulator/simulator_server.h"
#include "tests/cli/said.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::test;

namespace {

namespace fs = std::filesystem;

const std::string kKey(40, 'k');

/// W&B and Slack on loopback, on a thread of their own; and an environment in which nothing is set but HOME.
class Services {
 public:
  Services()
      : wandb_(clock_, {.api_key = kKey, .entity = "team"}),
        slack_(clock_),
        server_(context_.get_executor(), clock_, wandb_, slack_) {
    wandb_.add_project("team", "proj");
    REQUIRE(server_.listen().has_value());
    thread_ = std::thread([this] { context_.run(); });
    for (const char* name : {"WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_BASE_URL",
                             "REDFLAG_SLACK_WEBHOOK", "NETRC", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy",
                             "http_proxy", "CREDENTIALS_DIRECTORY", "XDG_CONFIG_HOME"})
      ::unsetenv(name);
    ::setenv("HOME", dir.path().c_str(), 1);
    dir.write("key", kKey + "\n");
    dir.write("webhook", server_.slack_url() + "\n");
    fs::create_directories(dir / "results");
    fs::permissions(dir / "key", fs::perms::owner_read | fs::perms::owner_write);
    fs::permissions(dir / "webhook", fs::perms::owner_read | fs::perms::owner_write);
  }
  ~Services() {
    context_.stop();
    thread_.join();
  }

  Said setup(std::vector<std::string> words) {
    words.insert(words.begin(), {"setup", "--yes", "--output", output, "--base-url", server_.wandb_url()});
    return run_redflag(words);
  }
  std::size_t messages() const { return slack_.messages().size(); }

  TempDir dir;
  std::string output = dir / "config/redflag.yaml";

 private:
  SystemClock clock_;
  asio::io_context context_{1};
  WandbSimulator wandb_;
  SlackSimulator slack_;
  SimulatorServer server_;
  std::thread thread_;
};

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

ConfigResult loaded(const std::string& path) {
  LoadOptions options = process_load_options(path);
  return load_config(options);
}

}  // namespace

TEST_CASE("setup writes a configuration that redflagd takes, and says that all is well", "[setup]") {
  Services services;
  const Said said =
      services.setup({"--project", "team/proj", "--api-key-file", services.dir / "key", "--results",
                      services.dir / "results", "--slack-webhook-file", services.dir / "webhook"});
  INFO(said.out << said.err);
  REQUIRE(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("team/proj: 0 runs") && !ContainsSubstring(kKey));
  const ConfigResult config = loaded(services.output);
  REQUIRE(config.has_value());
  CHECK(config->config.wandb.projects.at(0).entity == "team");
  CHECK(config->config.wandb.api_key_file == services.dir / "key");
  CHECK(config->config.results.roots.at(0).path == services.dir / "results");
  CHECK(config->config.alerts.receivers.size() == 2);
  CHECK(mode_of(services.output) == 0600);
  CHECK(services.messages() == 0);
}

TEST_CASE("without a project W&B is switched off and said to be, so that redflagd has nothing to warn of",
          "[setup]") {
  Services services;
  const Said said = services.setup({"--results", services.dir / "results"});
  CHECK(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("W&B project    skipped") && ContainsSubstring("redflag status"));
  const ConfigResult config = loaded(services.output);
  REQUIRE(config.has_value());
  CHECK_FALSE(config->config.wandb.enabled);
  CHECK(config->warnings.warnings() == 0);
}

TEST_CASE("without an entity setup takes that of the key", "[setup]") {
  Services services;
  const Said said = services.setup({"--project", "proj", "--api-key-file", services.dir / "key"});
  INFO(said.out << said.err);
  CHECK(said.code == 0);
  CHECK_THAT(read_file(services.output), ContainsSubstring("entity: team"));
}

TEST_CASE("a wrong key and a wrong project are told apart, and the configuration is written all the same",
          "[setup]") {
  Services services;
  services.dir.write("other", std::string(40, 'x'));
  const Said key = services.setup({"--project", "team/proj", "--api-key-file", services.dir / "other"});
  CHECK(key.code == 1);
  CHECK_THAT(key.out, ContainsSubstring("W&B key        problem"));
  CHECK(fs::exists(services.output));
  const Said project =
      services.setup({"--project", "team/absent", "--api-key-file", services.dir / "key", "--force"});
  CHECK(project.code == 1);
  CHECK_THAT(project.out, ContainsSubstring("W&B key        ok") &&
                              ContainsSubstring("W&B project    problem") &&
                              ContainsSubstring("no project team/absent"));
}

TEST_CASE("a W&B that cannot be reached is a problem with words", "[setup]") {
  Services services;
  const Said said =
      run_redflag({"setup", "--yes", "--output", services.output, "--base-url", "http://127.0.0.1:9",
                   "--project", "team/proj", "--api-key-file", services.dir / "key"});
  CHECK(said.code == 1);
  CHECK_THAT(said.out, ContainsSubstring("problem") && ContainsSubstring("127.0.0.1:9"));
}

TEST_CASE("a key from the environment is written to a file of mode 0600, and never shown", "[setup]") {
  Services services;
  ::setenv("WANDB_API_KEY", kKey.c_str(), 1);
  const Said said = services.setup({"--project", "team/proj"});
  ::unsetenv("WANDB_API_KEY");
  REQUIRE(said.code == 0);
  CHECK(read_file(services.dir / "config/wandb_api_key") == kKey + "\n");
  CHECK(mode_of(services.dir / "config/wandb_api_key") == 0600);
  CHECK_THAT(said.out + said.err + read_file(services.output), !ContainsSubstring(kKey));
}

TEST_CASE("setup overwrites nothing without --force, but a file of comments", "[setup]") {
  Services services;
  const std::vector<std::string> words{"--results", services.dir / "results"};
  services.dir.write("config/redflag.yaml", "wandb: {poll_interval: 5s}\n");
  const Said refused = services.setup(words);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, ContainsSubstring("is there already") && ContainsSubstring("--force"));
  CHECK(read_file(services.output) == "wandb: {poll_interval: 5s}\n");

  services.dir.write("config/redflag.yaml", config_example());
  CHECK(services.setup(words).code == 0);
  CHECK(read_file(services.output + ".example") == config_example());

  services.dir.write("config/redflag.yaml", "wandb: {poll_interval: 5s}\n");
  std::vector<std::string> forced = words;
  forced.emplace_back("--force");
  CHECK(services.setup(forced).code == 0);
  CHECK_THAT(read_file(services.output), !ContainsSubstring("poll_interval"));
}

TEST_CASE("a test message is sent only when it is asked for, and a refused one is explained", "[setup]") {
  Services services;
  std::vector<std::string> words{"--results", services.dir / "results", "--slack-webhook-file",
                                 services.dir / "webhook", "--send-test"};
  const Said sent = services.setup(words);
  INFO(sent.out << sent.err);
  CHECK(sent.code == 0);
  CHECK(services.messages() == 1);
  CHECK_THAT(sent.out, !ContainsSubstring("/services/"));

  std::string url = read_file(services.dir / "webhook");
  services.dir.write("webhook", url.substr(0, url.find("/services/")) + "/services/T/B/hidden\n");
  words.emplace_back("--force");
  const Said refused = services.setup(words);
  CHECK(refused.code == 1);
  CHECK_THAT(refused.out, ContainsSubstring("no_service") && !ContainsSubstring("hidden"));
}

TEST_CASE("for the service the secrets go into a drop-in, and not into the configuration", "[setup]") {
  Services services;
  const Said said = services.setup({"--project", "team/proj", "--api-key-file", services.dir / "key",
                                    "--slack-webhook-file", services.dir / "webhook", "--unit-directory",
                                    services.dir / "unit"});
  INFO(said.out << said.err);
  REQUIRE(said.code == 0);
  const std::string drop_in = read_file(services.dir / "unit/credentials.conf");
  CHECK_THAT(drop_in, ContainsSubstring("LoadCredential=wandb_api_key:" + (services.dir / "key")) &&
                          ContainsSubstring("LoadCredential=slack_webhook:" + (services.dir / "webhook")));
  CHECK_THAT(read_file(services.output), !ContainsSubstring("webhook") && !ContainsSubstring("api_key"));
  CHECK(mode_of(services.output) == 0644);
}

TEST_CASE("for the service a results directory below a shut home is a problem that names the drop-in",
          "[setup]") {
  Services services;
  fs::create_directories(services.dir / "alice/results");
  ::chmod(services.dir.path().c_str(), 0755);
  ::chmod((services.dir / "alice").c_str(), 0750);
  ::chmod((services.dir / "alice/results").c_str(), 0755);
  const std::vector<std::string> words{"--results", services.dir / "alice/results", "--unit-directory",
                                       services.dir / "unit"};
  const Said shut = services.setup(words);
  CHECK(shut.code == 1);
  CHECK_THAT(shut.out, ContainsSubstring("alice is shut") && ContainsSubstring("results-in-home.conf"));
  std::vector<std::string> again = words;
  again.emplace_back("--force");
  services.dir.write("unit/training-user.conf", "[Service]\nUser=alice\n");
  const Said let_in = services.setup(again);
  CHECK(let_in.code == 0);
  CHECK_THAT(let_in.out, ContainsSubstring("training-user.conf has to let the service in"));
  fs::remove(services.dir / "unit/training-user.conf");
  ::chmod((services.dir / "alice").c_str(), 0755);
  CHECK(services.setup(again).code == 0);
}

TEST_CASE("what comes next is said so that it can be typed: redflagd by its place when PATH has none",
          "[setup]") {
  Services services;
  const std::string path = ::getenv("PATH");
  services.dir.write("bin/redflagd", "");
  fs::permissions(services.dir / "bin/redflagd", fs::perms::owner_exec, fs::perm_options::add);
  ::setenv("PATH", (path + ":" + services.dir / "bin").c_str(), 1);
  CHECK_THAT(services.setup({"--no-check", "--project", "team/proj"}).out,
             ContainsSubstring("next:\n  redflagd --check-config"));
  ::setenv("PATH", services.dir.path().c_str(), 1);
  const Said apart = services.setup({"--no-check", "--project", "team/proj", "--force"});
  ::setenv("PATH", path.c_str(), 1);
  CHECK_THAT(apart.out, ContainsSubstring("/redflagd --check-config --config " + services.output));
}

TEST_CASE("wrong answers write nothing", "[setup]") {
  Services services;
  services.dir.write("short", "not-a-key");
  services.dir.write("plain", "http://hooks.example.com/services/x");
  CHECK(services.setup({}).code == 2);
  CHECK(services.setup({"--project", "team/proj", "--api-key-file", services.dir / "short"}).code == 2);
  CHECK(services.setup({"--project", "team/proj", "--api-key-file", services.dir / "absent"}).code == 2);
  CHECK(
      services.setup({"--results", services.dir / "results", "--slack-webhook-file", services.dir / "plain"})
          .code == 2);
  CHECK(run_redflag({"setup", "--yes", "--output", services.output, "--base-url", "ftp://x", "--project",
                     "a/b", "--no-check"})
            .code == 2);
  CHECK_FALSE(fs::exists(services.output));
}

TEST_CASE("a disk that refuses is exit code 3", "[setup]") {
  Services services;
  services.dir.write("blocked", "a file, not a directory");
  services.output = services.dir / "blocked/redflag.yaml";
  CHECK(services.setup({"--results", services.dir / "results"}).code == 3);
}

TEST_CASE("names that YAML would trip over go into the configuration as they are", "[setup]") {
  Services services;
  const std::string name = "- a \"'{x} [y], & *z – ü";
  const Said said =
      services.setup({"--entity", "team", "--project", name, "--api-key-file", services.dir / "key"});
  INFO(said.out << said.err);
  CHECK(said.code == 1);
  const ConfigResult config = loaded(services.output);
  REQUIRE(config.has_value());
  CHECK(config->config.wandb.projects.at(0).project == name);
}

TEST_CASE("names with control characters are refused, and shown escaped", "[setup]") {
  Services services;
  const std::string name = "two\nlines \x1b[31mred";
  const Said said =
      services.setup({"--entity", "team", "--project", name, "--api-key-file", services.dir / "key"});
  CHECK(said.code == 2);
  CHECK_THAT(said.out + said.err, !ContainsSubstring("\x1b") && ContainsSubstring("control"));
  CHECK_FALSE(fs::exists(services.output));
}

TEST_CASE("without an entity, and nobody to ask for it, setup says what to name", "[setup]") {
  Services services;
  const Said said =
      services.setup({"--project", "proj", "--api-key-file", services.dir / "key", "--no-check"});
  CHECK(said.code == 2);
  CHECK_THAT(said.err, ContainsSubstring("--entity"));
  CHECK_FALSE(fs::exists(services.output));
}

TEST_CASE("--json says all of it in one object", "[setup]") {
  Services services;
  const Said said = services.setup({"--json", "--project", "team/absent", "--api-key-file",
                                    services.dir / "key", "--results", services.dir / "results"});
  CHECK(said.code == 1);
  const auto object = nlohmann::json::parse(said.out);
  CHECK(object["good"] == false);
  CHECK(object["files"].size() == 1);
  CHECK(object["checks"][1]["verdict"] == "problem");
}
