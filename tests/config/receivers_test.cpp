// Receivers of every type: what each needs, where its secrets come from, and what is shown of them.
#include "config_helpers.h"
#include "daemon/config/secrets.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;

namespace {

const std::string kToken = "xoxb-123456789012-abcdefghijklmnop";

std::string receiver(const std::string& keys) {
  return "alerts: {receivers: [{" + keys + "}]}\n";
}

Config only(const std::string& keys) {
  return accepted(receiver(keys));
}

}  // namespace

TEST_CASE("a receiver of each type is read with what belongs to it", "[config][receivers]") {
  const ReceiverConfig bot =
      only("type: slack_bot, channel: C0123456789, token_file: token").alerts.receivers[0];
  CHECK(bot.name == "slack_bot");
  CHECK(bot.type == ReceiverType::slack_bot);
  CHECK(bot.channel == "C0123456789");
  CHECK(bot.token_file == "/etc/redflag/token");
  CHECK(bot.api_url == "https://slack.com/api");
  CHECK(bot.min_severity == Severity::warning);
  const ReceiverConfig am =
      only("type: alertmanager, url: \"http://am:9093/\", labels: {team: nlp, tier: 1}").alerts.receivers[0];
  CHECK(am.url == "http://am:9093");
  CHECK(am.refresh_interval == Duration{std::chrono::minutes{1}});
  CHECK(am.labels.size() == 2);
  const ReceiverConfig mail =
      only("type: mail, to: alice@example.org, min_severity: critical").alerts.receivers[0];
  CHECK(mail.to == std::vector<std::string>{"alice@example.org"});
  CHECK(mail.sendmail == "/usr/sbin/sendmail");
  CHECK(mail.min_severity == Severity::critical);
}

TEST_CASE("a template may be written on several lines", "[config][receivers]") {
  const Config config = accepted(
      "alerts:\n  receivers:\n    - type: webhook\n      url: https://example.org/hook\n      template: |\n"
      "        {\"text\": \"{{summary}}\",\n         \"level\": \"{{severity}}\"}\n");
  CHECK(config.alerts.receivers[0].body_template == R"({"text": "{{summary}}",  "level": "{{severity}}"})");
}

TEST_CASE("what a receiver cannot work with is said before it is needed", "[config][receivers]") {
  const auto said = [](const std::string& keys) { return complaints(receiver(keys)); };
  CHECK_THAT(said("type: slack_bot"), ContainsSubstring("channel is missing"));
  CHECK_THAT(said("type: slack_bot, channel: \"a, b\""), ContainsSubstring("one channel"));
  CHECK_THAT(said("type: alertmanager"), ContainsSubstring("where is Alertmanager?"));
  CHECK_THAT(said("type: alertmanager, url: \"http://am:9093/api/v2/alerts\""),
             ContainsSubstring("without /api/"));
  CHECK_THAT(said("type: alertmanager, url: \"http://am\", labels: {severity: page}"),
             ContainsSubstring("cannot be a label"));
  CHECK_THAT(said("type: mail"), ContainsSubstring("whom is mail to go to?"));
  CHECK_THAT(said("type: mail, to: [\"-oQ/tmp\"]"), ContainsSubstring("no address"));
  CHECK_THAT(said("type: mail, to: [a@b], from: \"A <a@b>\""), ContainsSubstring("from is no address"));
  CHECK_THAT(said("type: webhook, url: \"https://h/x\", url_file: /x"), ContainsSubstring("besides url"));
  CHECK_THAT(said("type: webhook, url: \"https://h/x\", template: '{\"a\": \"{{sumary}}\"}'"),
             ContainsSubstring("did you mean \"summary\"?"));
  const std::string pasted = said("type: webhook, url: \"" + kWebhook + "\"");
  CHECK_THAT(pasted, ContainsSubstring("name it: url_file"));
  CHECK_FALSE(leaks(pasted, kWebhook));
  CHECK_THAT(said("type: mail, to: [a@b], channel: C0123"),
             ContainsSubstring("has no meaning for a receiver of type mail"));
  CHECK_THAT(said("type: slack_bot, channel: C0123, token: " + kToken), ContainsSubstring("token_file:"));
  CHECK_FALSE(leaks(said("type: slack_bot, channel: C0123, token: " + kToken), kToken));
  CHECK_FALSE(leaks(said("type: slack_bot, channel: C0123, token_file: " + kToken), kToken));
  CHECK_THAT(said("type: slack_bott, channel: x"), ContainsSubstring("did you mean \"slack_bot\"?"));
}

