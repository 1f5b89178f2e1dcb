#include "alerts/grouper.h"

#include <algorithm>
#include <utility>

#include "alerts/group.h"

namespace redflag::alerts {
namespace {

constexpr Duration kForgetAfter = std::chrono::hours{1};

bool urgent(const Notification& n) {
  return n.severity == Severity::critical &&
         (n.kind == NotificationKind::fired || n.kind == NotificationKind::escalated);
}

}  // namespace

std::string group_key(const Notification& notification) {
  if (!about_alert(notification)) return {};
  const Transition& t = notification.transitions.front();
  if (!t.run.empty()) return t.run;
  return std::string(to_string(t.subject.kind)) + ':' + t.subject.key;
}

Grouper::Place Grouper::add(const std::string& receiver, const Notification& notification,
                            std::string fresh_id, Time now,
                            const std::function<bool(const std::string& id)>& hold) {
  forget_old(now);
  const std::string key = group_key(notification);
  Open& open = open_[receiver + '\0' + (key.empty() ? fresh_id : key)];
  if (open.group && !key.empty() && open.group->parts.size() < options_.max_parts && hold(open.id)) {
    open.group->parts.push_back(notification);
    ++open.revision;
    if (urgent(notification)) open.due = std::min(open.due, now + options_.wait);
  } else {
    const Time last = open.group ? open.due : Time{};
    open = {std::move(fresh_id), 0, now + options_.wait, now,
            std::make_shared<NotificationGroup>(NotificationGroup{key, {notification}})};
    // The clock may have been set back: nothing waits for longer than the interval.
    if (last != Time{} && last <= now && !urgent(notification))
      open.due = std::max(open.due, last + options_.interval);
    if (key.empty()) open.due = Time{};
    (void)hold(open.id);
  }
  return {open.id, open.revision, open.due, open.created, open.group};
}

void Grouper::forget_old(Time now) {
  if (now >= forgot_ && now - forgot_ < kForgetAfter) return;
  forgot_ = now;
  std::erase_if(open_, [now](const auto& entry) {
    return now < entry.second.created || now - entry.second.created > kForgetAfter;
  });
}

}  // namespace redflag::alerts
