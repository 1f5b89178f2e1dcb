// One run's burst as one message: a headline that counts, whose run it is, then a section for each alert, the
// worst first. What does not fit is counted and named, never dropped in silence.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "alerts/group.h"
#include "alerts/slack/slack_blocks.h"
#include "alerts/slack/slack_message.h"
#include "alerts/sparkline.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

using namespace slack;
using Parts = std::vector<const Notification*>;

struct Sizes {
  std::size_t shown = 12;  ///< alerts with a section of their own
  std::size_t hints = 3;   ///< of these, with what to try
  std::size_t message = 400;
  std::size_t hint = 300;
  std::size_t name = 150;
  std::size_t fallback = 3000;

  bool shrink() {
    for (std::size_t* size : {&message, &hint, &name, &fallback}) *size = *size * 2 / 3;
    if (message < 100) shown = std::max<std::size_t>(shown - 1, 1);
    return message > 20;
  }
};

bool resolved(const Notification& n) {
  return n.kind == NotificationKind::resolved;
}

std::string_view mark_of(const Notification& n) {
  if (resolved(n)) return "✅";
  return n.kind == NotificationKind::digest ? "📋" : emoji(n.severity);
}

/// "3 alerts", "2 alerts, 1 resolved", "3 alerts resolved".
std::string headline(const GroupCounts& counts) {
  const auto alerts = [](std::size_t count) {
    return fmt::format("{} alert{}", count, count == 1 ? "" : "s");
  };
  if (counts.firing() == 0) return alerts(counts.resolved) + " resolved";
  if (counts.resolved == 0) return alerts(counts.firing());
  return fmt::format("{}, {} resolved", alerts(counts.firing()), counts.resolved);
}

/// "since 02:56:39 UTC", with the date when it is not the day of the message.
std::string since_words(const Transition& t) {
  if (t.since == Time{}) return {};
  std::string when = to_rfc3339(std::chrono::floor<std::chrono::seconds>(t.since));
  const bool same_day =
      std::chrono::floor<std::chrono::days>(t.since) == std::chrono::floor<std::chrono::days>(t.time);
  if (same_day && when.size() == 20) when = when.substr(11, 8) + " UTC";
  return "since " + when + (t.since_step >= 0 ? fmt::format(" (step {})", t.since_step) : "");
}

void add_line(std::string& text, std::string_view line) {
  if (line.empty()) return;
  if (!text.empty()) text += '\n';
  text += line;
}

Json part_section(const Notification& n, const Sizes& sizes, bool says_where, bool with_hint) {
  if (!about_alert(n)) {
    std::string text = fmt::format("{} {}", mark_of(n), slack_plain(n.title, sizes.message));
    add_line(text, slack_plain(n.text, sizes.message, Lines::keep));
    return section(std::move(text));
  }
  const Transition& t = n.transitions.front();
  std::string text =
      fmt::format("{} {}: {}", mark_of(n), status_words(n), slack_plain(rule_words(t.rule), sizes.name));
  const std::string_view where = place(t, &n.run);
  if (says_where) text += ", " + slack_plain(where, sizes.name);
  // What it is about, when that is not the place itself: which checkpoint of the run.
  if (t.subject.kind != SubjectKind::run && where != t.subject.key)
    add_line(text, fmt::format("{} {}", to_string(t.subject.kind), slack_plain(t.subject.key, sizes.name)));
  add_line(text, slack_plain(what_words(n), sizes.message, Lines::keep));
  const std::string lasted = resolved(n) ? lasted_words(t) : std::string();
  std::string foot = resolved(n) ? (lasted.empty() ? "" : "lasted " + lasted) : since_words(t);
  if (!n.remark.empty()) foot += (foot.empty() ? "" : " · ") + slack_plain(n.remark, sizes.message);
  foot += fmt::format("{}alert {} · rule {}", foot.empty() ? "" : " · ", slack_plain(t.id, 64),
                      slack_plain(t.rule, sizes.name));
  add_line(text, foot);
  if (with_hint && !t.hint.empty())
    add_line(text, "What to try: " + slack_plain(t.hint, sizes.hint, Lines::keep));
  return section(std::move(text));
}

/// Whose burst it is; nothing when the parts have no run in common.
Json run_facts(const Parts& parts, const std::string& where, const Sizes& sizes) {
  const Notification& first = *parts.front();
  Fields fields(sizes.name);
  if (where.empty()) return {};
  const bool of_run = !first.run.name.empty() || !first.transitions.front().run.empty();
  if (of_run) {
    fields.add_ready("Run", slack_link(first.run.url, where, sizes.name));
  } else {
    fields.add(rule_words(to_string(first.transitions.front().subject.kind)), where);
  }
  fields.add("Task", first.run.task);
  fields.add("Method", first.run.method);
  fields.add("Seed", first.run.seed);
  return fields.empty() ? Json() : fields.block();
}

