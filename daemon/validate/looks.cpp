// What several sections ask of the evidence.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "daemon/validate/line_builder.h"
#include "daemon/validate/lines.h"

namespace redflag::daemon::validate {
namespace {

constexpr Duration kFresh = std::chrono::minutes{15};
constexpr double kFreshSeconds = 15 * 60;
/// A curve has to reach this share of the run's steps; the last row may be an evaluation's or a summary's.
constexpr double kCovered = 0.8;

std::string what_fired(const AlertLine& alert) {
  std::string text = fmt::format("{} {}{}", to_string(alert.severity), alert.rule,
                                 alert.state == "firing" ? "" : " (still so when the run ended)");
  if (!alert.message.empty()) text += ": " + alert.message;
  if (alert.acknowledged) text += " (acknowledged)";
  if (!alert.muted_by.empty()) text += " (muted by " + alert.muted_by + ")";
  return text;
}

}  // namespace

Remark about_run(const CountingRun& run, std::string words, std::int64_t step, std::optional<double> value) {
  return {run.name(), std::move(words), run.run->info.key, {}, step, value};
}

Remark about_path(const FactView& facts, std::string words) {
  return {facts.name(),
          std::move(words),
          {},
          facts.path(),
          facts.facts == nullptr ? -1
          : facts.number("step") ? static_cast<std::int64_t>(*facts.number("step"))
                                 : -1,
          {}};
}

void note_flags(const CaseFile& file, RuleGroup group, LineBuilder& line) {
  for (const AlertLine* alert :
       file.raised([&](const AlertLine& each) { return group_of(each.rule) == group; })) {
    line.wrong({alert->about, what_fired(*alert), alert->run, {}, alert->step, alert->value}, alert->hint);
  }
}

void want_tasks(const CaseFile& file, LineBuilder& line) {
  for (const std::string& task : required_tasks()) {
    if (!file.asked_for(task)) {
      line.missing({task_title(task), "left out by --task"}, "run it again without --task");
    } else if (file.training_of(task).empty()) {
      line.missing({task_title(task), "no run is known"},
                   "train it, or check that its runs are selected (tags, name) and name their task (config "
                   "task_name)");
    }
  }
}

bool look_at_run(const CountingRun& run, LineBuilder& line) {
  if (!run.ended()) {
    line.missing(about_run(run, fmt::format("{}, not over yet", to_string(run.run->info.state))),
                 "wait for the runs to end and validate again");
    return false;
  }
  if (run.evidence == nullptr || run.evidence->curves.empty()) {
    line.missing(about_run(run, "no curve of it could be read"),
                 "see `redflag status` whether W&B can be reached; then validate again");
    return false;
  }
  return true;
}

const Curve* look_at_curve(const CountingRun& run, std::string_view metric, std::size_t least,
                           std::string_view advice, LineBuilder& line) {
  const Curve* curve = run.curve(metric);
  if (curve == nullptr) {
    line.missing(about_run(run, fmt::format("{} was never logged", metric)), advice);
    return nullptr;
  }
  const std::uint64_t points = std::max<std::uint64_t>(curve->points.size(), curve->points_total);
  if (points < least) {
    line.missing(about_run(run, fmt::format("{} point{} of {}, {} needed to judge it", points,
                                            points == 1 ? "" : "s", metric, least)),
                 advice);
    return nullptr;
  }
  std::int64_t last = -1;
  for (const CurvePoint& point : curve->points) last = std::max(last, point.step);
  const std::int64_t end = run.run->step;
  if (end > 0 && static_cast<double>(last) < kCovered * static_cast<double>(end)) {
    line.missing(
        about_run(run, fmt::format("{} was logged only up to step {} of {}", metric, last, end), last),
        "see why logging stopped; what came after has not been looked at");
    return nullptr;
  }
  return curve;
}

void look_at_wandb(const CaseFile& file, LineBuilder& line) {
  const Overview& overview = file.overview();
  bool any = false;
  for (const SourceView& source : overview.sources) {
    if (source.kind != "wandb") continue;
    any = true;
    const auto say = [&](std::string words) { return Remark{source.key, std::move(words), {}, {}, -1, {}}; };
    const char* reach =
        "check network and proxy, the API key, entity and project, and https://status.wandb.com";
    const char* stale =
        "look at the trainer's network; with wandb offline mode sync the run's directory by hand";
    if (!source.reachable) {
      line.missing(say("has not answered yet"), "wait a minute and validate again");
    } else if (!*source.reachable) {
      line.wrong(say("cannot be reached" + (source.trouble.empty() ? "" : ": " + source.trouble)), reach);
    } else if (!source.trouble.empty()) {
      line.wrong(say(source.trouble), reach);
    } else if (source.last_success == Time{}) {
      line.missing(say("no successful answer is known"), reach);
    } else if (overview.now - source.last_success > kFresh) {
      line.missing(say(fmt::format("last read {} ago", human_duration(overview.now - source.last_success))),
                   reach);
    } else if (source.lag_seconds && !(*source.lag_seconds <= kFreshSeconds)) {
      line.wrong(say(std::isfinite(*source.lag_seconds)
                         ? fmt::format("its newest data is {:.0f} minutes behind", *source.lag_seconds / 60)
                         : std::string("its data is behind, nobody knows how far")),
                 stale);
    } else if (source.runs == 0) {
      line.missing(
          say("answers, but lists no run"),
          "check entity, project and the selection of runs: an empty project looks the same as a wrong name");
    } else {
      line.found(say(fmt::format("reachable, {} run{}, read {} ago", source.runs, source.runs == 1 ? "" : "s",
                                 human_duration(overview.now - source.last_success))));
    }
  }
  if (!any)
    line.missing({"W&B", "no project is configured"},
                 "add wandb.projects to the configuration (redflag setup)");
  for (const AlertLine* alert : file.firing([](const AlertLine& each) {
         return each.rule == "wandb-unreachable" || each.rule == "wandb-stale";
       })) {
    line.wrong({alert->about, what_fired(*alert), {}, {}, -1, alert->value}, alert->hint);
  }
}

bool look_at_results(const CaseFile& file, LineBuilder& line) {
  bool sound = !file.overview().results.empty();
  if (!sound) {
    line.missing({"results", "no results directory is configured"},
                 "add results.roots to the configuration (redflag setup)");
  }
  for (const ResultsView& view : file.overview().results) {
    const auto say = [&](std::string words) {
      return Remark{view.root, std::move(words), {}, view.root, -1, {}};
    };
    if (!view.present) {
      line.wrong(say("is not there"), "check the mount and the path in the configuration");
      sound = false;
    } else if (!view.listed) {
      line.missing(say("has not been read whole yet"), "wait a minute and validate again");
      sound = false;
    } else if (!view.degraded.empty()) {
      line.missing(say("is seen with limits: " + view.degraded),
                   "do what is named there, then validate again");
      sound = false;
    }
  }
  return sound;
}

bool look_at_contents(const CaseFile& file, LineBuilder& line) {
  const Evidence& evidence = file.evidence();
  if (evidence.contents_checked) return true;
  line.missing({"contents", "nobody has looked inside the files" +
                                (evidence.contents_reason.empty() ? "" : ": " + evidence.contents_reason)},
               "install redflag-inspect beside redflagd, free memory, or wait until all files are read");
  return false;
}

bool look_at_forward(const CaseFile& file, LineBuilder& line) {
  const Evidence& evidence = file.evidence();
  if (evidence.forward_checked) return true;
  line.missing({"forward passes",
                "were not made" + (evidence.forward_reason.empty() ? "" : ": " + evidence.forward_reason)},
               "install redflag-forward (package redflag-forward), or wait until all checkpoints were run");
  return false;
}

}  // namespace redflag::daemon::validate
