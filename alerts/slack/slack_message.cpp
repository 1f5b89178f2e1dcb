#include "alerts/slack/slack_message.h"

#include <algorithm>

#include <fmt/format.h>

#include "alerts/group.h"
#include "alerts/slack/slack_blocks.h"
#include "alerts/slack/slack_text.h"
#include "alerts/sparkline.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

using namespace slack;

constexpr std::size_t kSparklines = 3;

/// How much of each text is shown. Shrunk until the whole fits.
struct Sizes {
  std::size_t message = 2500;
  std::size_t hint = 1200;
  std::size_t field = 300;
  std::size_t name = 200;
  std::size_t body = 8000;
  std::size_t remark = 600;

  bool shrink() {
    for (std::size_t* size : {&message, &hint, &field, &name, &body, &remark}) *size = *size * 2 / 3;
    return message > 50;
  }
};

/// "0.41 (alert was > 5)": "0.41 > 5" would be untrue.
std::string value_now_words(const Transition& t) {
  if (!t.value) return {};
  std::string words = number_words(*t.value);
  if (t.threshold && !t.comparison.empty()) {
    words += fmt::format(" (alert was {} {})", t.comparison, number_words(*t.threshold));
  }
  return words;
}

std::string since_words(const Transition& t) {
  if (t.since == Time{}) return {};
  const std::string step = t.since_step >= 0 ? fmt::format(", step {}", t.since_step) : "";
  return fmt::format("{}\n{}{}", slack_date(t.since), to_rfc3339(t.since), step);
}

Json facts(const Notification& n, const Sizes& sizes) {
  const Transition& t = n.transitions.front();
  const bool resolved = n.kind == NotificationKind::resolved;
  Fields fields(sizes.field);
  if (!t.run.empty() || !n.run.name.empty()) {
    fields.add_ready("Run", slack_link(n.run.url, place(t, &n.run), sizes.name));
  }
  if (t.subject.kind != SubjectKind::run) fields.add(rule_words(to_string(t.subject.kind)), t.subject.key);
  if (n.kind == NotificationKind::escalated && t.escalated_from) {
    fields.add("Severity",
               fmt::format("{} → {}", severity_word(*t.escalated_from), severity_word(n.severity)));
  }
  if (resolved) {
    fields.add("Value now", value_now_words(t));
    fields.add("Lasted", lasted_words(t));
  } else {
    fields.add("Value against limit", value_words(t));
  }
  if (t.step >= 0) fields.add("Step", std::to_string(t.step));
  fields.add_ready("Since", since_words(t));
  fields.add("Task", n.run.task);
  fields.add("Method", n.run.method);
  fields.add("Seed", n.run.seed);
  if (t.attempt > 1) fields.add("Attempt", std::to_string(t.attempt));
  return fields.block();
}

Json curves(const Transition& t) {
  Json elements = Json::array();
  for (const Evidence& evidence : t.evidence) {
    if (elements.size() == kSparklines) break;
    if (evidence.recent.empty()) continue;
    elements.push_back(plain(fmt::format("{} {} {}", slack_plain(evidence.metric, 80),
                                         sparkline(evidence.recent), number_words(evidence.value))));
  }
  return elements;
}

Json alert_blocks(const Notification& n, const Sizes& sizes) {
  const Transition& t = n.transitions.front();
  const bool resolved = n.kind == NotificationKind::resolved;
  Json blocks = Json::array();
  blocks.push_back(header(
      fmt::format("{} {}: {}", resolved ? "✅" : emoji(n.severity), status_words(n), rule_words(t.rule))));
  blocks.push_back(
      section(slack_plain(resolved ? resolved_words(t) : message_words(t), sizes.message, Lines::keep)));
  Json fields = facts(n, sizes);
  if (!fields["fields"].empty()) blocks.push_back(std::move(fields));
  if (!n.remark.empty()) blocks.push_back(context(Json::array({plain(slack_plain(n.remark, sizes.remark))})));
  if (!t.hint.empty() && !resolved) {
    blocks.push_back(section("What to try: " + slack_plain(t.hint, sizes.hint, Lines::keep)));
  }
  Json lines = curves(t);
  if (!lines.empty()) blocks.push_back(context(std::move(lines)));
  const std::string footer =
      fmt::format("alert {} · rule {}{}", slack_plain(t.id, 64), slack_plain(t.rule, 120),
                  t.pack.empty() ? "" : fmt::format(" ({})", slack_plain(t.pack, 120)));
  blocks.push_back(context(Json::array({plain(footer)})));
  return blocks;
}

