#include "daemon/overview/advice.h"

#include <algorithm>

#include <fmt/format.h>

namespace redflag::daemon {
namespace {

using All = std::vector<Advice>;

constexpr double kLittleSpace = 0.10;

std::string plural(std::size_t count, std::string_view one, std::string_view many = {}) {
  if (count == 1) return fmt::format("1 {}", one);
  return many.empty() ? fmt::format("{} {}s", count, one) : fmt::format("{} {}", count, many);
}

/// For a shell: what holds anything but plain characters stands in single quotes.
std::string quoted_for_shell(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("/._-+=:,@").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + '\'';
}

std::string tail(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string percent(double fraction) {
  return fmt::format("{:.1f} %", fraction * 100.0);
}

void about_alerts(const Overview& overview, All& all) {
  for (const Severity severity : {Severity::critical, Severity::warning}) {
    const AlertLine* first = nullptr;
    std::size_t others = 0;
    for (const AlertLine& alert : overview.alerts) {
      const bool open = alert.state == "firing" && alert.severity == severity && !alert.acknowledged &&
                        alert.muted_by.empty();
      if (!open) continue;
      first == nullptr ? void(first = &alert) : void(++others);
    }
    if (first == nullptr) continue;
    std::string text =
        fmt::format("{}: {}", first->about, first->hint.empty() ? first->message : first->hint);
    if (others > 0)
      text += fmt::format(" ({} more {})", others, severity == Severity::critical ? "critical" : "warnings");
    all.push_back({severity, std::move(text), "redflag alerts show " + first->id.substr(0, 8)});
    if (severity == Severity::critical) return;  // warnings can wait
  }
}

void about_redflag(const Overview& overview, All& all) {
  if (overview.daemon.undurable) {
    all.push_back({Severity::critical,
                   "redflag cannot write its state: alerts go out from memory. Free space on its disk",
                   "df -h"});
  }
  if (!overview.daemon.channel_troubles.empty()) {
    all.push_back({Severity::critical,
                   fmt::format("alerts do not get through: {}", overview.daemon.channel_troubles.front()),
                   "redflag outbox"});
  }
}

void about_sources(const Overview& overview, All& all) {
  for (const SourceView& source : overview.sources) {
    if (source.reachable != false || source.kind == "results") continue;
    const std::string name = source.kind == "wandb" ? "W&B" : source.key;
    all.push_back({Severity::warning,
                   fmt::format("{} cannot be reached: {}", name,
                               source.trouble.empty() ? "no reason is known" : source.trouble),
                   source.kind == "wandb" ? "redflagd --check-config" : ""});
    break;
  }
  for (const ResultsView& tree : overview.results) {
    if (!tree.present) {
      all.push_back(
          {Severity::warning,
           fmt::format("the results directory {} is not there, or not for redflag to read", tree.root),
           "ls -ld " + quoted_for_shell(tree.root)});
      break;
    }
  }
}

void about_disk(const Overview& overview, All& all) {
  for (const ResultsView& tree : overview.results) {
    if (tree.disk_total_bytes == 0) continue;
    const double free =
        static_cast<double>(tree.disk_free_bytes) / static_cast<double>(tree.disk_total_bytes);
    if (free >= kLittleSpace) continue;
    all.push_back({Severity::warning,
                   fmt::format("only {} of the disk of {} is free: the next checkpoint may not fit",
                               percent(free), tree.root),
                   "du -xh --max-depth=2 " + quoted_for_shell(tree.root) + " | sort -h | tail"});
    return;
  }
}

void about_files(const Overview& overview, All& all) {
  std::size_t bad = 0;
  std::string first;
  std::uint64_t missing = 0;
  std::string gap;
  std::vector<std::string> no_base;
  for (const ResultsView& tree : overview.results) {
    for (const auto* group : {&tree.checkpoints, &tree.representations}) {
      for (const SeriesView& series : *group) {
        for (const StepCell& cell : series.cells) {
          if (cell.state != StepCell::State::bad) continue;
          if (bad++ == 0) first = fmt::format("{}: {}", tail(series.dir), cell.detail);
        }
        missing += series.missing_count;
        if (series.missing_count > 0 && gap.empty()) gap = tail(series.dir);
      }
    }
    no_base.insert(no_base.end(), tree.summary.tasks_without_base.begin(),
                   tree.summary.tasks_without_base.end());
  }
  if (bad > 0) {
    all.push_back({Severity::critical,
                   fmt::format("{} in the results directory {} unsound, such as {}",
                               plural(bad, "step or checkpoint", "steps or checkpoints"),
                               bad == 1 ? "is" : "are", first),
                   "redflag alerts --match 'kind!=run'"});
  }
  if (missing > 0) {
    all.push_back({Severity::warning,
                   fmt::format("{} missing from the representations, such as in {}",
                               plural(missing, "extraction step is", "extraction steps are"), gap),
                   ""});
  }
  if (!no_base.empty()) {
    std::string tasks;
    for (const std::string& task : no_base) tasks += (tasks.empty() ? "" : ", ") + task;
    all.push_back(
        {Severity::warning,
         fmt::format("extract the base model's representations of {}: drift is measured from them", tasks),
         ""});
  }
}

void about_scores(const Overview& overview, All& all) {
  for (const ScoreVerdict verdict : {ScoreVerdict::critical, ScoreVerdict::below}) {
    for (const TaskView& task : overview.tasks) {
      if (task.verdict != verdict || !task.average) continue;
      const bool critical = verdict == ScoreVerdict::critical;
      all.push_back({critical ? Severity::critical : Severity::warning,
                     fmt::format("{} averages {:.3f} {}, expected is {:.2f} to {:.2f}{}", task.task,
                                 *task.average, task.metric, task.expected_min, task.expected_max,
                                 critical ? ": train it again, after a look at its curves" : ""),
                     "redflag validate"});
      return;
    }
  }
}

void about_runs(const Overview& overview, All& all) {
  if (overview.runs_total == 0) {
    const bool asks = std::any_of(overview.sources.begin(), overview.sources.end(),
                                  [](const SourceView& source) { return source.kind == "wandb"; });
    all.push_back(
        {Severity::info,
         asks ? "no run is known: check the project's name and the filter wandb.runs, or start training"
              : "no W&B project is watched: name one in wandb.projects, or set WANDB_ENTITY and "
                "WANDB_PROJECT",
         "redflag setup"});
    return;
  }
  if (overview.failed == 0) return;
  const auto failed = std::find_if(overview.runs.begin(), overview.runs.end(), [](const RunView& run) {
    return has_ended(run.info.state) && run.info.state != RunState::finished;
  });
  std::string text = plural(overview.failed, "run has failed, crashed or been killed",
                            "runs have failed, crashed or been killed");
  if (failed != overview.runs.end()) text += ", such as " + failed->info.name;
  all.push_back({Severity::warning, std::move(text), "redflag alerts --all --match 'rule=run-*'"});
}

}  // namespace

std::vector<Advice> advice(const Overview& overview) {
  All all;
  about_redflag(overview, all);
  about_alerts(overview, all);
  about_sources(overview, all);
  about_disk(overview, all);
  about_files(overview, all);
  about_scores(overview, all);
  about_runs(overview, all);
  std::stable_sort(all.begin(), all.end(),
                   [](const Advice& a, const Advice& b) { return a.severity > b.severity; });
  if (all.empty() && overview.running > 0)
    all.push_back({Severity::info, "nothing to do: training goes on, and redflag watches it",
                   "redflag status --watch"});
  if (all.empty())
    all.push_back({Severity::info, "all runs are over and nothing is wrong: go through the checklist",
                   "redflag validate"});
  if (overview.daemon.once)
    all.push_back({Severity::info, "nobody watches while you are away: start the daemon",
                   "systemctl enable --now redflag"});
  return all;
}

std::string in_a_sentence(const Overview& overview) {
  const AlertCounts& firing = overview.firing;
  std::string text;
  if (firing.critical > 0) {
    text = fmt::format("{} critical alert{}", firing.critical, firing.critical == 1 ? "" : "s");
    if (firing.warning > 0) text += fmt::format(" and {}", plural(firing.warning, "warning"));
  } else if (firing.warning > 0) {
    text = plural(firing.warning, "warning");
  } else {
    text = "nothing fires";
  }
  const auto blind = std::count_if(overview.sources.begin(), overview.sources.end(),
                                   [](const SourceView& source) { return source.reachable == false; });
  if (blind > 0)
    text += fmt::format("; {} of {} cannot be reached", blind, plural(overview.sources.size(), "source"));
  if (overview.runs_total == 0) return text + "; no run is known";
  if (overview.running > 0)
    return text + fmt::format("; {} live", plural(overview.running, "run is", "runs are"));
  return text + fmt::format("; all {} are over", plural(overview.runs_total, "run"));
}

}  // namespace redflag::daemon