TEST_CASE("a receiver's secret comes from its file, else its credential, else its variable",
          "[config][receivers][secrets]") {
  TemporaryDirectory directory;
  Variables variables{{"CREDENTIALS_DIRECTORY", directory.path("credentials")}};
  ReceiverConfig bot;
  bot.type = ReceiverType::slack_bot;
  bot.name = "train-alerts";
  const auto missing = find_receiver_secrets(bot, environment(variables));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK_THAT(missing.error().text(), ContainsSubstring("train-alerts_token"));
  CHECK_THAT(missing.error().text(), ContainsSubstring("REDFLAG_TRAIN_ALERTS_TOKEN"));
  variables["REDFLAG_TRAIN_ALERTS_TOKEN"] = kToken + "v";
  CHECK(find_receiver_secrets(bot, environment(variables))->token.reveal() == kToken + "v");
  directory.write("credentials/train-alerts_token", kToken + "c\n");
  const auto credential = find_receiver_secrets(bot, environment(variables));
  CHECK(credential->token.reveal() == kToken + "c");
  CHECK(credential->origins[0].second == "systemd credential train-alerts_token");
  bot.token_file = directory.write("token", kToken + "f");
  CHECK(find_receiver_secrets(bot, environment(variables))->token.reveal() == kToken + "f");
  bot.token_file = directory.path("absent");
  CHECK_THAT(find_receiver_secrets(bot, environment(variables)).error().text(),
             ContainsSubstring("reading token_file"));
}

TEST_CASE("a webhook needs an address, and may have a token and a secret", "[config][receivers][secrets]") {
  TemporaryDirectory directory;
  ReceiverConfig hook;
  hook.type = ReceiverType::webhook;
  hook.name = "pager";
  CHECK_FALSE(find_receiver_secrets(hook, environment({})));
  hook.url = "https://example.org/hook";
  const auto bare = find_receiver_secrets(hook, environment({}));
  REQUIRE(bare);
  CHECK(bare->secret.empty());
  CHECK(bare->token.empty());
  hook.url.clear();
  hook.url_file = directory.write("url", "https://example.org/hook?key=topsecretkey");
  hook.secret_file = directory.write("secret", "whsec-abcdefgh", 0644);
  const auto full = find_receiver_secrets(hook, environment({}));
  REQUIRE(full);
  CHECK(full->url.reveal() == "https://example.org/hook?key=topsecretkey");
  CHECK(full->secret.reveal() == "whsec-abcdefgh");
  CHECK(full->warnings.size() == 1);  // everybody can read it
  for (const char* bad : {"ftp://example.org", "example.org/hook", "https://user:pw@example.org/"}) {
    hook.url_file = directory.write("url", bad);
    const auto refused = find_receiver_secrets(hook, environment({}));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("user:pw") == std::string::npos);
  }
}

TEST_CASE("a secret that cannot be one is refused: two words, a line break, no token of Slack's",
          "[config][receivers][secrets][hostile]") {
  ReceiverConfig bot;
  bot.type = ReceiverType::slack_bot;
  bot.name = "b";
  for (const char* bad : {"xoxb-1 2", "xoxb-1\r\nX-Evil: 1", "hello", "\xff\xfe"}) {
    const auto refused = find_receiver_secrets(bot, environment({{"REDFLAG_B_TOKEN", bad}}));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("Evil") == std::string::npos);
  }
  // A name that would lead out of the credentials' directory leads nowhere.
  TemporaryDirectory directory;
  directory.write("x_token", kToken);
  bot.name = "../x";
  CHECK_FALSE(
      find_receiver_secrets(bot, environment({{"CREDENTIALS_DIRECTORY", directory.path("credentials")}})));
}

TEST_CASE("--check-config says where each secret comes from and never what it is", "[config][receivers]") {
  TemporaryDirectory directory;
  directory.write("token", kToken);
  directory.write("secret", "whsec-abcdefghijkl");
  LoadOptions options;
  options.env = environment({{"HOME", "/home/someone"}});
  options.path = directory.write(
      "redflag.yaml",
      "results: {roots: [/data]}\nalerts:\n  receivers:\n"
      "    - {type: slack_bot, channel: C0123456789, token_file: token}\n"
      "    - {type: webhook, name: pager, url: \"https://example.org/hook\", secret_file: secret}\n"
      "    - {type: mail, to: [alice@example.org]}\n");
  const ConfigResult loaded = load_config(options);
  REQUIRE(loaded);
  const std::string text = describe(loaded->config);
  CHECK_THAT(text, ContainsSubstring("# token: set (from file " + directory.path("token")));
  CHECK_THAT(text, ContainsSubstring("# secret: set (from file " + directory.path("secret")));
  CHECK_THAT(text, ContainsSubstring("to: [alice@example.org]"));
  CHECK_FALSE(leaks(text, kToken));
  CHECK(text.find("whsec-abcdefghijkl") == std::string::npos);
}
