// What the operator's commands print, at the widths of a desk and of a phone.
#include "daemon/cli/operator_text.h"

#include <sstream>

#include "alerts/text/utf8.h"
#include "daemon/api/forms.h"
#include "tests/api/fake_operations.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using nlohmann::json;

namespace {

class FixedClock : public Clock {
 public:
  Time now() const override { return kDocumentedNow; }
  Duration monotonic() const override { return {}; }
  asio::awaitable<void> sleep(Duration) override { co_return; }
};

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) most = std::max(most, alerts::utf16_units(line));
  return most;
}

json as_json(const std::vector<AlertView>& views) {
  json all = json::array();
  for (const AlertView& view : views) all.push_back(json::parse(api::alert_json(view)));
  return all;
}

struct Filled {
  FixedClock clock;
  FakeOperations operations{clock};
  Filled() { fill(operations); }
  json alerts() { return as_json(operations.kept); }
};

Look plain(std::size_t width) {
  return {width, false, true};
}

}  // namespace

TEST_CASE("The table of alerts at 80 columns", "[operator]") {
  Filled filled;
  CHECK(alerts_text(filled.alerts(), kDocumentedNow, plain(80)) ==
        "SEVERITY  STATE      FOR             ID        RULE\n"
        "CRITICAL  firing     30 min          9f3c0a4b  loss-too-high\n"
        "          full_ft_sst2_seed999_failed\n"
        "          train loss 8.45 > 5 at step 700\n"
        "WARNING   no data    20 min          51d0b7c3  run-stalled\n"
        "          lora_rte_seed42\n"
        "          no new step for 10 min\n"
        "          no data for 18 min 20 s\n"
        "WARNING   resolved   25 min ago      c07e1b22  gradient-norm-high\n"
        "          lora_rte_seed42\n"
        "          gradient norm 104 > 100 at step 1200\n"
        "          gradient_norm_total is 1.25\n");
}

TEST_CASE("The table of alerts at 40 columns", "[operator]") {
  Filled filled;
  filled.operations.kept.resize(1);
  filled.operations.kept[0].alert.acknowledged = {at(60), "alice", "restarting with less",
                                                  Severity::critical};
  CHECK(alerts_text(filled.alerts(), kDocumentedNow, plain(40)) ==
        "CRITICAL loss-too-high\n"
        "  acked 30 min, id 9f3c0a4b\n"
        "  full_ft_sst2_seed999_failed\n"
        "  train loss 8.45 > 5 at step 700\n"
        "  acknowledged by alice: restarting with\n"
        "  less\n");
}

TEST_CASE("The column of states says first what a person has to know", "[operator]") {
  Filled filled;
  filled.operations.kept.resize(1);
  AlertView& view = filled.operations.kept[0];
  const auto text = [&] { return alerts_text(filled.alerts(), kDocumentedNow, plain(80)); };
  view.flapping = true;
  CHECK_THAT(text(), ContainsSubstring("CRITICAL  flapping"));
  view.alert.acknowledged = {at(60), "alice", "", Severity::critical};
  CHECK_THAT(text(), ContainsSubstring("CRITICAL  acked"));
  view.alert.muted_by = "inhibited by run-failed 9f3c";
  CHECK_THAT(text(), ContainsSubstring("CRITICAL  inhibited"));
  view.alert.muted_by = "silence 4f1c22ab";
  CHECK_THAT(text(), ContainsSubstring("CRITICAL  silenced"));
  CHECK_THAT(text(), ContainsSubstring("acknowledged by alice; muted by silence 4f1c22ab"));
}

TEST_CASE("Everything about one alert", "[operator]") {
  Filled filled;
  filled.operations.kept[0].alert.acknowledged = {at(60), "alice", "restarting", Severity::critical};
  CHECK(alert_text(filled.alerts()[0], kDocumentedNow, plain(80)) ==
        "CRITICAL loss-too-high\n"
        "  state         firing, acknowledged\n"
        "  what          train loss 8.45 > 5\n"
        "  hint          lower the learning rate 2-5x, lengthen warm-up, check gradient\n"
        "                clipping\n"
        "  run           full_ft_sst2_seed999_failed (sst2, full_finetune, seed 999;\n"
        "                running)\n"
        "  project       ent/proj\n"
        "  page          https://wandb.ai/ent/proj/runs/abc123\n"
        "  tags          full, sst2\n"
        "  value         8.45 > 5\n"
        "  step          700, since step 660\n"
        "  since         2026-11-23T02:56:39Z (30 min ago)\n"
        "  fired         2026-11-23T02:56:51Z (29 min 48 s ago)\n"
        "  last told     2026-11-23T02:56:52Z (29 min 47 s ago)\n"
        "  acknowledged  by alice, 2026-11-23T02:57:39Z: restarting\n"
        "  evidence      train_loss 8.45 (logged as train/loss)\n"
        "                ▁▁▃▄▆█\n"
        "                0.7 1.2 2.9 4.4 6.1 8.45\n"
        "  id            9f3c0a4be2d17788\n"
        "  rule of       step3\n");
}

