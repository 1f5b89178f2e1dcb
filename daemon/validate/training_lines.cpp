// V1 to V5: is the training known, and does it look healthy?
#include <cmath>

#include <fmt/format.h>

#include "daemon/overview/task_scores.h"
#include "daemon/validate/curve_figures.h"
#include "daemon/validate/line_builder.h"
#include "daemon/validate/lines.h"
#include "daemon/validate/schedule.h"

namespace redflag::daemon::validate {
namespace {

constexpr std::size_t kLossPoints = 20;  // the trend rules of loss need about so many
constexpr std::size_t kEvalPoints = 2;
constexpr std::size_t kOtherPoints = 10;
constexpr const char* kLogMore =
    "log more often (logging_steps), or add the name it is logged under to metrics.aliases";

std::string runs_text(std::size_t count) {
  return fmt::format("{} run{}", count, count == 1 ? "" : "s");
}

Line wandb_line(const CaseFile& file) {
  LineBuilder line("V1", "W&B reachable and project readable");
  look_at_wandb(file, line);
  return line.done();
}

/// What the rules would still say at the run's end; they themselves are asked by note_flags.
bool judge_loss(const CountingRun& run, const Curve& curve, LineBuilder& line) {
  const char* stop =
      "restart from the last good checkpoint with a lower learning rate; check gradient clipping";
  if (const CurvePoint* point = first_nonfinite(curve)) {
    line.wrong(about_run(run, fmt::format("{} is not a number at step {}", curve.metric, point->step),
                         point->step, point->value),
               stop);
    return false;
  }
  if (const auto low = lowest_late(curve, 3); low && *low > 5.0) {
    line.wrong(
        about_run(run, fmt::format("{} ends above 5 (the last three: at least {:.3g})", curve.metric, *low),
                  curve.points.back().step, *low),
        stop);
    return false;
  }
  if (const auto low = lowest_late(curve, 10); low && *low > 2.0) {
    line.wrong(
        about_run(run, fmt::format("{} ends above 2 (the last ten: at least {:.3g})", curve.metric, *low),
                  curve.points.back().step, *low),
        stop);
    return false;
  }
  return true;
}

bool judge_fall(const CountingRun& run, const Curve& curve, LineBuilder& line) {
  const auto first = early(curve, 9);
  const auto last = late(curve, 9);
  if (!first || !last || *last < 0.995 * *first) return true;
  line.wrong(
      about_run(run,
                fmt::format("{} has not fallen: it began at {:.3g} and ends at {:.3g}", curve.metric, *first,
                            *last),
                curve.points.back().step, *last),
      "check that parameters are trainable, that labels and loss mask are right, and the learning rate");
  return false;
}

Line loss_line(const CaseFile& file) {
  LineBuilder line("V2", "Loss curves present and healthy");
  want_tasks(file, line);
  note_flags(file, RuleGroup::loss, line);
  for (const CountingRun& run : file.training()) {
    if (!look_at_run(run, line)) continue;
    const Curve* train = look_at_curve(run, "train_loss", kLossPoints, kLogMore, line);
    const Curve* eval = look_at_curve(run, "eval_loss", kEvalPoints,
                                      "set an evaluation strategy, or add its name to metrics.aliases", line);
    if (train == nullptr || eval == nullptr) continue;
    const bool sound =
        judge_loss(run, *train, line) && judge_fall(run, *train, line) && judge_loss(run, *eval, line);
    if (!sound) continue;
    line.found(
        about_run(run, fmt::format("train_loss {:.3g} to {:.3g} over {} points, eval_loss {:.3g} after {}",
                                   early(*train, 9).value_or(NAN), late(*train, 9).value_or(NAN),
                                   std::max<std::uint64_t>(train->points_total, train->points.size()),
                                   late(*eval, 1).value_or(NAN),
                                   std::max<std::uint64_t>(eval->points_total, eval->points.size()))));
  }
  return line.done(runs_text(line.proofs()) + ", no flag on any loss");
}

Line scores_line(const CaseFile& file) {
  LineBuilder line("V3", "Accuracy or F1 logged for every task");
  want_tasks(file, line);
  for (const CountingRun& run : file.training()) {
    const std::string& task = run.run->info.task;
    if (task.empty()) continue;
    const std::string wanted = judged_by_f1(task) ? "eval_f1 (or f1)" : "eval_accuracy (or accuracy)";
    if (!run.ended()) {
      line.missing(about_run(run, fmt::format("{}, not over yet", to_string(run.run->info.state))),
                   "wait for the runs to end and validate again");
      continue;
    }
    for (const std::string_view metric : score_metrics(task)) {
      const auto latest = run.run->value_of(metric);
      if (latest && !std::isfinite(*latest))
        line.wrong(about_run(run, fmt::format("{} is not a number", metric), run.run->step, *latest),
                   "look at the evaluation: its predictions or its metric are broken");
    }
    const auto& score = run.run->score;
    const auto metrics = score_metrics(task);
    if (!score) {
      line.missing(about_run(run, "ended without " + wanted),
                   "evaluate it, or add the name the score is logged under to metrics.aliases");
    } else if (std::find(metrics.begin(), metrics.end(), score->metric) == metrics.end()) {
      line.missing(about_run(run, fmt::format("has {}, {} is wanted", score->metric, wanted)),
                   "log the metric that the task is judged by");
    } else if (!std::isfinite(score->value) || score->value < 0 || score->value > 1) {
      line.wrong(about_run(run, fmt::format("{} is {}: no score", score->metric, score->value), run.run->step,
                           score->value),
                 "look at the unit in which it is logged: a share of 1, or percent");
    } else {
      line.found(about_run(run,
                           fmt::format("{} {:.3f}{}", score->metric, score->value,
                                       score->from_summary ? " (from its summary)" : ""),
                           run.run->step, score->value));
    }
  }
  return line.done(runs_text(line.proofs()) + " with a score");
}

Line schedule_line(const CaseFile& file) {
  LineBuilder line("V4", "Learning rate follows its schedule");
  want_tasks(file, line);
  note_flags(file, RuleGroup::schedule, line);
  for (const CountingRun& run : file.training()) {
    if (!look_at_run(run, line)) continue;
    const Curve* curve = look_at_curve(run, "learning_rate", kOtherPoints, kLogMore, line);
    if (curve == nullptr) continue;
    const ScheduleSays says =
        judge_schedule(*curve, run.run->info.config, run.run->step, run.run->total_steps, run.finished());
    Remark remark = about_run(run, says.words, says.step);
    switch (says.verdict) {
      case ScheduleSays::Verdict::wrong:
        line.wrong(std::move(remark), says.advice);
        break;
      case ScheduleSays::Verdict::unclear:
        line.missing(std::move(remark), says.advice);
        break;
      case ScheduleSays::Verdict::plausible:
        line.found(std::move(remark));
        break;
    }
  }
  return line.done(runs_text(line.proofs()) + ", warm-up and decay as they should be");
}

Line gradient_line(const CaseFile& file) {
  LineBuilder line("V5", "Gradient norms logged and healthy");
  want_tasks(file, line);
  note_flags(file, RuleGroup::gradient, line);
  for (const CountingRun& run : file.training()) {
    if (!look_at_run(run, line)) continue;
    const Curve* curve = look_at_curve(
        run, "gradient_norm_total", kOtherPoints,
        "set max_grad_norm in the Trainer, or log the norm; add its name to metrics.aliases", line);
    if (curve == nullptr) continue;
    const std::int64_t end = curve->points.back().step;
    const auto low = lowest_late(*curve, 5);
    const auto high = highest_late(*curve, 3);
    const char* clip = "clip gradients (max_grad_norm=1.0), lower the learning rate, lengthen the warm-up";
    if (!low || nonfinite_late(*curve, 5) >= 5) {
      line.wrong(about_run(run, "the last gradient norms are not numbers", end), "use bf16 rather than fp16");
    } else if (*low > 100) {
      line.wrong(
          about_run(run, fmt::format("gradient norm ends at {:.4g} and more, limit 100", *low), end, *low),
          clip);
    } else if (high && *high < 1e-8) {
      line.wrong(about_run(run, fmt::format("gradient norm ends below {:.2g}: nothing is learnt", *high), end,
                           *high),
                 "check that parameters are not frozen and the loss mask is not empty");
    } else {
      line.found(about_run(run,
                           fmt::format("gradient norm {:.3g} at the end, {} points", *late(*curve, 9),
                                       std::max<std::uint64_t>(curve->points_total, curve->points.size())),
                           end));
    }
  }
  return line.done(runs_text(line.proofs()) + ", no flag on any gradient");
}

}  // namespace

std::vector<Line> training_lines(const CaseFile& file) {
  std::vector<Line> out;
  out.push_back(wandb_line(file));
  out.push_back(loss_line(file));
  out.push_back(scores_line(file));
  out.push_back(schedule_line(file));
  out.push_back(gradient_line(file));
  return out;
}

}  // namespace redflag::daemon::validate
