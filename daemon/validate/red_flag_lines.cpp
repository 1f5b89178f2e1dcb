// V20 to V24: is any red flag open? Asked of the alerts, and of what they are made from: silence of a source
// that never spoke is no good news.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "daemon/overview/task_scores.h"
#include "daemon/validate/curve_figures.h"
#include "daemon/validate/line_builder.h"
#include "daemon/validate/lines.h"

namespace redflag::daemon::validate {
namespace {

constexpr double kDiskFull = 0.8;  // F12

std::string runs_text(std::size_t count) {
  return fmt::format("{} run{}", count, count == 1 ? "" : "s");
}

/// Rules of the user's own that fire: about a run they are V20's, else V24's.
void note_unknown(const CaseFile& file, bool of_runs, LineBuilder& line) {
  for (const AlertLine* alert :
       file.firing([](const AlertLine& each) { return group_of(each.rule) == RuleGroup::unknown; })) {
    if (alert->run.empty() == of_runs) continue;
    line.wrong({alert->about,
                fmt::format("{} {} (a rule of your own): {}", to_string(alert->severity), alert->rule,
                            alert->message),
                alert->run,
                {},
                alert->step,
                alert->value},
               alert->hint);
  }
}

/// Runs that are newer than the one that counts are still on their way, or died: their flags are open ones.
void note_newer(const CaseFile& file, LineBuilder& line) {
  for (const RunView* run : file.newer_unfinished()) {
    const std::string name = run->info.name.empty() ? run->info.key : run->info.name;
    if (has_ended(run->info.state)) {
      line.wrong({name,
                  fmt::format("{} at step {}, and is newer than the one that finished",
                              to_string(run->info.state), run->step),
                  run->info.key,
                  {},
                  run->step,
                  {}},
                 "read the last lines of its log, and run it again");
    }
  }
}

Line instability_line(const CaseFile& file) {
  LineBuilder line("V20", "No training instability");
  want_tasks(file, line);
  look_at_wandb(file, line);
  const std::size_t before = line.proofs();
  for (const RuleGroup group : {RuleGroup::loss, RuleGroup::schedule, RuleGroup::gradient})
    note_flags(file, group, line);
  note_unknown(file, true, line);
  std::size_t runs = 0;
  for (const CountingRun& run : file.training()) {
    if (!look_at_run(run, line)) continue;
    bool all = true;
    for (const char* metric : {"train_loss", "eval_loss", "gradient_norm_total", "learning_rate"}) {
      const Curve* curve = run.curve(metric);
      if (curve == nullptr) {
        all = false;
        line.missing(about_run(run, fmt::format("{} was never logged", metric)),
                     "log it, or add the name it is logged under to metrics.aliases");
      } else if (const CurvePoint* point = first_nonfinite(*curve);
                 point != nullptr && std::string_view(metric) != "gradient_norm_total") {
        all = false;
        line.wrong(about_run(run, fmt::format("{} is not a number at step {}", metric, point->step),
                             point->step, point->value),
                   "restart from the last good checkpoint with a lower learning rate");
      }
    }
    if (!all) continue;
    ++runs;
    line.found(about_run(run, "loss, gradient and learning rate were followed, no flag is open"));
  }
  if (runs == 0 && line.proofs() == before && file.training().empty())
    line.missing({"runs", "none is known"});
  return line.done(runs_text(runs) + " followed, no flag open");
}

Line performance_line(const CaseFile& file) {
  LineBuilder line("V21", "No performance flag");
  want_tasks(file, line);
  note_flags(file, RuleGroup::performance, line);
  for (const CountingRun& run : file.training()) {
    const RunView& view = *run.run;
    if (view.info.task.empty()) continue;
    const TaskView* range = nullptr;
    for (const TaskView& each : file.overview().tasks) {
      if (each.task == view.info.task && each.expected_min > 0) range = &each;
    }
    if (!run.ended() || !view.score) {
      line.missing(
          about_run(run, run.ended() ? "ended without a score" : "not over yet"),
          run.ended() ? "evaluate it, or add the score's name to metrics.aliases" : "wait for its end");
    } else if (range == nullptr) {
      line.missing(about_run(run, "its task has no expected range"), "load the rule pack step3");
    } else if (!(view.score->value >= range->expected_min)) {
      line.wrong(about_run(run,
                           fmt::format("{} {:.3f} is below {:.2f}", view.score->metric, view.score->value,
                                       range->expected_min),
                           view.step, view.score->value),
                 "look at the loss curve and at which answers are given");
    } else {
      line.found(about_run(run, fmt::format("{} {:.3f}", view.score->metric, view.score->value), view.step,
                           view.score->value));
    }
  }
  return line.done(runs_text(line.proofs()) + " with scores in range, no flag open");
}

Line corruption_line(const CaseFile& file) {
  LineBuilder line("V22", "No file corruption");
  note_left_out(file, line);
  bool sound = look_at_results(file, line);
  sound = look_at_contents(file, line) && sound;
  sound = look_at_forward(file, line) && sound;
  note_flags(file, RuleGroup::files, line);
  std::size_t looked_at = 0;
  const auto judge = [&](const FactView& facts) {
    ++looked_at;
    const std::string verdict = facts.text("verdict");
    const std::string content = facts.text("content");
    const bool bad = !verdict.empty() && verdict != "ok" && verdict != "in_progress";
    if (bad)
      line.wrong(about_path(facts, verdict + ": " + facts.text("detail")),
                 "write it again; check free disk space");
    if (verdict.empty() && !facts.has("overdue"))
      line.missing(about_path(facts, "has not been looked at"),
                   "wait until all files are read and validate again");
    if (verdict == "in_progress")
      line.missing(about_path(facts, "is still being written"), "wait until it is written");
    if (!content.empty() && content != "ok")
      line.wrong(about_path(facts, content + ": " + facts.text("content_detail")), "write it again");
    bool in_trouble = false;
    for (const char* kind :
         {"nan", "zero", "mismatch", "identical", "hostile", "output", "collapsed", "resume"}) {
      const std::string word = facts.text(kind);
      if (word != "warning" && word != "critical") continue;
      in_trouble = true;
      line.wrong(about_path(facts, fmt::format("{}: {}", kind, facts.text(std::string(kind) + "_detail"))),
                 "see V12 to V18 for what to do");
    }
    return !bad && !in_trouble;
  };
  const auto inspected = [&](const Directory& each) {
    for (const char* kind : {"nan", "zero", "mismatch"}) {
      if (each.self.has(kind)) continue;
      line.missing(about_path(each.self, "nobody has looked inside"),
                   "wait until all files are read and validate again");
      return false;
    }
    return true;
  };
  for (const auto* directories : {&file.steps(), &file.checkpoints()}) {
    for (const Directory& each : *directories) {
      bool fine = judge(each.self);
      for (const FactView& part : each.files) fine = judge(part) && fine;
      fine = inspected(each) && fine;
      const std::string forward = directories == &file.checkpoints() ? each.self.text("forward") : "ok";
      if (forward == "bad" && fine)
        line.wrong(about_path(each.self, "its outputs are bad"), "see V17 for what to do");
      if (forward != "ok" && forward != "bad")
        line.missing(about_path(each.self, "no forward pass was made, so NaN outputs would not be seen"),
                     "install redflag-forward, or read in V17 why it could not be run");
      fine = fine && forward == "ok";
      if (fine && sound) line.found(about_path(each.self, "sound"));
    }
  }
  for (const FactView& stray : file.strays()) judge(stray);
  if (file.steps().empty()) line.missing({"representations", "none is known"}, "see V11");
  if (file.checkpoints().empty()) line.missing({"checkpoints", "none is known"}, "see V16");
  return line.done(fmt::format("{} files and directories looked into, all sound", looked_at));
}

Line memory_line(const CaseFile& file) {
  LineBuilder line("V23", "No memory or out-of-memory error");
  want_tasks(file, line);
  note_flags(file, RuleGroup::memory, line);
  for (const CountingRun& run : file.training()) {
    if (!look_at_run(run, line)) continue;
    const bool rss = run.curve("cpu_memory_rss_mb") != nullptr;
    const Curve* gpu = run.curve("gpu_memory_mb");
    const Curve* share = run.curve("gpu_memory_percent");
    if (!rss)
      line.missing(about_run(run, "cpu_memory_rss_mb was never logged"),
                   "log psutil.Process().memory_info().rss, or add its name to metrics.aliases");
    if (gpu == nullptr && share == nullptr)
      line.missing(about_run(run, "no GPU memory was logged"),
                   "log torch.cuda.max_memory_reserved(), or add its name to metrics.aliases");
    const auto percent = share == nullptr ? std::nullopt : highest_late(*share, 1);
    const auto megabytes = gpu == nullptr ? std::nullopt : highest_late(*gpu, 1);
    const bool full = percent ? *percent > 91.7 : megabytes && *megabytes > 22000;
    if (full) {
      line.wrong(
          about_run(run, percent ? fmt::format("GPU memory ends at {:.1f} % of the card", *percent)
                                 : fmt::format("GPU memory ends at {:.0f} MB, limit 22000", *megabytes)),
          "shorten sequences or the batch, use gradient checkpointing");
    } else if (rss && (percent || megabytes)) {
      line.found(about_run(run, "memory of host and card followed"));
    }
  }
  std::size_t logs = 0;
  bool any = false;
  for (const FactView& log : file.logs()) {
    const std::string error = log.text("error");
    // What the script itself told (wandb.alert) is a fact of a log, too, and says nothing of its console.
    if (error.empty() && !log.truth("read").value_or(false)) continue;
    any = true;
    if (error.empty() || error == "none") {
      ++logs;
      line.found(about_path(log, "no out-of-memory error in it"));
    } else if (error.find("memory") != std::string::npos) {
      line.wrong(about_path(log, error + ": " + log.text("detail")),
                 "shorten sequences or the batch, use gradient checkpointing; look what else uses the card");
    } else {
      ++logs;
    }
  }
  if (!any)
    line.missing(
        {"console logs", "none has been read, so an out-of-memory error that was caught would not be seen"},
        "have the training write its console to output.log in the run's directory, or name the log in "
        "local.logs");
  return line.done(fmt::format("{} followed, {} log{} read, no flag open", runs_text(line.proofs() - logs),
                               logs, logs == 1 ? "" : "s"));
}

Line system_line(const CaseFile& file) {
  LineBuilder line("V24", "No system failure");
  want_tasks(file, line);
  look_at_wandb(file, line);
  look_at_results(file, line);
  note_flags(file, RuleGroup::system, line);
  note_unknown(file, false, line);
  note_newer(file, line);
  std::size_t runs = 0;
  for (const CountingRun& run : file.counting()) {
    const RunState state = run.run->info.state;
    const std::string& task = run.run->info.task;
    if (!task.empty() && !file.asked_for(task)) continue;
    if (run.ended() && !run.finished()) {
      line.wrong(
          about_run(run, fmt::format("{} at step {}", to_string(state), run.run->step), run.run->step),
          "read the last lines of its log; look for out-of-memory, a full disk, somebody's kill; resume it");
    } else if (!run.ended()) {
      line.missing(about_run(run, fmt::format("{}, not over yet", to_string(state))),
                   "wait for the runs to end and validate again");
    } else {
      ++runs;
      line.found(about_run(run, "finished"));
    }
  }
  for (const ResultsView& view : file.overview().results) {
    const auto say = [&](std::string words) {
      return Remark{view.root, std::move(words), {}, view.root, -1, {}};
    };
    if (view.disk_total_bytes == 0) {
      line.missing(say("how full its disk is is not known"), "wait a minute and validate again");
      continue;
    }
    const double used =
        1 - static_cast<double>(view.disk_free_bytes) / static_cast<double>(view.disk_total_bytes);
    if (used > kDiskFull) {
      line.wrong(say(fmt::format("its disk is {:.0f} % full", 100 * used)),
                 "delete old checkpoints, lower save_total_limit, or move the results");
    } else {
      line.found(say(fmt::format("its disk is {:.0f} % full", 100 * used)));
    }
  }
  return line.done(runs_text(runs) + " finished, sources and disk well, no flag open");
}

}  // namespace

std::vector<Line> red_flag_lines(const CaseFile& file) {
  std::vector<Line> out;
  out.push_back(instability_line(file));
  out.push_back(performance_line(file));
  out.push_back(corruption_line(file));
  out.push_back(memory_line(file));
  out.push_back(system_line(file));
  return out;
}

}  // namespace redflag::daemon::validate
