// What comes from where: file before environment before default; which file; where the state goes.
#include "tests/config/config_helpers.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;

TEST_CASE("The environment fills in what the file leaves out, and the file wins", "[config][environment]") {
  const Variables env{
      {"WANDB_BASE_URL", "https://wandb.example/"}, {"WANDB_ENTITY", "team"}, {"WANDB_PROJECT", "proj"}};
  Config config = accepted("", env);
  CHECK(config.wandb.base_url == "https://wandb.example");
  REQUIRE(config.wandb.projects.size() == 1);
  CHECK(config.wandb.projects[0].entity == "team");
  CHECK(config.wandb.projects[0].project == "proj");
  CHECK(config.origins.at("wandb.base_url").name == "WANDB_BASE_URL");
  CHECK_THAT(describe(config), ContainsSubstring("base_url: https://wandb.example  # from WANDB_BASE_URL"));

  config = accepted("wandb:\n  base_url: https://mine.example\n  projects: [mine/one, two]\n", env);
  CHECK(config.wandb.base_url == "https://mine.example");
  REQUIRE(config.wandb.projects.size() == 2);
  CHECK(config.wandb.projects[0].entity == "mine");
  CHECK(config.wandb.projects[1].entity == "team");
  CHECK_THAT(describe(config), ContainsSubstring("base_url: https://mine.example  # line 2"));
  CHECK_THAT(describe(config), ContainsSubstring("timeout: 30s  # default"));

  config = accepted("");
  CHECK(config.wandb.base_url == "https://api.wandb.ai");
  CHECK(config.wandb.projects.empty());
}

TEST_CASE("A variable with a bad value is an error that names the variable", "[config][environment]") {
  const std::string said = complaints("", {{"WANDB_BASE_URL", "https://me:hunter2hunter2@wandb.example"}});
  CHECK_THAT(said,
             ContainsSubstring("environment variable WANDB_BASE_URL: error: must not hold a user name"));
  CHECK_FALSE(leaks(said, "hunter2hunter2"));
  CHECK_THAT(complaints("", {{"WANDB_ENTITY", "a"}, {"WANDB_PROJECT", "b?c"}}),
             ContainsSubstring("environment variable WANDB_PROJECT"));
  CHECK_THAT(parse("", {{"WANDB_PROJECT", "b"}})->warnings.text(),
             ContainsSubstring("WANDB_ENTITY is not set"));
  CHECK(accepted("", {{"WANDB_PROJECT", "a/b"}}).wandb.projects.at(0).entity == "a");
  CHECK(accepted("", {{"WANDB_BASE_URL", ""}}).wandb.base_url == "https://api.wandb.ai");
}

