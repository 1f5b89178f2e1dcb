#include "daemon/cli/score_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "alerts/text/escape.h"
#include "daemon/cli/text_table.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

std::string count(std::size_t value) {
  return value == 0 ? "·" : std::to_string(value);  // what is there should be seen at once
}

std::string share(std::size_t part, std::size_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{} ({:.0f} %)", part,
                                  100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string percent(double value) {
  return fmt::format("{:.0f} %", 100.0 * value);
}

std::string step_words(std::int64_t step) {
  return step < 0 ? "?" : std::to_string(step);
}

std::string section(const std::string& title, const TextTable& table) {
  return table.empty() ? std::string() : "\n" + title + "\n" + table.text();
}

std::string kinds_words(const std::vector<RunClass>& kinds) {
  std::string words;
  for (const RunClass kind : kinds) words += (words.empty() ? "" : ", ") + std::string(to_string(kind));
  return words.empty() ? "-" : words;
}

std::string head(const Scorecard& score) {
  const auto unread = static_cast<std::size_t>(
      std::count_if(score.runs.begin(), score.runs.end(), [](const ScoredRun& run) { return !run.read(); }));
  return fmt::format("{} labelled runs, {} read, {} could not be read\n", score.runs.size(),
                     score.runs.size() - unread, unread);
}

std::string detection(const Scorecard& score) {
  TextTable bad({"label", ">runs", ">found by its kind", ">before the onset", ">by any rule", ">critical"});
  for (const ClassScore& each : score.classes) {
    bad.add({std::string(to_string(each.run_class)), std::to_string(each.runs),
             share(each.of_kind, each.runs), count(each.early), share(each.by_any, each.runs),
             share(each.critical, each.runs)});
  }
  TextTable good({"label", ">runs", ">any alarm", ">critical", ">warning only"});
  good.add({"healthy", std::to_string(score.healthy),
            share(score.healthy_critical + score.healthy_warning, score.healthy),
            share(score.healthy_critical, score.healthy), share(score.healthy_warning, score.healthy)});
  return section("What was found", bad) + section("False alarms", good);
}

std::string costs(const Scorecard& score) {
  TextTable table({"rule", "kind", ">nan", ">diverged", ">overfit", ">stalled", ">unclear",
                   ">healthy critical", ">healthy warning"});
  std::vector<std::string> silent;
  for (const RuleCost& cost : score.rules) {
    if (!cost.fired()) {
      silent.push_back(cost.rule);
      continue;
    }
    table.add({cost.rule, kinds_words(cost.kinds), count(cost.found[0]), count(cost.found[1]),
               count(cost.found[2]), count(cost.found[3]), count(cost.unclear), count(cost.healthy_critical),
               count(cost.healthy_warning)});
  }
  std::string text = section("What each rule costs (runs on which it fired)", table);
  if (!silent.empty())
    text += fmt::format("  fired nowhere: {}\n",
                        alerts::escape_terminal(fmt::format("{}", fmt::join(silent, ", "))));
  return text;
}

std::string bad_runs(const Scorecard& score) {
  TextTable table({"file", "label", ">onset", "first alert of its kind", "severity", ">step", ">log row",
                   ">rows after onset", ">run ahead"});
  for (const RunClass bad : kBadClasses) {
    for (const ScoredRun& run : score.runs) {
      if (run.label.run_class != bad || !run.read()) continue;
      const std::string onset = run.label.onset ? std::to_string(*run.label.onset) : "?";
      const RuleHit* hit = run.found();
      if (hit != nullptr) {
        table.add({run.label.file, run.label.label, onset, hit->rule, std::string(to_string(hit->severity)),
                   step_words(hit->step), fmt::format("{} of {}", hit->log_row, run.log_rows),
                   hit->delay ? fmt::format("{:+}", *hit->delay) : "?", percent(1.0 - hit->share)});
      } else if (run.alarmed()) {
        const RuleHit& other = run.hits.front();
        table.add({run.label.file, run.label.label, onset,
                   fmt::format("none (but {} at step {})", other.rule, step_words(other.step)), "-", "-",
                   fmt::format("- of {}", run.log_rows), "-", "-"});
      } else {
        table.add({run.label.file, run.label.label, onset, "none", "-", "-",
                   fmt::format("- of {}", run.log_rows), "-", "-"});
      }
    }
  }
  std::string text = section("Each bad run", table);
  if (score.median_ahead) {
    text += fmt::format("  median of those found: {} rows after the onset, {} of the run still ahead\n",
                        score.median_delay ? fmt::format("{:g}", *score.median_delay) : "?",
                        percent(*score.median_ahead));
  }
  return text;
}

std::string alarms_of(const Scorecard& score, RunClass wanted, const std::string& title) {
  TextTable table({"file", "rule", "severity", ">step", ">after"});
  for (const ScoredRun& run : score.runs) {
    if (run.label.run_class != wanted) continue;
    for (const RuleHit& hit : run.hits) {
      table.add({run.label.file, hit.rule, std::string(to_string(hit.severity)), step_words(hit.step),
                 percent(hit.share)});
    }
  }
  return section(title, table);
}

std::string repositories(const Scorecard& score) {
  TextTable table({"repository", ">runs", ">false alarms", ">missed"});
  std::size_t spotless = 0;
  for (const RepositoryScore& each : score.repositories) {
    if (each.false_alarms + each.missed == 0) {
      ++spotless;
      continue;
    }
    table.add({each.repository.empty() ? "-" : each.repository, std::to_string(each.runs),
               count(each.false_alarms), count(each.missed)});
  }
  if (spotless > 0) table.add({fmt::format("{} more with neither", spotless), "", "", ""});
  return section("By repository (missed: bad runs that no rule of their kind found)", table);
}

std::string left_out(const Scorecard& score, const std::vector<std::string>& unlabelled) {
  std::string text;
  for (const ScoredRun& run : score.runs) {
    if (!run.read()) text += fmt::format("  not read: {}\n", alerts::escape_terminal(run.unreadable));
  }
  for (const ScoredRun& run : score.runs) {
    if (run.label.run_class == RunClass::other) {
      text += fmt::format("  not counted: {} is labelled \"{}\"\n", alerts::escape_terminal(run.label.file),
                          alerts::escape_terminal(run.label.label));
    }
  }
  if (!unlabelled.empty()) {
    const std::size_t shown = std::min<std::size_t>(unlabelled.size(), 5);
    const auto end = unlabelled.begin() + static_cast<std::ptrdiff_t>(shown);
    text +=
        fmt::format("  not labelled: {}{}\n",
                    alerts::escape_terminal(fmt::format("{}", fmt::join(unlabelled.begin(), end, ", "))),
                    shown < unlabelled.size() ? fmt::format(" and {} more", unlabelled.size() - shown) : "");
  }
  return text.empty() ? text : "\nLeft out\n" + text;
}

json hit_json(const RuleHit& hit) {
  return {{"rule", hit.rule},
          {"severity", to_string(hit.severity)},
          {"step", hit.step < 0 ? json() : json(hit.step)},
          {"log_row", hit.log_row},
          {"delay_rows", hit.delay ? json(*hit.delay) : json()},
          {"share_ahead", 1.0 - hit.share}};
}

json run_json(const ScoredRun& run) {
  json alerts = json::array();
  for (const RuleHit& hit : run.hits) alerts.push_back(hit_json(hit));
  const RuleHit* found = run.found();
  return {{"file", run.label.file},
          {"label", run.label.label},
          {"counted", run.read() && run.label.run_class != RunClass::other},
          {"repository", run.label.repository.empty() ? json() : json(run.label.repository)},
          {"onset", run.label.onset ? json(*run.label.onset) : json()},
          {"unreadable", run.read() ? json() : json(run.unreadable)},
          {"log_rows", run.log_rows},
          {"found_by_kind", found != nullptr},
          {"alarmed", run.alarmed()},
          {"critical", run.critical()},
          {"first", found == nullptr ? json() : hit_json(*found)},
          {"alerts", alerts}};
}

json cost_json(const RuleCost& cost) {
  json object{{"rule", cost.rule},
              {"kinds", json::array()},
              {"unclear", cost.unclear},
              {"healthy_critical", cost.healthy_critical},
              {"healthy_warning", cost.healthy_warning}};
  for (const RunClass kind : cost.kinds) object["kinds"].push_back(to_string(kind));
  for (std::size_t i = 0; i < kBadClasses.size(); ++i)
    object[std::string(to_string(kBadClasses[i]))] = cost.found[i];
  return object;
}

}  // namespace

