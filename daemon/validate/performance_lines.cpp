// V6 to V10: does every task give what it should, and is that more than luck?
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "daemon/overview/task_scores.h"
#include "daemon/statistics/effect_size.h"
#include "daemon/statistics/holm.h"
#include "daemon/statistics/words.h"
#include "daemon/validate/line_builder.h"
#include "daemon/validate/lines.h"

namespace redflag::daemon::validate {
namespace {

using statistics::score_words;
using statistics::score_words_beside;

const TaskView* view_of(const CaseFile& file, std::string_view task) {
  for (const TaskView& view : file.overview().tasks) {
    if (view.task == task) return &view;
  }
  return nullptr;
}

bool has_range(const TaskView* view) {
  return view != nullptr && std::isfinite(view->expected_min) && std::isfinite(view->expected_max) &&
         view->expected_min > 0 && view->expected_max >= view->expected_min;
}

bool is_score(const RunView& run) {
  const auto metrics = score_metrics(run.info.task);
  return run.score && std::isfinite(run.score->value) && run.score->value >= 0 && run.score->value <= 1 &&
         std::find(metrics.begin(), metrics.end(), run.score->metric) != metrics.end();
}

std::string seed_text(const RunView& run) {
  return run.info.seed ? fmt::format(", seed {}", *run.info.seed) : std::string();
}

void judge_score(const CountingRun& run, const TaskView& view, LineBuilder& line) {
  const std::string state(to_string(run.run->info.state));
  const char* look =
      "look at the loss curve and at which answers are given; a score near chance means always the same one";
  if (!run.ended()) {
    line.missing(about_run(run, state + ", not over yet" + seed_text(*run.run)),
                 "wait for the runs to end and validate again");
    return;
  }
  if (!is_score(*run.run)) {
    line.missing(about_run(run, "ended without a score that can be read"),
                 "evaluate it, or add the name the score is logged under to metrics.aliases");
    return;
  }
  const double score = run.run->score->value;
  const std::string text = score_words_beside(score, view.expected_min);
  const std::int64_t at = run.run->step;
  const std::string early =
      run.finished() ? std::string() : fmt::format("; the run {} at step {}", state, at);
  if (score < view.expected_min) {
    const bool critical = score < view.critical;
    line.wrong(about_run(run,
                         fmt::format("{} {}, {} below {}{}{}", view.metric, text,
                                     critical ? "critical" : "expected not",
                                     critical ? score_words(view.critical) : score_words(view.expected_min),
                                     early, seed_text(*run.run)),
                         at, score),
               look);
  } else if (!run.finished()) {
    line.missing(
        about_run(run, fmt::format("{} {}, but not its final word{}", view.metric, text, early), at, score),
        "let it run to its end");
  } else {
    const char* where = score > view.expected_max ? "above the range" : "in range";
    line.found(
        about_run(run, fmt::format("{} {}, {}{}", view.metric, text, where, seed_text(*run.run)), at, score));
  }
}

Line range_line(const CaseFile& file, std::string id, const std::string& task) {
  const TaskView* view = view_of(file, task);
  const std::string metric = judged_by_f1(task) ? "F1" : "accuracy";
  const std::string range =
      has_range(view) ? fmt::format(" {:.2f}-{:.2f}", view->expected_min, view->expected_max) : "";
  LineBuilder line(std::move(id), fmt::format("{} {} in its range{}", task_title(task), metric, range));
  if (!file.asked_for(task)) {
    line.missing({task_title(task), "left out by --task"}, "run it again without --task");
    return line.done();
  }
  if (!has_range(view)) {
    line.missing({task_title(task), "no expected range is known"},
                 "load the rule pack step3 (rules.packs), it has the table `expected`");
    return line.done();
  }
  const auto runs = file.training_of(task);
  if (runs.empty())
    line.missing(
        {task_title(task), "no fine-tuned run is known"},
        "train it, or check that its runs are selected (tags, name) and name their task (config task_name)");
  std::vector<double> scores;
  for (const CountingRun* run : runs) {
    judge_score(*run, *view, line);
    if (is_score(*run->run)) scores.push_back(run->run->score->value);
  }
  return line.done(statistics::average_words(statistics::describe(scores)));
}

/// Scores of the runs that count and finished, by method and task.
using Scores = std::map<std::string, std::map<std::string, std::map<std::optional<std::int64_t>, double>>>;

Scores scores_of(const CaseFile& file) {
  Scores out;
  for (const CountingRun& run : file.counting()) {
    const RunInfo& info = run.run->info;
    if (run.finished() && is_score(*run.run) && file.asked_for(info.task))
      out[info.method][info.task][info.seed] = run.run->score->value;
  }
  return out;
}

std::vector<double> values_of(const std::map<std::optional<std::int64_t>, double>& by_seed) {
  std::vector<double> out;
  for (const auto& [seed, value] : by_seed) out.push_back(value);
  return out;
}

std::string method_title(std::string_view method) {
  return method.empty() ? "no method named" : std::string(method);
}

Line significance_line(const CaseFile& file, const Scores& all, Checklist& out) {
  LineBuilder line("V10", "Results hold over seeds (significance)");
  want_tasks(file, line);
  for (const auto& [method, tasks] : all) {
    if (is_baseline(method)) continue;
    std::vector<TaskStatistics> rows;
    std::vector<statistics::BoundTest> tests;
    std::vector<std::vector<double>> scores;
    for (const std::string& task : file.tasks()) {
      const auto found = tasks.find(task);
      const TaskView* view = view_of(file, task);
      if (found == tasks.end() || !has_range(view)) continue;
      // Two runs without a seed are one seed, so what counts as one is one.
      scores.push_back(values_of(found->second));
      tests.emplace_back().bound = view->expected_min;
      rows.push_back(
          {task, method, view->metric, view->expected_min, view->expected_max, view->critical, {}});
    }
    statistics::decide(tests, scores, file.options().alpha);
    for (std::size_t i = 0; i < tests.size(); ++i) {
      rows[i].test = tests[i];
      const std::string about = fmt::format("{} ({})", task_title(rows[i].task), method_title(method));
      Remark remark{about, statistics::bound_words(tests[i]), {}, {}, -1, tests[i].found.mean};
      switch (tests[i].verdict) {
        case statistics::BoundVerdict::above:
          line.found(std::move(remark));
          break;
        case statistics::BoundVerdict::below:
          line.wrong(std::move(remark),
                     "this is no bad luck: look at data, learning rate and evaluation of this task");
          break;
        case statistics::BoundVerdict::undecided:
          line.wrong(std::move(remark),
                     tests[i].found.mean && *tests[i].found.mean > tests[i].bound
                         ? "train further seeds; the average alone does not show it yet"
                         : "look at this task first: its average is not above the range's lower end");
          break;
        case statistics::BoundVerdict::too_few:
          line.missing(std::move(remark), "train each task with three seeds at least (42, 1337, 2024)");
          break;
        case statistics::BoundVerdict::no_spread:
          line.missing(std::move(remark), "check that the seed reaches the training");
          break;
        case statistics::BoundVerdict::unknown:
          line.missing(std::move(remark), "look at the evaluation of these runs");
          break;
      }
      out.statistics.push_back(std::move(rows[i]));
    }
  }
  // A task whose runs have no score that counts was in none of the tests.
  for (const std::string& task : file.tasks()) {
    const auto tested = std::any_of(out.statistics.begin(), out.statistics.end(),
                                    [&](const TaskStatistics& each) { return each.task == task; });
    if (!tested && !file.training_of(task).empty())
      line.missing({task_title(task), statistics::bound_words([] {
                      statistics::BoundTest none;
                      none.verdict = statistics::BoundVerdict::too_few;
                      return none;
                    }())},
                   "train each task with three seeds at least (42, 1337, 2024)");
  }
  return line.done(fmt::format("{} averages above their range's lower end, unlikely to be luck (alpha {:g})",
                               line.proofs(), file.options().alpha));
}

Comparison compare(const std::string& task, const std::string& first, const std::string& second,
                   const std::map<std::optional<std::int64_t>, double>& a,
                   const std::map<std::optional<std::int64_t>, double>& b) {
  Comparison out;
  out.task = task;
  out.first = first;
  out.second = second;
  const std::vector<double> of_a = values_of(a);
  const std::vector<double> of_b = values_of(b);
  out.of_first = statistics::describe(of_a);
  out.of_second = statistics::describe(of_b);
  const bool seeded = !a.contains(std::nullopt) && !b.contains(std::nullopt);
  out.paired = seeded && a.size() == b.size() &&
               std::equal(a.begin(), a.end(), b.begin(),
                          [](const auto& x, const auto& y) { return x.first == y.first; });
  // In the order of their seeds both lists belong together one by one.
  out.test = out.paired ? statistics::paired_t(of_a, of_b, statistics::Alternative::two_sided)
                        : statistics::welch_t(of_a, of_b, statistics::Alternative::two_sided);
  out.effect = out.paired ? statistics::d_z(of_a, of_b) : statistics::hedges_g(of_a, of_b);
  return out;
}

std::string comparison_words(const Comparison& each, double alpha) {
  const std::size_t least = std::min(each.of_first.n, each.of_second.n);
  const auto difference =
      each.of_first.mean && each.of_second.mean ? *each.of_first.mean - *each.of_second.mean : 0.0;
  const std::string apart = fmt::format("{:+.3f}", difference);
  if (least < statistics::kSeedsNeeded)
    return fmt::format("{}; too few seeds to say whether that is luck: {} and {}, {} of each needed", apart,
                       each.of_first.n, each.of_second.n, statistics::kSeedsNeeded);
  if (!each.adjusted_p)
    return fmt::format("{}; not tested: {}", apart,
                       each.test.gap == statistics::Gap::no_spread && each.paired
                           ? "every seed differs by the same"
                           : std::string(statistics::to_string(each.test.gap)));
  std::string text =
      fmt::format("{}; {} ({}", apart, *each.adjusted_p < alpha ? "unlikely to be luck" : "may be luck",
                  statistics::p_words(*each.adjusted_p));
  if (each.family > 1) text += fmt::format(", corrected for {} tasks", statistics::count_word(each.family));
  text += each.paired ? "; the same seeds compared" : "; Welch";
  if (each.effect)
    text += fmt::format("; effect {} ({:.2g})", statistics::size_word(*each.effect), *each.effect);
  return text + ")";
}

void compare_methods(const CaseFile& file, const Scores& all, Checklist& out) {
  for (auto first = all.begin(); first != all.end(); ++first) {
    for (auto second = all.begin(); second != all.end(); ++second) {
      // Fine-tuned against baseline, and LoRA against full: the first is the one that is expected to be
      // better.
      const bool trained_first = !is_baseline(first->first) && is_baseline(second->first);
      const bool both_trained = !is_baseline(first->first) && !is_baseline(second->first);
      const bool full_first = first->first == "full_finetune" ||
                              (second->first != "full_finetune" && first->first < second->first);
      if (first == second || !(trained_first || (both_trained && full_first))) continue;
      std::vector<Comparison> family;
      for (const std::string& task : file.tasks()) {
        const auto a = first->second.find(task);
        const auto b = second->second.find(task);
        if (a != first->second.end() && b != second->second.end())
          family.push_back(compare(task, first->first, second->first, a->second, b->second));
      }
      std::vector<std::optional<double>> p;
      for (const Comparison& each : family) {
        const bool counts =
            each.test.known() && std::min(each.of_first.n, each.of_second.n) >= statistics::kSeedsNeeded;
        p.push_back(counts ? std::optional(each.test.p) : std::nullopt);
      }
      const auto adjusted = statistics::holm(p);
      const auto tested = static_cast<std::size_t>(
          std::count_if(p.begin(), p.end(), [](const auto& each) { return each.has_value(); }));
      for (std::size_t i = 0; i < family.size(); ++i) {
        family[i].adjusted_p = adjusted[i];
        family[i].family = std::max<std::size_t>(tested, 1);
        family[i].words = comparison_words(family[i], file.options().alpha);
        out.comparisons.push_back(std::move(family[i]));
      }
    }
  }
}

}  // namespace

std::vector<Line> performance_lines(const CaseFile& file, Checklist& out) {
  std::vector<Line> lines;
  const auto& tasks = required_tasks();
  for (std::size_t i = 0; i < tasks.size(); ++i)
    lines.push_back(range_line(file, fmt::format("V{}", 6 + i), tasks[i]));
  const Scores all = scores_of(file);
  lines.push_back(significance_line(file, all, out));
  compare_methods(file, all, out);
  return lines;
}

}  // namespace redflag::daemon::validate