/// The curve of the worst: one look tells whether the run is lost.
Json curve(const Notification& n) {
  Json elements = Json::array();
  if (!about_alert(n) || resolved(n)) return elements;
  for (const Evidence& evidence : n.transitions.front().evidence) {
    if (evidence.recent.empty()) continue;
    elements.push_back(plain(fmt::format("{} {} {}", slack_plain(evidence.metric, 80),
                                         sparkline(evidence.recent), number_words(evidence.value))));
    break;
  }
  return elements;
}

/// "and 17 more (2 critical, 15 warnings): loss-too-high, step-time-up".
std::string more_words(const Parts& parts, std::size_t shown) {
  const Parts rest(parts.begin() + static_cast<std::ptrdiff_t>(shown), parts.end());
  std::set<std::string_view> rules;
  for (const Notification* part : rest) {
    if (about_alert(*part)) rules.insert(part->transitions.front().rule);
  }
  std::string names;
  for (const std::string_view rule : rules) {
    if (names.size() > 500) {
      names += ", …";
      break;
    }
    names += (names.empty() ? ": " : ", ") + slack_plain(rule, 60);
  }
  return fmt::format("and {} more ({}){}", rest.size(), counts_words(count_parts(rest)), names);
}

std::string payload_of(const Parts& parts, const std::string& summary, const Sizes& sizes) {
  const GroupCounts counts = count_parts(parts);
  const std::string where = common_place(parts);
  Json blocks = Json::array();
  blocks.push_back(header(
      fmt::format("{} {}{}{}", mark_of(*parts.front()), headline(counts), where.empty() ? "" : ": ", where)));
  if (Json facts = run_facts(parts, where, sizes); !facts.is_null()) blocks.push_back(std::move(facts));
  const std::size_t shown = std::min(parts.size(), sizes.shown);
  std::set<std::string_view> hints;  // one that several rules share is worth saying once
  for (std::size_t i = 0; i < shown; ++i) {
    const bool with_hint = hints.size() < sizes.hints && about_alert(*parts[i]) && !resolved(*parts[i]) &&
                           !parts[i]->transitions.front().hint.empty() &&
                           hints.insert(parts[i]->transitions.front().hint).second;
    blocks.push_back(part_section(*parts[i], sizes, where.empty(), with_hint));
    if (Json lines = i == 0 ? curve(*parts[i]) : Json::array(); !lines.empty())
      blocks.push_back(context(std::move(lines)));
  }
  std::string foot = counts_words(counts);
  if (shown < parts.size()) foot = more_words(parts, shown) + " · in all " + foot;
  blocks.push_back(context(Json::array({plain(foot)})));
  Json payload;
  payload["text"] = summary;
  payload["blocks"] = std::move(blocks);
  return dump(payload);
}

std::string summary_of(const Parts& parts) {
  const GroupCounts counts = count_parts(parts);
  const std::string where = common_place(parts);
  std::string text =
      counts.firing() == 0 ? std::string("RESOLVED") : std::string(severity_word(parts.front()->severity));
  text += fmt::format(" {}{}{}", slack_mrkdwn(where, 150), where.empty() ? "" : ": ", headline(counts));
  for (std::size_t i = 0; i < std::min<std::size_t>(parts.size(), 3); ++i)
    text += (i == 0 ? ": " : "; ") + slack_mrkdwn(what_words(*parts[i]), 120);
  if (parts.size() > 3) text += "; …";
  return text;
}

}  // namespace

std::string slack_summary(const NotificationGroup& group) {
  const Parts parts = present_parts(group);
  if (parts.empty()) return {};
  return parts.size() == 1 ? slack_summary(*parts.front()) : summary_of(parts);
}

std::string slack_payload(const NotificationGroup& group) {
  const Parts parts = present_parts(group);
  if (parts.empty()) return {};
  if (parts.size() == 1) return slack_payload(*parts.front());
  Sizes sizes;
  const std::string summary = summary_of(parts);
  for (;;) {
    std::string body = payload_of(parts, summary, sizes);
    if (utf16_units(body) <= kMaxPayloadUnits) return body;
    if (!sizes.shrink()) return slack_fallback(group);
  }
}

std::string slack_fallback(const NotificationGroup& group) {
  const Parts parts = present_parts(group);
  if (parts.empty()) return {};
  if (parts.size() == 1) return slack_fallback(*parts.front());
  Sizes sizes;
  std::string text = summary_of(parts);
  const bool says_where = common_place(parts).empty();
  std::size_t shown = 0;
  while (shown < std::min(parts.size(), sizes.shown) && utf16_units(text) <= sizes.fallback) {
    const Notification& n = *parts[shown++];
    if (!about_alert(n)) {
      text += "\n" + slack_mrkdwn(n.title, 200);
      continue;
    }
    const Transition& t = n.transitions.front();
    const std::string where = says_where ? slack_mrkdwn(place(t, &n.run), 100) + " " : std::string();
    text += fmt::format("\n{} {}{}: {} · alert {}", status_words(n), where, slack_mrkdwn(t.rule, 80),
                        slack_mrkdwn(what_words(n), 200), slack_mrkdwn(t.id, 64));
  }
  if (shown < parts.size()) text += fmt::format("\nand {} more", parts.size() - shown);
  return dump({{"text", text}});
}

}  // namespace redflag::alerts