std::string score_text(const Scorecard& score, const std::vector<std::string>& unlabelled) {
  return head(score) + detection(score) + costs(score) + bad_runs(score) +
         alarms_of(score, RunClass::healthy, "Healthy runs that fired") +
         alarms_of(score, RunClass::unclear, "Unclear runs that fired") + repositories(score) +
         left_out(score, unlabelled);
}

std::string score_json(const Scorecard& score, const std::vector<std::string>& unlabelled) {
  json runs = json::array();
  for (const ScoredRun& run : score.runs) runs.push_back(run_json(run));
  json classes = json::array();
  for (const ClassScore& each : score.classes) {
    classes.push_back({{"class", to_string(each.run_class)},
                       {"runs", each.runs},
                       {"found_by_kind", each.of_kind},
                       {"before_onset", each.early},
                       {"found_by_any", each.by_any},
                       {"critical", each.critical}});
  }
  json rules = json::array();
  for (const RuleCost& cost : score.rules) rules.push_back(cost_json(cost));
  json repositories = json::array();
  for (const RepositoryScore& each : score.repositories) {
    repositories.push_back({{"repository", each.repository},
                            {"runs", each.runs},
                            {"false_alarms", each.false_alarms},
                            {"missed", each.missed}});
  }
  const json all{
      {"runs", runs},
      {"classes", classes},
      {"healthy",
       {{"runs", score.healthy}, {"critical", score.healthy_critical}, {"warning", score.healthy_warning}}},
      {"unclear", {{"runs", score.unclear}, {"alarmed", score.unclear_alarmed}}},
      {"rules", rules},
      {"repositories", repositories},
      {"median",
       {{"delay_rows", score.median_delay ? json(*score.median_delay) : json()},
        {"share_ahead", score.median_ahead ? json(*score.median_ahead) : json()}}},
      {"unlabelled", unlabelled}};
  return all.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

}  // namespace redflag::daemon
