#include "alerts/digest.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "alerts/text/clean.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

constexpr std::size_t kTopLines = 12;
constexpr std::size_t kRuleCounts = 12;
constexpr std::size_t kLineUnits = 240;

bool belongs(std::string_view run, std::string_view prefix) {
  if (!run.starts_with(prefix)) return false;
  return prefix.empty() || prefix.back() == '/' || run.size() == prefix.size() || run[prefix.size()] == '/';
}

bool more_telling(const Alert& a, const Alert& b) {
  if (a.worst != b.worst) return a.worst > b.worst;
  if (a.fired_at != b.fired_at) return a.fired_at > b.fired_at;
  return a.last.id < b.last.id;
}

std::string line_of(const Alert& alert) {
  RunContext run;
  run.name = alert.run_name;
  return fmt::format("{} {}: {}", severity_word(alert.worst), clean(place(alert.last, &run), 100),
                     clean(message_words(alert.last), kLineUnits));
}

std::string severity_counts(const std::vector<Alert>& alerts) {
  std::string text;
  for (const Severity severity : {Severity::critical, Severity::warning, Severity::info}) {
    const auto count =
        std::count_if(alerts.begin(), alerts.end(), [&](const Alert& a) { return a.worst == severity; });
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(severity));
  }
  return text;
}

std::string rule_counts(const std::vector<Alert>& alerts) {
  std::map<std::string, std::size_t> counts;
  for (const Alert& alert : alerts) ++counts[alert.last.rule];
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t i = 0; i < std::min(order.size(), kRuleCounts); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", clean(order[i].first, 80), order[i].second);
  }
  if (order.size() > kRuleCounts) text += fmt::format(" and {} more rules", order.size() - kRuleCounts);
  return text;
}

}  // namespace

void DigestBook::add(const Alert& alert) {
  auto found = alerts_.find(alert.last.id);
  if (found == alerts_.end()) {
    if (alerts_.size() >= kMaxKept) {
      ++not_kept_;
      return;
    }
    found = alerts_.try_emplace(alert.last.id).first;
  } else if (alert.last.to != AlertState::firing) {
    return;  // how it fired says more than that it ended
  }
  found->second = alert;
  found->second.last.evidence = {};
  found->second.last.hint = {};
}

Notification DigestBook::make(const std::string& project, std::string_view run_key_prefix,
                              std::size_t ended_runs, Time now) {
  std::vector<Alert> told;
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    if (!belongs(it->second.last.run, run_key_prefix)) {
      ++it;
      continue;
    }
    told.push_back(std::move(it->second));
    it = alerts_.erase(it);
  }
  std::sort(told.begin(), told.end(), more_telling);
  std::set<std::string_view> runs;
  for (const Alert& alert : told) runs.insert(alert.last.run);

  Notification digest;
  digest.kind = NotificationKind::digest;
  digest.severity = Severity::info;
  digest.time = now;
  digest.key = "digest:" + std::string(run_key_prefix.empty() ? std::string_view(project) : run_key_prefix);
  digest.title = fmt::format("redflag has read {}: {} ended run{}; {} would have alerted",
                             clean(project, 200), ended_runs, ended_runs == 1 ? "" : "s", runs.size());
  if (told.empty()) {
    digest.text = "Nothing to look at. From now on only runs that are active page anyone.";
    return digest;
  }
  digest.text = fmt::format("Alerts: {}\n", severity_counts(told));
  for (std::size_t i = 0; i < std::min(told.size(), kTopLines); ++i) {
    digest.text += line_of(told[i]) + "\n";
    digest.transitions.push_back(told[i].last);
  }
  const std::size_t unlisted = told.size() - std::min(told.size(), kTopLines) + not_kept_;
  if (unlisted != 0) digest.text += fmt::format("… and {} more\n", unlisted);
  digest.text +=
      fmt::format("By rule: {}\nFrom now on only runs that are active page anyone.", rule_counts(told));
  not_kept_ = 0;
  return digest;
}

}  // namespace redflag::alerts
