#include "alerts/log/log_line.h"

#include <algorithm>

#include <fmt/format.h>

#include "alerts/group.h"
#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

constexpr std::size_t kNameUnits = 200;
constexpr std::size_t kMessageUnits = 1000;

/// Escaped, and of bounded length: an escape is at most ten characters for a byte. Cut before escaping, so no
/// escape is torn.
std::string shown(std::string_view raw, std::size_t max_units) {
  return escape_terminal(cut(raw, max_units));
}

/// One word of a column: quoted when it has spaces or quotes, so that a name cannot pass for two columns.
std::string name(std::string_view raw) {
  const std::string text = shown(raw, kNameUnits);
  if (!text.empty() && text.find_first_of(" \"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

/// "02:56:39", with the date when it is another day than the change itself.
std::string since_words(const Transition& t) {
  if (t.since == Time{}) return {};
  const bool same_day =
      std::chrono::floor<std::chrono::days>(t.since) == std::chrono::floor<std::chrono::days>(t.time);
  const std::string full = to_rfc3339(std::chrono::floor<std::chrono::seconds>(t.since));
  return " since " + (same_day && full.size() == 20 ? full.substr(11, 8) : full);
}

std::string head(const Transition& t) {
  switch (t.to) {
    case AlertState::pending:
      return "PENDING";
    case AlertState::inactive:
      return "CLEARED";
    case AlertState::resolved:
      return "RESOLVED";
    case AlertState::closed:
      return "CLOSED";
    case AlertState::firing:
      break;
  }
  return std::string(severity_word(t.severity));
}

std::string body(const Transition& t, Severity severity) {
  if (t.to == AlertState::firing || t.to == AlertState::pending) {
    const std::string was =
        t.escalated_from ? fmt::format("(was {}) ", severity_word(*t.escalated_from)) : std::string();
    return was + shown(message_words(t), kMessageUnits) + since_words(t);
  }
  const std::string_view past = t.from == AlertState::pending ? "pending" : severity_word(severity);
  const std::string lasted = lasted_words(t);
  std::string text = fmt::format("was {}{}", past, lasted.empty() ? "" : " for " + lasted);
  const std::string& why = t.reason.empty() ? t.message : t.reason;
  return why.empty() ? text : text + ": " + shown(why, kMessageUnits);
}

std::string line(const Transition& t, const RunContext* run, Severity severity, std::string_view lead = {}) {
  std::string text = fmt::format("{:<8}  {}  {}  {}{}  alert {}", head(t), name(place(t, run)), name(t.rule),
                                 lead, body(t, severity), name(t.id));
  const bool on = t.to == AlertState::firing;
  if (t.subject.kind != SubjectKind::run && place(t, run) != t.subject.key) {
    text += fmt::format("  {} {}", to_string(t.subject.kind), name(t.subject.key));
  }
  if (on && !t.hint.empty()) text += "  hint: " + shown(t.hint, kMessageUnits);
  return text;
}

/// The lines of a text, each escaped, in one line.
std::string joined(std::string_view text) {
  std::string all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) all += (all.empty() ? "" : " | ") + escape_terminal(text.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

}  // namespace

std::string transition_line(const Transition& transition, const RunContext* run) {
  return line(transition, run, transition.severity);
}

std::string notification_line(const Notification& n) {
  const std::string remark = n.remark.empty() ? std::string() : "  " + joined(cut(n.remark, kMessageUnits));
  if (about_alert(n)) {
    const std::string_view lead = n.kind == NotificationKind::repeated ? "still " : "";
    return line(n.transitions.front(), &n.run, n.severity, lead) + remark;
  }
  std::string text = fmt::format("{:<8}  {}", severity_word(n.severity), joined(cut(n.title, kMessageUnits)));
  const std::string body = joined(cut(n.text, 4 * kMessageUnits));
  return (body.empty() ? text : text + "  " + body) + remark;
}

}  // namespace redflag::alerts