TEST_CASE("State goes where systemd, XDG or the home says, in this order", "[config][environment]") {
  const auto state = [](Variables variables, bool root = false, const std::string& text = "") {
    ConfigContext context;
    context.env = environment(std::move(variables));
    context.root = root;
    context.base_directory = "/etc/redflag";
    const ConfigResult result = parse_config(text, "x", context);
    return result ? result->config.store.state_directory : "error";
  };
  CHECK(state({{"STATE_DIRECTORY", "/var/lib/a:/var/lib/b"}, {"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}}) ==
        "/var/lib/a");
  CHECK(state({{"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}}) == "/x/redflag");
  CHECK(state({{"HOME", "/h"}}) == "/h/.local/state/redflag");
  CHECK(state({{"HOME", "/root"}, {"INVOCATION_ID", "1"}}, true) == "/var/lib/redflag");
  CHECK(state({{"HOME", "/root"}}, true) == "/root/.local/state/redflag");
  CHECK(state({}, true) == "/var/lib/redflag");
  CHECK(state({}) == "error");
  CHECK(state({{"STATE_DIRECTORY", "/var/lib/a"}}, false, "store: {state_directory: /mine}\n") == "/mine");
}

TEST_CASE("A Slack receiver appears by itself when its webhook is in the environment",
          "[config][environment]") {
  CHECK(accepted("").alerts.receivers.size() == 1);
  const Config config = accepted("", {{"REDFLAG_SLACK_WEBHOOK", kWebhook}});
  REQUIRE(config.alerts.receivers.size() == 2);
  CHECK(config.alerts.receivers[1].type == ReceiverType::slack);
  CHECK(accepted("alerts: {receivers: [{type: log}]}\n", {{"REDFLAG_SLACK_WEBHOOK", kWebhook}})
            .alerts.receivers.size() == 1);
}

TEST_CASE("The file is looked for in /etc, then in the user's configuration; a given one has to exist",
          "[config][loader]") {
  const TemporaryDirectory directory;
  LoadOptions options;
  options.env = environment({{"HOME", directory.path("home")}});
  options.system_path = directory.path("etc/redflag.yaml");

  REQUIRE(load_config(options));
  CHECK(load_config(options)->config.file.empty());
  directory.write("home/.config/redflag/redflag.yaml", "log: {level: debug}\nresults: {roots: [data]}\n");
  REQUIRE(load_config(options));
  CHECK(load_config(options)->config.log.level == LogThreshold::debug);
  CHECK(load_config(options)->config.results.roots.at(0).path == directory.path("home/.config/redflag/data"));
  directory.write("xdg/redflag/redflag.yaml", "log: {level: error}\n");
  options.env = environment({{"HOME", directory.path("home")}, {"XDG_CONFIG_HOME", directory.path("xdg")}});
  CHECK(load_config(options)->config.log.level == LogThreshold::error);
  directory.write("etc/redflag.yaml", "log: {level: warning}\n");
  CHECK(load_config(options)->config.log.level == LogThreshold::warning);

  options.path = directory.path("nowhere.yaml");
  REQUIRE_FALSE(load_config(options));
  CHECK_THAT(load_config(options).error().text(),
             ContainsSubstring("nowhere.yaml: error: the configuration cannot be read: No such file"));
  options.path = directory.path();
  CHECK_THAT(load_config(options).error().text(), ContainsSubstring("it is a directory"));
  options.path = "/dev/zero";
  CHECK_THAT(load_config(options).error().text(), ContainsSubstring("it is not a regular file"));
  options.path = "";
  CHECK_FALSE(load_config(options).has_value());
  options.path = directory.write("big.yaml", std::string(2 << 20, '#'));
  CHECK_THAT(load_config(options).error().text(), ContainsSubstring("larger than 256 KiB"));
  options.path = "etc/redflag.yaml";
  options.working_directory = directory.path();
  CHECK(load_config(options)->config.log.level == LogThreshold::warning);
}

TEST_CASE("A certificate file that is not there is an error before anything starts", "[config][loader]") {
  const TemporaryDirectory directory;
  LoadOptions options;
  options.env = environment({{"HOME", directory.path()}});
  options.path = directory.write("redflag.yaml", "wandb: {ca_file: nowhere.pem}\n");
  CHECK_THAT(load_config(options).error().text(),
             ContainsSubstring("wandb.ca_file " + directory.path("nowhere.pem") + " cannot be read"));
}

TEST_CASE("The local API's socket goes where systemd, XDG or the state is, in this order",
          "[config][environment]") {
  const auto socket = [](const std::string& text, Variables variables = {}) {
    return accepted(text, std::move(variables)).api.socket;
  };
  CHECK(socket("", {{"RUNTIME_DIRECTORY", "/run/redflag:/run/b"}, {"XDG_RUNTIME_DIR", "/run/user/1"}}) ==
        "/run/redflag/redflag.sock");
  CHECK(socket("", {{"XDG_RUNTIME_DIR", "/run/user/1"}}) == "/run/user/1/redflag/redflag.sock");
  CHECK(socket("store: {state_directory: /s}") == "/s/redflag.sock");
  CHECK(socket("api: {socket: none}", {{"XDG_RUNTIME_DIR", "/run/user/1"}}) == "none");
  CHECK(socket("api: {socket: my.sock}", {{"XDG_RUNTIME_DIR", "/run/user/1"}}) == "/etc/redflag/my.sock");
  CHECK_THAT(complaints("api: {socket: /" + std::string(120, 'x') + "}"),
             ContainsSubstring("api.socket has 121 bytes, and the system allows 107"));
}

TEST_CASE("The socket is for redflagd's user alone unless a group or a mode is named",
          "[config][environment]") {
  const auto mode = [](const std::string& text) { return api_mode(accepted(text).api); };
  CHECK(mode("") == 0600U);
  CHECK(mode("api: {group: ops}") == 0660U);
  CHECK(mode("api: {group: ops, mode: \"0640\"}") == 0640U);
  CHECK(mode("api: {mode: 0666}") == 0666U);
  CHECK(mode("api: {mode: 660}") == 0660U);
  for (const char* wrong : {"0o600", "rw", "9999", "06600", "00", "1600", "-600"}) {
    INFO(wrong);
    CHECK_THAT(complaints(std::string("api: {mode: \"") + wrong + "\"}"),
               ContainsSubstring("api.mode must be permissions in octal"));
  }
  CHECK_THAT(complaints("api: {mode: \"0066\"}"), ContainsSubstring("would shut out redflagd's own user"));
}