TEST_CASE("Silences, messages and channels in trouble", "[operator]") {
  Filled filled;
  json silences =
      json::array({json::parse(api::silence_json(filled.operations.kept_silences[0], kDocumentedNow))});
  CHECK(silences_text(silences, kDocumentedNow, plain(80)) ==
        "STATE     TIME                    ID        BY\n"
        "active    1 h 30 min left         4f1c22ab  alice\n"
        "          run=full_ft_rte_* severity<critical\n"
        "          learning-rate sweep, expected to be rough\n");
  json messages = json::array();
  for (const OutboxEntry& entry : filled.operations.messages)
    messages.push_back(json::parse(api::outbox_json(entry)));
  CHECK(outbox_text(messages, kDocumentedNow, plain(80)) ==
        "51d0b7c3e8a94f20-fired-warning@slack\n"
        "  queued, 20 min old, tried 7x, next in 30 s: HTTP 503 from Slack webhook\n"
        "c07e1b22a9d3f645-fired-warning@slack\n"
        "  parked, 28 min 20 s old, tried 2x: HTTP 400 invalid_blocks from Slack webhook\n");
  json channels = json::array();
  for (const alerts::ChannelHealth& health : filled.operations.health)
    channels.push_back(json::parse(api::channel_json(health)));
  CHECK(channels_text(channels, kDocumentedNow, plain(80)) ==
        "slack has been down for 19 min 55 s: HTTP 503 from Slack webhook\n");
}

TEST_CASE("No name reaches the terminal raw or breaks out of its column, at any width", "[operator]") {
  Filled filled;
  for (const std::string& name : alerts::test::hostile_names()) {
    AlertView view = filled.operations.kept[0];
    view.run.name = view.run.task = view.run.url = name;
    view.run.tags = {name, name};
    view.alert.last.rule = name.substr(0, 300);
    view.alert.last.message = view.alert.last.hint = name;
    view.alert.last.evidence[0].metric = name.substr(0, 300);
    view.alert.acknowledged = {at(60), name, name, Severity::critical};
    view.alert.muted_by = name;
    alerts::Silence silence = filled.operations.kept_silences[0];
    silence.author = silence.comment = name;
    OutboxEntry message = filled.operations.messages[0];
    message.message.id = message.message.last_error = name;
    for (const std::size_t width : {20UL, 40UL, 80UL, 200UL}) {
      const Look look = plain(width);
      const json one = as_json({view});
      for (const std::string& text :
           {alerts_text(one, kDocumentedNow, look), alert_text(one[0], kDocumentedNow, look),
            silences_text(json::array({json::parse(api::silence_json(silence, kDocumentedNow))}),
                          kDocumentedNow, look),
            outbox_text(json::array({json::parse(api::outbox_json(message))}), kDocumentedNow, look)}) {
        INFO(width << '\n' << text.substr(0, 2000));
        if (width >= 40) CHECK(widest(text) <= std::max<std::size_t>(width, 40));
        bool clean = true;
        for (std::size_t i = 0; i < text.size();) {
          const alerts::Decoded next = alerts::decode_at(text, i);
          const bool control = alerts::is_control(next.code) && next.code != U'\n';
          clean = clean && next.valid && !control && !alerts::is_bidi_control(next.code);
          i += next.bytes;
        }
        CHECK(clean);
      }
    }
  }
}

TEST_CASE("An answer that is not what it should be does not stop the table", "[operator]") {
  for (const char* odd :
       {R"([{}])", R"([{"id": 5, "rule": null, "acknowledged": 7, "evidence": 3, "tags": "x"}])",
        R"([{"evidence": [1, {"recent": 5}, {"value": "x", "recent": ["a", null, {}]}]}])",
        R"([5, null, "x", []])", R"([{"value": {}, "threshold": [], "step": "x", "since": "y"}])"}) {
    INFO(odd);
    const json list = json::parse(odd);
    for (const std::size_t width : {20UL, 80UL}) {
      CHECK_NOTHROW(alerts_text(list, kDocumentedNow, plain(width)));
      for (const json& one : list) CHECK_NOTHROW(alert_text(one, kDocumentedNow, plain(width)));
      CHECK_NOTHROW(silences_text(list, kDocumentedNow, plain(width)));
      CHECK_NOTHROW(outbox_text(list, kDocumentedNow, plain(width)));
      CHECK_NOTHROW(channels_text(list, kDocumentedNow, plain(width)));
    }
  }
}
