// Whatever the file holds: no crash, no endless loop, errors with places inside the file, and no secret in
// any of them.
#include <algorithm>
#include <random>

#include "daemon/config/mask.h"
#include "tests/config/config_helpers.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;

namespace {

const std::string kSeed =
    "# seed\nwandb:\n  base_url: https://wandb.example/x\n  projects: [a/b, {entity: c, project: d, runs: "
    "{tags: [x, \"y z\"]}}]\n"
    "  runs: &r\n    names: ['full_*']\n    max_age: 30d\n    config: {seed: 42, lr: 2e-5}\n  poll_interval: "
    "5s\n"
    "results:\n  roots:\n    - /data/one\n    - {path: ~/two}\n  settle: 3s\nmetrics:\n  aliases:\n    "
    "train_loss: [l, {name: m, scale: 2}]\n"
    "alerts:\n  receivers:\n    - type: slack\n      mention: \"<!here>\"\n    - {type: log, name: l}\n"
    "log: {level: debug}\nnetwork:\n  proxy: none\n  no_proxy: [a, \"b\"]\nrules:\n  packs:\n  - step3\n";

void check_result(const std::string& text) {
  const ConfigResult result = parse(text);
  if (result) {
    const std::string again = describe(result->config);
    const ConfigResult second = parse(again);
    INFO(text << "\n----\n" << again << (second ? "" : second.error().text()));
    CHECK(second.has_value());
    return;
  }
  CHECK(result.error().has_errors());
  CHECK(result.error().list.size() <= 101);
  const std::size_t lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const ConfigDiagnostic& diagnostic : result.error().list) {
    CHECK(diagnostic.line <= lines);
    CHECK(diagnostic.text().size() < 20000);
    for (const char c : diagnostic.text()) CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
  }
}

}  // namespace

TEST_CASE("Mutated configurations are accepted or refused, never fatal", "[config][hostile]") {
  std::mt19937 random(20261123);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::string spice = "{}[]:,-#&*!|>'\"%@`?\n\t \\~<0a\xc3\xff\x01";
  for (int round = 0; round < 3000; ++round) {
    std::string text = kSeed;
    for (std::size_t n = 1 + below(6); n > 0; --n) {
      const std::size_t at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = spice[below(spice.size())];
          break;
        case 1:
          text.insert(at, 1, spice[below(spice.size())]);
          break;
        case 2:
          text.erase(at, 1 + below(8));
          break;
        case 3:
          text.insert(at, text.substr(below(text.size()), 1 + below(40)));
          break;
        default:
          text = text.substr(0, at) + "\n" + text.substr(at);
      }
      if (text.empty()) text = "x";
    }
    check_result(text);
  }
}

TEST_CASE("Random bytes are refused with places in the file", "[config][hostile]") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 200, '\0');
    const bool ascii = round % 2 == 0;
    for (char& c : text)
      c = ascii ? "abwandb:log{}[],'\"\n  -&*x#|>"[random() % 28] : static_cast<char>(random() & 0xff);
    check_result(text);
  }
}

TEST_CASE("A secret does not show however broken the lines around it are", "[config][hostile][secrets]") {
  std::mt19937 random(42);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::string before = "wandb:\n  timeout: 5s\n  ";
  const std::string after = "\n  poll_interval: 5s\nlog: {level: info}\n";
  const std::string spice = "{}[]:,-#&*!|>'\"%@`?\n\t \\";
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const bool slack = round % 3 == 0;
    const std::string& secret = slack ? kWebhook : kKey;
    std::string head = before + (slack ? "webhook_url: " : round % 3 == 1 ? "api_key: " : "api_key_file: ");
    std::string tail = after;
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      std::string& part = below(2) == 0 ? head : tail;
      const std::size_t at = below(part.size());
      if (below(2) == 0)
        part.insert(at, 1, spice[below(spice.size())]);
      else
        part[at] = spice[below(spice.size())];
    }
    const ConfigResult result = parse(head + secret + tail);
    const std::string said =
        result ? describe(result->config) + result->warnings.text() : result.error().text();
    refused += result ? 0 : 1;
    INFO(head << secret << tail << "\n----\n" << said);
    REQUIRE_FALSE(leaks(said, secret));
  }
  CHECK(refused > 2500);
}

TEST_CASE("Cuts of a file at every byte are handled", "[config][hostile]") {
  for (std::size_t size = 0; size <= kSeed.size(); ++size) check_result(kSeed.substr(0, size));
}

TEST_CASE("Files made to be slow are not", "[config][hostile]") {
  const std::size_t limit = 250 * 1024;
  for (const std::string unit :
       {"[",    "{",     "- ",      "? ",   "a: ",  "'",  "\"", "|\n", "&a ",   "*a ",
        "!a ",  "a\n",   "a: b\n",  "[a,",  "{a: ", "#",  "\n", " ",   "a:\n ", "- - ",
        "%a\n", "---\n", "a: 'x\n", "\"\\", "[]",   "{}", ": ", ", "}) {
    std::string text;
    while (text.size() + unit.size() <= limit) text += unit;
    const ConfigResult result = parse(std::move(text));
    INFO(unit);
    if (!result) CHECK(result.error().list.size() <= 101);
  }
}

TEST_CASE("What looks like a secret is found where it stands alone, and only there",
          "[config][hostile][secrets]") {
  using settings::secret_shapes;
  CHECK(secret_shapes("key=" + kKey).size() == 1);
  CHECK(secret_shapes("'" + kKey + "'").size() == 1);
  CHECK(secret_shapes("/data/llama-1b_full-finetune_sst2_seed42_lr-2e-5_bs32_epochs3/x").empty());
  CHECK(secret_shapes("see https://wandb.ai/team/project/runs/abc").empty());
  CHECK(secret_shapes("xoxb-123-456-abc").size() == 1);
  CHECK(secret_shapes("<@U012345>").empty());
  CHECK(settings::shown("http://u:p@h/ " + kWebhook) == "http://***@h/ https://hooks.slack.com/***");
}
