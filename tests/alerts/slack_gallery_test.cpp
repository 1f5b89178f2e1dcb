// docs/slack-messages.md: what Slack gets, as JSON, and what a reader sees. The page is made by this test
// (REDFLAG_WRITE_DOCS=1) and held against it; every payload is read by the independent check of Slack's
// limits.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "alerts/daily.h"
#include "alerts/slack/slack_message.h"
#include "tests/alerts/builders.h"
#include "tests/alerts/slack_limits.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;

namespace {

const std::string kPage = REDFLAG_SOURCE_DIR "/docs/slack-messages.md";

Notification alert(const std::string& id, const std::string& rule, const std::string& message,
                   Severity severity) {
  Notification n = fired();
  n.severity = severity;
  Transition& t = n.transitions[0];
  t.id = id;
  t.rule = rule;
  t.message = message;
  t.severity = severity;
  return n;
}

NotificationGroup burst() {
  NotificationGroup group{
      failed_run().key,
      {alert("5d7a0edbfec772e8", "loss-exploding", "train loss 8.45 at step 700, it began at 0.69",
             Severity::critical),
       fired(),
       alert("a3b612612d79ef40", "gradient-explosion", "gradient norm 1031 at step 700, limit 1000",
             Severity::critical),
       alert("b1969d7600aa1122", "throughput-drop", "2.1 s a step, was 0.9 s", Severity::warning)}};
  group.parts[2].transitions[0].hint = "clip gradients (max_grad_norm=1.0), lower the learning rate";
  group.parts[3].transitions[0].hint = "look at the data loader and at other users of the GPU";
  return group;
}

NotificationGroup resolved() {
  Notification n = fired();
  n.kind = NotificationKind::resolved;
  n.transitions = {loss_high(AlertState::resolved, 1260)};
  return {failed_run().key, {n}};
}

NotificationGroup reminder() {
  Notification n = fired();
  n.kind = NotificationKind::repeated;
  n.remark = "Firing for 1 d 0 h, not acknowledged; no data since 2026-11-23T09:14:00Z.";
  return {failed_run().key, {n}};
}

NotificationGroup digest() {
  std::vector<Alert> known;
  for (const Notification& part : burst().parts) {
    Alert one;
    one.last = part.transitions[0];
    one.fired_at = one.last.time;
    one.worst = one.last.severity;
    one.run_name = failed_run().name;
    known.push_back(one);
  }
  known[1].acknowledged = {at(900), "ann", "on it", Severity::critical};
  known[3].quiet = true;
  known[3].muted_by = "silence 4f1c22ab (sweep)";
  return {"", {daily_digest(known, at(-80000), at(6400))}};
}

/// As Slack shows it: links and dates by their words, entities as the characters they stand for.
std::string shown_as(std::string text) {
  for (std::size_t open = text.find('<'); open != std::string::npos; open = text.find('<')) {
    const std::size_t bar = text.find('|', open);
    const std::size_t close = text.find('>', open);
    if (bar == std::string::npos || close == std::string::npos) break;
    text = text.substr(0, open) + text.substr(bar + 1, close - bar - 1) + text.substr(close + 1);
  }
  for (const auto& [entity, character] :
       {std::pair("&lt;", "<"), std::pair("&gt;", ">"), std::pair("&amp;", "&")}) {
    for (std::size_t at = text.find(entity); at != std::string::npos; at = text.find(entity))
      text.replace(at, std::strlen(entity), character);
  }
  return text;
}

/// What a reader sees, top to bottom.
std::string look(const std::string& payload) {
  const auto root = nlohmann::json::parse(payload);
  std::string all;
  const auto add = [&all](const std::string& text) {
    std::istringstream lines(shown_as(text));
    for (std::string line; std::getline(lines, line);) all += "    " + line + "\n";
  };
  for (const auto& block : root["blocks"]) {
    if (block.contains("text")) add(block["text"]["text"].get<std::string>());
    for (const char* list : {"fields", "elements"}) {
      if (!block.contains(list)) continue;
      for (const auto& item : block[list]) {
        std::string text = item["text"].get<std::string>();
        if (std::string_view(list) == "fields") {
          if (const auto line_end = text.find('\n'); line_end != std::string::npos)
            text.replace(line_end, 1, "  ");
        }
        add(text);
      }
    }
    all += "\n";
  }
  return all;
}

std::string page() {
  std::string text =
      "# What Slack shows\n\nMade by `redflag_test_alerts \"[gallery]\"`, which also holds each message "
      "against Slack's "
      "limits by a check that\nshares no code with the writer. Left out here: colours, and the links behind "
      "names.\n";
  const std::pair<const char*, NotificationGroup> shown[] = {
      {"An alert fires", {failed_run().key, {fired()}}},
      {"A burst of one run", burst()},
      {"It still fires", reminder()},
      {"It is over", resolved()},
      {"The daily digest", digest()}};
  for (const auto& [title, group] : shown) {
    const std::string payload = slack_payload(group);
    const auto complaints = slack_complaints(payload);
    CHECK(complaints == std::vector<std::string>{});
    const auto json = nlohmann::ordered_json::parse(payload);
    text += std::string("\n## ") + title + "\n\nOn a phone: `" + shown_as(json["text"].get<std::string>()) +
            "`\n\n" + look(payload) + "```json\n" + json.dump(1) + "\n```\n";
  }
  return text;
}

}  // namespace

TEST_CASE("docs/slack-messages.md shows what Slack gets, within Slack's limits", "[slack][gallery]") {
  const std::string made = page();
  if (std::getenv("REDFLAG_WRITE_DOCS") != nullptr) std::ofstream(kPage) << made;
  std::ifstream file(kPage);
  std::stringstream kept;
  kept << file.rdbuf();
  CHECK(kept.str() == made);
}
