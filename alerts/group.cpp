#include "alerts/group.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

bool resolved(const Notification& n) {
  return n.kind == NotificationKind::resolved;
}

}  // namespace

bool about_alert(const Notification& n) {
  const bool speaks_for_itself = n.kind == NotificationKind::digest || n.kind == NotificationKind::notice;
  return !speaks_for_itself && !n.transitions.empty();
}

std::vector<const Notification*> present_parts(const NotificationGroup& group) {
  std::map<std::string_view, const Notification*> newest;
  std::vector<const Notification*> parts;
  for (const Notification& part : group.parts) {
    if (about_alert(part)) {
      newest[part.transitions.front().id] = &part;
    } else {
      parts.push_back(&part);
    }
  }
  for (const auto& [id, part] : newest) parts.push_back(part);
  const auto rank = [](const Notification* n) {
    const Time since = about_alert(*n) ? n->transitions.front().since : n->time;
    return std::tuple(resolved(*n), -static_cast<int>(n->severity), since);
  };
  std::stable_sort(parts.begin(), parts.end(),
                   [&](const Notification* a, const Notification* b) { return rank(a) < rank(b); });
  return parts;
}

Severity severity_of(const NotificationGroup& group) {
  const std::vector<const Notification*> parts = present_parts(group);
  return parts.empty() ? Severity::info : parts.front()->severity;
}

GroupCounts count_parts(const std::vector<const Notification*>& parts) {
  GroupCounts counts;
  for (const Notification* part : parts) {
    if (resolved(*part)) {
      ++counts.resolved;
    } else if (part->severity == Severity::critical) {
      ++counts.critical;
    } else if (part->severity == Severity::warning) {
      ++counts.warning;
    } else {
      ++counts.info;
    }
  }
  return counts;
}

std::string counts_words(const GroupCounts& counts) {
  std::string words;
  const auto add = [&](std::size_t count, std::string_view one, std::string_view many) {
    if (count == 0) return;
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", count, count == 1 ? one : many);
  };
  add(counts.critical, "critical", "critical");
  add(counts.warning, "warning", "warnings");
  add(counts.info, "info", "info");
  add(counts.resolved, "resolved", "resolved");
  return words;
}

std::string common_place(const std::vector<const Notification*>& parts) {
  std::string common;
  for (const Notification* part : parts) {
    if (!about_alert(*part)) return {};
    const std::string_view here = place(part->transitions.front(), &part->run);
    if (part != parts.front() && here != common) return {};
    common = here;
  }
  return common;
}

std::string status_words(const Notification& n) {
  const std::string_view severity = severity_word(n.severity);
  if (resolved(n)) return fmt::format("RESOLVED (was {})", severity);
  if (n.kind == NotificationKind::repeated) return fmt::format("STILL {}", severity);
  if (n.kind == NotificationKind::escalated && about_alert(n) && n.transitions.front().escalated_from) {
    return fmt::format("{} (was {})", severity, severity_word(*n.transitions.front().escalated_from));
  }
  return std::string(severity);
}

std::string resolved_words(const Transition& t) {
  return t.reason.empty() ? message_words(t) : t.reason;
}

std::string what_words(const Notification& n) {
  if (!about_alert(n)) return n.title;
  return resolved(n) ? resolved_words(n.transitions.front()) : message_words(n.transitions.front());
}

std::vector<std::string> alert_ids_of(const NotificationGroup& group) {
  std::vector<std::string> ids;
  std::set<std::string_view> seen;
  for (const Notification& part : group.parts) {
    for (const Transition& transition : part.transitions) {
      if (seen.insert(transition.id).second) ids.push_back(transition.id);
    }
  }
  return ids;
}

}  // namespace redflag::alerts
