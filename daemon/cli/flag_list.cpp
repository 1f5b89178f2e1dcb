#include "daemon/cli/flag_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/fact_list.h"
#include "daemon/overview/overview_json.h"

namespace redflag::daemon {

using nlohmann::json;

namespace {

constexpr std::size_t kShortId = 8;
constexpr std::size_t kMostText = 400;

bool is_active(const AlertLine& flag) {
  return flag.state == "firing" || flag.state == "pending";
}

std::int64_t whole(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

std::optional<double> number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return number_of(*found);
}

const char* color_of(Severity severity) {
  return severity == Severity::critical ? "1;31" : severity == Severity::warning ? "33" : "36";
}

std::string painted(std::string text, const char* code, const Look& look) {
  return look.color ? fmt::format("\033[{}m{}\033[0m", code, text) : std::move(text);
}

std::string indented(std::string_view raw, std::size_t indent, const Look& look) {
  if (raw.empty()) return {};
  return std::string(indent, ' ') + folded(alerts::cut(raw, kMostText), indent, look.width) + '\n';
}

/// "value 8.45, limit 5, step 700, since step 650, id 9f3c0a4b, acknowledged".
std::string facts_of(const AlertLine& flag) {
  std::string text;
  const auto add = [&](std::string words) { text += (text.empty() ? "" : ", ") + std::move(words); };
  if (flag.value) add("value " + alerts::number_words(*flag.value));
  if (flag.threshold) add("limit " + alerts::number_words(*flag.threshold));
  if (flag.step >= 0) add(fmt::format("step {}", flag.step));
  if (flag.since_step >= 0 && flag.since_step != flag.step)
    add(fmt::format("since step {}", flag.since_step));
  add("id " + flag.id.substr(0, kShortId));
  if (flag.acknowledged) add("acknowledged");
  if (!flag.muted_by.empty()) add("muted by " + flag.muted_by);
  return text;
}

std::string since_words(const AlertLine& flag, Time now) {
  if (flag.since == Time{}) return {};
  return fmt::format(", since {} ({})", to_rfc3339(std::chrono::floor<std::chrono::seconds>(flag.since)),
                     between(flag.since, now));
}

std::string entry(const AlertLine& flag, Time now, const Look& look) {
  const std::size_t lead = look.width < 60 ? 2 : 4;
  std::string rule = folded(alerts::cut(flag.rule, kMostText) + since_words(flag, now), lead, look.width);
  if (look.color) rule = fmt::format("\033[1m{}\033[0m", rule);
  std::string text = "  " + rule + '\n';
  text += indented(flag.about, lead, look);
  text += indented(flag.message, lead, look);
  text += indented(facts_of(flag), lead, look);
  if (flag.severity == Severity::critical && flag.state == "firing")
    text += indented(flag.hint.empty() ? "" : "do: " + flag.hint, lead, look);
  return text;
}

struct Group {
  std::string_view title;
  const char* color;
  bool (*has)(const AlertLine&);
};

constexpr Group kGroups[] = {
    {"RED FLAGS (critical)", "1;31",
     [](const AlertLine& f) { return f.state == "firing" && f.severity == Severity::critical; }},
    {"WARNINGS", "33",
     [](const AlertLine& f) { return f.state == "firing" && f.severity == Severity::warning; }},
    {"NOTES (info)", "36",
     [](const AlertLine& f) { return f.state == "firing" && f.severity == Severity::info; }},
    {"ABOUT TO FIRE", "2", [](const AlertLine& f) { return f.state == "pending"; }},
};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

/// What a person would call it; empty: nothing that is worth a line.
std::string word_for(const AlertLine& before, const AlertLine& now) {
  if (before.state != now.state) {
    if (before.state == "pending" && !is_active(now)) return "CLEARED";
    return upper(now.state);
  }
  if (before.severity != now.severity) return before.severity < now.severity ? "WORSE" : "MILDER";
  if (before.acknowledged != now.acknowledged) return now.acknowledged ? "ACKED" : "UNACKED";
  if (before.muted_by.empty() != now.muted_by.empty()) return now.muted_by.empty() ? "UNMUTED" : "MUTED";
  return {};
}

}  // namespace

AlertLine flag_of(const json& alert) {
  AlertLine flag;
  flag.id = text_in(alert, "id");
  flag.rule = text_in(alert, "rule");
  flag.severity = severity_from(text_in(alert, "severity")).value_or(Severity::warning);
  flag.state = text_in(alert, "state");
  flag.run = text_in(alert, "run_key");
  flag.about = text_in(alert, "run");
  if (flag.about.empty()) flag.about = text_in(alert, "subject");
  flag.message = text_in(alert, "message");
  if (const std::string reason = text_in(alert, "reason"); !is_active(flag) && !reason.empty())
    flag.message = reason;
  flag.hint = text_in(alert, "hint");
  flag.value = number(alert, "value");
  flag.threshold = number(alert, "threshold");
  flag.step = whole(alert, "step");
  flag.since_step = whole(alert, "since_step");
  flag.since = time_in(alert, "since");
  if (flag.since == Time{}) flag.since = time_in(alert, "fired_at");
  const auto ack = alert.find("acknowledged");
  flag.acknowledged = ack != alert.end() && ack->is_object();
  flag.muted_by = text_in(alert, "muted_by");
  return flag;
}

std::string flags_text(const std::vector<AlertLine>& flags, Time now, const Look& look, std::size_t most) {
  std::string text;
  std::size_t shown = 0;
  std::size_t total = 0;
  for (const Group& group : kGroups) {
    const auto count = static_cast<std::size_t>(std::count_if(flags.begin(), flags.end(), group.has));
    if (count == 0) continue;
    total += count;
    text += fmt::format("{}{}: {}\n", text.empty() ? "" : "\n",
                        painted(std::string(group.title), group.color, look), count);
    for (const AlertLine& flag : flags) {
      if (!group.has(flag) || shown >= most) continue;
      ++shown;
      text += entry(flag, now, look);
    }
  }
  if (text.empty()) return "No red flags.\n";
  if (total > shown) text += fmt::format("\nand {} more; --limit {} shows them\n", total - shown, total);
  return text;
}

std::vector<FlagChange> FlagChanges::update(const std::vector<AlertLine>& now) {
  std::vector<FlagChange> changes;
  std::map<std::string, AlertLine> active;
  std::set<std::string> ended;
  for (const AlertLine& flag : now) {
    const auto before = known_.find(flag.id);
    if (is_active(flag))
      active.emplace(flag.id, flag);
    else
      ended.insert(flag.id);
    if (before == known_.end()) {
      // What began and ended between two looks is told all the same; what had ended before the first is not.
      if (is_active(flag) || (!first_ && !ended_.contains(flag.id)))
        changes.push_back({upper(flag.state), flag});
      continue;
    }
    if (std::string word = word_for(before->second, flag); !word.empty())
      changes.push_back({std::move(word), flag});
  }
  for (const auto& [id, flag] : known_) {
    if (!active.contains(id) && !ended.contains(id)) changes.push_back({"GONE", flag});
  }
  known_ = std::move(active);
  ended_ = std::move(ended);
  first_ = false;
  return changes;
}

std::string change_line(const FlagChange& change, Time now, const Look& look) {
  const AlertLine& flag = change.flag;
  const bool over = !is_active(flag) || change.word == "GONE";
  const std::string head = fmt::format("{:<8}  {:<8}", upper(to_string(flag.severity)), change.word);
  const auto shown = [](std::string_view raw) {
    return alerts::escape_terminal(alerts::cut(raw, kMostText));
  };
  return fmt::format("{}  {}  {}  {}  {}{}{}", to_rfc3339(now).substr(11, 8),
                     painted(head, over ? "32" : color_of(flag.severity), look), shown(flag.about),
                     shown(flag.rule), shown(flag.message), flag.message.empty() ? "" : "  ",
                     shown(flag.id.substr(0, kShortId)));
}

nlohmann::ordered_json change_json(const FlagChange& change, Time now) {
  std::string word = change.word;
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return {{"time", to_rfc3339(now)}, {"change", word}, {"flag", json_of(change.flag)}};
}

}  // namespace redflag::daemon