/// Digest and notice: a headline, and the text in as many sections as it needs, broken at line ends.
Json text_blocks(const Notification& n, const Sizes& sizes) {
  constexpr std::size_t kSectionUnits = 2900;
  Json blocks = Json::array();
  const std::string_view mark = n.kind == NotificationKind::digest ? "📋" : emoji(n.severity);
  const std::string lead =
      n.kind == NotificationKind::digest ? "" : fmt::format("{}: ", severity_word(n.severity));
  blocks.push_back(header(fmt::format("{} {}{}", mark, lead, n.title)));
  // Cleaned here, escaped section by section, so that no entity is torn apart.
  const std::string text = clean(n.text, sizes.body, Lines::keep);
  std::string part;
  const auto flush = [&] {
    if (!part.empty()) blocks.push_back(section(slack_plain(part, kSectionUnits, Lines::keep)));
    part.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = cut(std::string_view(text).substr(at, end - at), kSectionUnits / 5);
    if (utf16_units(slack_plain(part + line, 2 * sizes.body + 10000, Lines::keep)) > kSectionUnits) flush();
    part += line + "\n";
    at = end + 1;
  }
  flush();
  if (!n.remark.empty()) blocks.push_back(context(Json::array({plain(slack_plain(n.remark, sizes.remark))})));
  const std::string when = n.time == Time{} ? "" : " · " + to_rfc3339(n.time);
  blocks.push_back(context(Json::array({plain("redflag" + when)})));
  return blocks;
}

}  // namespace

std::string slack_summary(const Notification& n) {
  if (!about_alert(n)) {
    const std::string lead =
        n.kind == NotificationKind::digest ? "" : fmt::format("{}: ", severity_word(n.severity));
    const std::string title = slack_mrkdwn(n.title, 400);
    return lead + (title.empty() ? "redflag" : title);
  }
  const Transition& t = n.transitions.front();
  std::string what = message_words(t);
  if (n.kind == NotificationKind::resolved) {
    const std::string lasted = lasted_words(t);
    what = fmt::format("{}{}: {}", rule_words(t.rule), lasted.empty() ? "" : " after " + lasted,
                       resolved_words(t));
  }
  return fmt::format("{} {}: {}", status_words(n), slack_mrkdwn(place(t, &n.run), 150),
                     slack_mrkdwn(what, 400));
}

std::string slack_payload(const Notification& n) {
  Sizes sizes;
  while (true) {
    Json payload;
    payload["text"] = slack_summary(n);
    payload["blocks"] = about_alert(n) ? alert_blocks(n, sizes) : text_blocks(n, sizes);
    std::string body = dump(payload);
    if (utf16_units(body) <= kMaxPayloadUnits) return body;
    if (!sizes.shrink()) return slack_fallback(n);
  }
}

std::string slack_fallback(const Notification& n) {
  std::string text = slack_summary(n);
  if (about_alert(n)) {
    const Transition& t = n.transitions.front();
    if (t.since != Time{}) text += "\nsince " + to_rfc3339(t.since);
    if (!n.remark.empty()) text += "\n" + slack_mrkdwn(n.remark, 600);
    if (!t.hint.empty() && n.kind != NotificationKind::resolved)
      text += "\nWhat to try: " + slack_mrkdwn(t.hint, 600);
    text += "\nalert " + slack_mrkdwn(t.id, 64);
  } else if (!n.text.empty()) {
    text += "\n" + slack_mrkdwn(n.text, 2500, Lines::keep);
  }
  return dump({{"text", text}});
}

void add_slack_remark(std::string& payload, std::string_view remark) {
  constexpr std::size_t kMaxBlocks = 50;
  Json json = Json::parse(payload, nullptr, false);
  if (!json.is_object()) return;
  json["text"] = json.value("text", "") + " (" + slack_mrkdwn(remark, 150) + ')';
  if (json.contains("blocks") && json["blocks"].is_array() && json["blocks"].size() < kMaxBlocks) {
    json["blocks"].push_back(context(Json::array({plain(slack_plain(remark, 150))})));
  }
  payload = dump(json);
}

}  // namespace redflag::alerts
