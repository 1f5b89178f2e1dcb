// Secrets: where they are found, in which order, and that they show up nowhere.
#include "daemon/config/secrets.h"

#include <ostream>
#include <type_traits>

#include "tests/config/config_helpers.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;
using redflag::ErrorCode;

namespace {

template <typename T, typename = void>
struct Printable : std::false_type {};
template <typename T>
struct Printable<T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
    : std::true_type {};

static_assert(!Printable<Secret>::value, "a secret must not be printable");
static_assert(!std::is_convertible_v<Secret, std::string_view> &&
              !std::is_convertible_v<Secret, std::string>);

std::string other_key(char c) {
  return std::string(40, c);
}

WandbConfig wandb_with(const std::string& file = {}) {
  WandbConfig wandb;
  wandb.base_url = "https://api.wandb.ai";
  wandb.api_key_file = file;
  return wandb;
}

}  // namespace

TEST_CASE("A secret formats as stars, moves without leaving itself behind, and copies by value",
          "[config][secrets]") {
  Secret secret("short");
  CHECK(fmt::format("{} {:>5}", secret, Secret()) == "*** ***");
  const Secret copy = secret;
  Secret moved = std::move(secret);
  CHECK(secret.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the point
  CHECK(moved.reveal() == "short");
  moved = Secret("other");
  CHECK(copy.reveal() == "short");
  CHECK(moved.reveal() == "other");
}

TEST_CASE("The W&B key is taken from credential, file, variable, netrc, in this order", "[config][secrets]") {
  const TemporaryDirectory directory;
  directory.write("home/.netrc", "machine api.wandb.ai login user password " + other_key('n') + "\n");
  Variables variables{{"HOME", directory.path("home")}};
  auto found = find_wandb_api_key(wandb_with(), environment(variables));
  REQUIRE(found);
  CHECK(found->value.reveal() == other_key('n'));
  CHECK(found->origin == "netrc file " + directory.path("home/.netrc") + ", machine api.wandb.ai");

  variables["NETRC"] = directory.write("other-netrc", "machine api.wandb.ai password " + other_key('o'));
  CHECK(find_wandb_api_key(wandb_with(), environment(variables))->value.reveal() == other_key('o'));

  variables["WANDB_API_KEY"] = other_key('v') + "\n";
  found = find_wandb_api_key(wandb_with(), environment(variables));
  CHECK(found->value.reveal() == other_key('v'));
  CHECK(found->origin == "environment variable WANDB_API_KEY");

  const std::string file = directory.write("key", other_key('f') + "\r\n");
  found = find_wandb_api_key(wandb_with(file), environment(variables));
  CHECK(found->value.reveal() == other_key('f'));
  CHECK(found->origin == "file " + file);
  CHECK(found->warnings.empty());

  variables["CREDENTIALS_DIRECTORY"] = directory.path("credentials");
  CHECK(find_wandb_api_key(wandb_with(file), environment(variables))->value.reveal() == other_key('f'));
  directory.write("credentials/wandb_api_key", other_key('c'));
  found = find_wandb_api_key(wandb_with(file), environment(variables));
  CHECK(found->value.reveal() == other_key('c'));
  CHECK(found->origin == "systemd credential wandb_api_key");
}

TEST_CASE("netrc is asked for the host of the configured server", "[config][secrets]") {
  const TemporaryDirectory directory;
  directory.write(".netrc", "machine wandb.example login user password " + kKey + "\n");
  const Environment env = environment({{"HOME", directory.path()}});
  WandbConfig wandb = wandb_with();
  const auto missing = find_wandb_api_key(wandb, env);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK_THAT(missing.error().text(), ContainsSubstring("WANDB_API_KEY, " + directory.path(".netrc") +
                                                       " (no entry for api.wandb.ai)"));
  wandb.base_url = "https://WANDB.example:8443/prefix";
  CHECK(find_wandb_api_key(wandb, env)->value.reveal() == kKey);
}

TEST_CASE("A secret that is there but unusable is an error that does not show it", "[config][secrets]") {
  const TemporaryDirectory directory;
  const Environment env =
      environment({{"WANDB_API_KEY", "tooshortkey12345"},
                   {"REDFLAG_SLACK_WEBHOOK", "http://hooks.slack.com/services/T0/B0/abcdefghijkl"}});
  const auto key = [&](const std::string& text) {
    auto found = find_wandb_api_key(wandb_with(directory.write("key", text)), env);
    REQUIRE_FALSE(found);
    return found.error();
  };
  CHECK_THAT(key("shortsecretvalue").text(), ContainsSubstring("does not look like a key: 16 characters"));
  CHECK_FALSE(leaks(key("shortsecretvalue").text(), "shortsecretvalue"));
  CHECK_THAT(key("").text(), ContainsSubstring("the file is empty"));
  CHECK_THAT(key("\n \n").text(), ContainsSubstring("the file is empty"));
  CHECK_THAT(key(kKey + "\n" + kKey).text(), ContainsSubstring("more than one word"));
  CHECK_THAT(key("WANDB_API_KEY=" + kKey).text(), ContainsSubstring("does not look like a key"));
  CHECK(key(std::string(4097, 'a')).code == ErrorCode::too_large);
  CHECK_THAT(key(std::string("abc\0def", 7)).text(), ContainsSubstring("characters that no secret has"));
  CHECK(find_wandb_api_key(wandb_with(directory.path("nowhere")), env).error().code == ErrorCode::not_found);
  CHECK_THAT(find_wandb_api_key(wandb_with(directory.path()), env).error().text(),
             ContainsSubstring("not a regular file"));
  CHECK_FALSE(leaks(find_wandb_api_key(wandb_with(), env).error().text(), "tooshortkey12345"));
  const auto webhook = find_slack_webhook(ReceiverConfig{}, env);
  REQUIRE_FALSE(webhook);
  CHECK_THAT(webhook.error().text(), ContainsSubstring("it does not begin with https://"));
  CHECK_FALSE(leaks(webhook.error().text(), "abcdefghijkl"));
}

TEST_CASE("Keys of both generations are recognised", "[config][secrets]") {
  CHECK(looks_like_wandb_key(kKey));
  CHECK(looks_like_wandb_key("local-" + kKey));
  CHECK(looks_like_wandb_key("wandb_v1_" + std::string(77, 'A')));
  CHECK_FALSE(looks_like_wandb_key(kKey.substr(1)));
  CHECK_FALSE(looks_like_wandb_key(kKey + " "));
  CHECK_FALSE(looks_like_wandb_key(kKey + "\n"));
  CHECK_FALSE(looks_like_wandb_key(std::string(513, 'a')));
}

TEST_CASE("A secret file that everybody can read gives a warning", "[config][secrets]") {
  const TemporaryDirectory directory;
  const auto found = read_secret_file(directory.write("key", kKey, 0644), "file");
  REQUIRE(found);
  REQUIRE(found->warnings.size() == 1);
  CHECK_THAT(found->warnings[0], ContainsSubstring("can be read by every user"));
}

TEST_CASE("A webhook is taken from its file, the credential or the variable", "[config][secrets]") {
  const TemporaryDirectory directory;
  ReceiverConfig receiver;
  receiver.name = "slack";
  Variables variables;
  CHECK(find_slack_webhook(receiver, environment(variables)).error().code == ErrorCode::not_found);
  variables["REDFLAG_SLACK_WEBHOOK"] = kWebhook + "v";
  CHECK(find_slack_webhook(receiver, environment(variables))->value.reveal() == kWebhook + "v");
  directory.write("slack_webhook", kWebhook + "c\n");
  variables["CREDENTIALS_DIRECTORY"] = directory.path();
  CHECK(find_slack_webhook(receiver, environment(variables))->value.reveal() == kWebhook + "c");
  receiver.webhook_file = directory.write("mine", kWebhook + "f");
  CHECK(find_slack_webhook(receiver, environment(variables))->value.reveal() == kWebhook + "f");
  receiver.webhook_file = directory.write("local", "http://127.0.0.1:9000/hook");
  CHECK(find_slack_webhook(receiver, environment(variables)).has_value());
}

TEST_CASE("Secrets written into the file are refused without being shown", "[config][secrets]") {
  const std::vector<std::string> texts{
      "wandb:\n  api_key: " + kKey + "\n",
      "wandb:\n  api_key: \"" + kKey + "\"\n",
      "wandb: {enabled: maybe, api_key: " + kKey + ", timeout: 5}\n",
      "wandb:\n  api_kye: " + kKey + "\n",
      "wandb:\n  API-KEY: " + kKey + "\n",
      "wandb:\n  \"api\\u005fkey\": " + kKey + "\n",
      "wandb:\n  api_key: >\n    " + kKey + "\n  timeout: 5\n",
      "wandb:\n  api_key:\n    - " + kKey + "\n",
      "wandb:\n  api_key_file: " + kKey + "\n",
      "wandb:\n  base_url: https://user:" + kKey + "@wandb.example\n",
      "wandb:\n  api_key: " + kKey + "\n bad indentation: x\n",
      "wandb:\n  api_key: \"" + kKey + "\n  timeout: 5s\n",
      "wandb:\n\tapi_key: " + kKey + "\n",
      "wandb:\n  projects: [" + kKey + "]\n",
      "wandb:\n  runs: {config: {api_key: " + kKey + "}}\n",
      "api_key: " + kKey + "\n",
      kKey + "\n",
      kKey + ": 1\n",
      "alerts: {receivers: [{type: slack, mention: " + kKey + "}]}\n",
  };
  for (const std::string& text : texts) {
    const std::string said = complaints(text);
    INFO(text << "\n" << said);
    CHECK_FALSE(said.empty());
    CHECK_FALSE(leaks(said, kKey));
  }
  const std::vector<std::string> hooks{
      "alerts:\n  receivers:\n    - type: slack\n      webhook_url: " + kWebhook + "\n",
      "alerts:\n  receivers:\n    - type: slack\n      webhook_file: " + kWebhook + "\n",
      "alerts:\n  receivers:\n    - type: slack\n      webhok_url: '" + kWebhook + "'\n",
      "alerts:\n  receivers: [{type: slack, webhook: " + kWebhook + ", mention: [}]\n",
      "alerts:\n  receivers: [{type: slack, mention: \"" + kWebhook + "\"}]\n",
      "alerts:\n  receivers: " + kWebhook + "\n",
      "wandb: {runs: {tags: [\"" + kWebhook + "\"]}}\n",
      "wandb: {runs: {config: {a: \"" + kWebhook + "\"}}}\n",
      "log: {file: \"" + kWebhook + "\"}\n",
      "wandb: {base_url: \"" + kWebhook + "x y\"}\n",
  };
  for (const std::string& text : hooks) {
    const std::string said = complaints(text);
    INFO(text << "\n" << said);
    CHECK_FALSE(said.empty());
    CHECK_FALSE(leaks(said, kWebhook));
  }
  // Even a short password, which has no shape of its own.
  for (const std::string& text : {std::string("network: {password: hunter2hunter2}\n"),
                                  std::string("network:\n  password: hunter2hunter2\n  prxy: x\n"),
                                  std::string("network:\n  passwrod: hunter2hunter2\n"),
                                  std::string("wandb:\n  token:\n    hunter2hunter2\n  [\n")}) {
    INFO(complaints(text));
    CHECK_FALSE(complaints(text).empty());
    CHECK_FALSE(leaks(complaints(text), "hunter2hunter2"));
  }
}

TEST_CASE("The caret line of a refused secret shows the key and stars", "[config][secrets]") {
  CHECK(complaints("wandb:\n  api_key: " + kKey + "  # mine\n") ==
        "redflag.yaml:2:3: error: \"api_key\" would put a secret into this file (it is not shown here)\n"
        "    2 |   api_key: ***\n"
        "      |   ^~~~~~~\n"
        "      = help: put the key into a file that only redflagd can read, and name it: api_key_file: "
        "/etc/redflag/wandb_api_key\n"
        "1 error\n");
}

TEST_CASE("Loading tells which secrets are set and from where, never what they are",
          "[config][secrets][loader]") {
  const TemporaryDirectory directory;
  directory.write("key", kKey);
  directory.write("hook", kWebhook);
  LoadOptions options;
  options.env = environment({{"HOME", directory.path()}});
  options.path = directory.write("redflag.yaml",
                                 "wandb: {projects: [a/b], api_key_file: key}\nalerts: {receivers: [{type: "
                                 "slack, webhook_file: hook}]}\n");
  auto loaded = load_config(options);
  REQUIRE(loaded);
  CHECK(loaded->warnings.text().empty());
  const std::string text = describe(loaded->config);
  CHECK_THAT(text, ContainsSubstring("# API key: set (from file " + directory.path("key") + ")"));
  CHECK_THAT(text, ContainsSubstring("# webhook: set (from file " + directory.path("hook") + ")"));
  CHECK_FALSE(leaks(text, kKey));
  CHECK_FALSE(leaks(text, kWebhook));

  directory.write("redflag.yaml", "wandb: {projects: [a/b]}\nalerts: {receivers: [{type: slack}]}\n");
  loaded = load_config(options);
  REQUIRE(loaded);
  CHECK(loaded->warnings.warnings() == 2);
  CHECK_THAT(loaded->warnings.text(), ContainsSubstring("looking for the W&B API key: none found in"));
  CHECK_THAT(describe(loaded->config), ContainsSubstring("# API key: not set"));

  directory.write("redflag.yaml", "wandb: {projects: [a/b], api_key_file: nowhere}\n");
  loaded = load_config(options);
  REQUIRE_FALSE(loaded);
  CHECK_THAT(loaded.error().text(),
             ContainsSubstring("reading wandb.api_key_file " + directory.path("nowhere") + ": No such file"));
}
