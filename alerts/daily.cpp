#include "alerts/daily.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "alerts/text/clean.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

constexpr std::size_t kLines = 15;
constexpr std::size_t kRules = 8;
constexpr std::size_t kLineUnits = 240;

bool firing(const Alert& alert) {
  return alert.last.to == AlertState::firing;
}

std::string line_of(const Alert& alert, Time now) {
  RunContext run;
  run.name = alert.run_name;
  std::string state = human_duration(std::max(now - alert.fired_at, Duration{}));
  if (alert.acknowledged.at != Time{}) state += ", acknowledged by " + clean(alert.acknowledged.by, 60);
  if (!alert.muted_by.empty()) state += ", muted: " + clean(alert.muted_by, 100);
  return fmt::format("{} {}: {} ({})", severity_word(alert.last.severity),
                     clean(place(alert.last, &run), 100), clean(message_words(alert.last), kLineUnits),
                     state);
}

std::string by_severity(const std::vector<const Alert*>& alerts) {
  std::string text;
  for (const Severity severity : {Severity::critical, Severity::warning, Severity::info}) {
    const auto count =
        std::count_if(alerts.begin(), alerts.end(), [&](const Alert* a) { return a->worst == severity; });
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(severity));
  }
  return text;
}

std::string by_rule(const std::vector<const Alert*>& alerts) {
  std::map<std::string, std::size_t> counts;
  for (const Alert* alert : alerts) ++counts[alert->last.rule];
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t i = 0; i < std::min(order.size(), kRules); ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", clean(order[i].first, 80), order[i].second);
  return order.size() > kRules ? text + fmt::format(" and {} more", order.size() - kRules) : text;
}

}  // namespace

Notification daily_digest(const std::vector<Alert>& alerts, Time from, Time to) {
  std::vector<const Alert*> fired;
  std::vector<const Alert*> open;
  std::size_t untold = 0;
  for (const Alert& alert : alerts) {
    if (alert.fired_at >= from && alert.fired_at < to) {
      fired.push_back(&alert);
      untold += alert.quiet ? 1 : 0;
    }
    if (firing(alert)) open.push_back(&alert);
  }
  std::stable_sort(open.begin(), open.end(), [](const Alert* a, const Alert* b) {
    if (a->last.severity != b->last.severity) return a->last.severity > b->last.severity;
    return a->fired_at < b->fired_at;
  });
  Notification digest;
  digest.kind = NotificationKind::digest;
  digest.severity = Severity::info;
  digest.time = to;
  digest.key = "daily:" + to_rfc3339(std::chrono::floor<std::chrono::seconds>(to));
  if (fired.empty() && open.empty()) {
    digest.title = "redflag, the last day: all quiet";
    digest.text = "Nothing fired, and nothing is open.";
    return digest;
  }
  digest.title = fmt::format("redflag, the last day: {} fired, {} open", fired.size(), open.size());
  if (!fired.empty()) {
    digest.text = fmt::format("Fired: {}{}\nBy rule: {}\n", by_severity(fired),
                              untold == 0 ? "" : fmt::format("; {} of them muted", untold), by_rule(fired));
  }
  digest.text += open.empty() ? "Nothing is open." : "Still open:\n";
  for (std::size_t i = 0; i < std::min(open.size(), kLines); ++i) {
    digest.text += line_of(*open[i], to) + "\n";
    digest.transitions.push_back(open[i]->last);
  }
  if (open.size() > kLines) digest.text += fmt::format("… and {} more: redflag alerts", open.size() - kLines);
  return digest;
}

}  // namespace redflag::alerts
