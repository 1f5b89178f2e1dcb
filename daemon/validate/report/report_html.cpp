// Verdict first, then every line, then the pictures behind them.
#include "daemon/validate/report/report_html.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/overview/task_scores.h"
#include "daemon/statistics/words.h"
#include "daemon/validate/case_file.h"
#include "daemon/validate/report/charts.h"
#include "daemon/validate/report/html.h"
#include "daemon/validate/report/style.h"

namespace redflag::daemon::validate {
namespace {

constexpr std::size_t kMostFigures = 48;  // of a kind
constexpr std::size_t kShownRemarks = 8;  // of a line that does not pass
constexpr std::size_t kMostTableRows = 100;

std::string_view css_of(LineVerdict verdict) {
  switch (verdict) {
    case LineVerdict::pass:
      return "pass";
    case LineVerdict::fail:
      return "fail";
    case LineVerdict::not_checked:
      return "not";
  }
  return "not";
}

std::string remarks_html(const std::vector<Remark>& remarks, std::size_t total, std::size_t most) {
  if (remarks.empty()) return {};
  std::string out = "<ul class=\"ev\">";
  for (std::size_t i = 0; i < std::min(remarks.size(), most); ++i) {
    const Remark& each = remarks[i];
    out += each.about.empty()
               ? fmt::format("<li>{}</li>", escaped(each.words))
               : fmt::format("<li><b>{}</b>: {}</li>", escaped(each.about, 120), escaped(each.words));
  }
  if (total > most) out += fmt::format("<li>and {} more</li>", total - std::min(total, most));
  return out + "</ul>";
}

std::string line_html(const Line& line) {
  std::string out =
      fmt::format("<li id=\"{}\"><span class=\"badge {}\">{}</span><div><h3>{} {}</h3>", escaped(line.id),
                  css_of(line.verdict), to_string(line.verdict), escaped(line.id), escaped(line.title));
  if (line.verdict == LineVerdict::pass) {
    out += fmt::format("<p class=\"say\">{}</p>", escaped(line.summary));
  } else {
    out += remarks_html(line.failures, line.failures_total, kShownRemarks);
    if (line.holes_total > 0 && line.failures_total > 0) out += "<p class=\"say\">Not looked at:</p>";
    out += remarks_html(line.holes, line.holes_total, line.failures_total > 0 ? 3 : kShownRemarks);
    if (line.failures_total + line.holes_total == 0)
      out += fmt::format("<p class=\"say\">{}</p>", escaped(line.summary));
    for (const std::string& advice : line.advice)
      out += fmt::format("<p class=\"do\">{}</p>", escaped(advice));
  }
  if (line.proofs_total > 0) {
    out += fmt::format("<details><summary>What was found good ({})</summary>{}</details>", line.proofs_total,
                       remarks_html(line.proofs, line.proofs_total, kMostRemarks));
  }
  return out + "</div></li>\n";
}

std::string figure_html(const Figure& figure) {
  return fmt::format(
      "<figure><figcaption>{}</figcaption>{}<details><summary>As a table</summary>{}</details></figure>\n",
      figure.caption, figure.svg, figure.table);
}

/// What was flagged on a run, by time of its step.
std::vector<Mark> marks_of(const Evidence& evidence, std::string_view run) {
  std::vector<Mark> out;
  for (const auto* list : {&evidence.overview.alerts, &evidence.ended}) {
    for (const AlertLine& alert : *list) {
      if (alert.run != run || alert.state == "pending" || alert.severity == Severity::info) continue;
      out.push_back({alert.since_step >= 0 ? alert.since_step : alert.step, alert.severity,
                     fmt::format("{}{}{}", alert.rule, alert.message.empty() ? "" : ": ", alert.message)});
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Mark& a, const Mark& b) { return a.step < b.step; });
  return out;
}

class Page {
 public:
  Page(const Evidence& evidence, const Checklist& list) : evidence_(evidence), list_(list) {}

  std::string text() {
    out_ = fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n<title>redflag validate: "
        "{}</title>\n<style>{}</style></head>\n<body><main>\n",
        policy_for(kStyle), verdict_words(), kStyle);
    head();
    lines();
    scores();
    statistics_tables();
    losses();
    drift();
    timelines();
    appendix();
    return std::move(out_) + "</main></body></html>\n";
  }

 private:
  std::string verdict_words() const {
    if (list_.failed > 0) return fmt::format("{} of 24 lines fail", list_.failed);
    if (list_.not_checked > 0) return fmt::format("{} of 24 lines not checked", list_.not_checked);
    return "all 24 lines pass";
  }

  void head() {
    const Overview& overview = evidence_.overview;
    std::set<std::string> projects;
    for (const RunView& run : overview.runs) projects.insert(run.info.project);
    std::string where;
    for (const std::string& project : projects) {
      if (!project.empty() && where.size() < 300) where += (where.empty() ? "" : ", ") + project;
    }
    out_ += fmt::format("<h1>Validation: {}</h1>\n<p class=\"soft\">{}{}redflag {}, {}</p>\n",
                        verdict_words(), escaped(where), where.empty() ? "" : " · ",
                        escaped(overview.daemon.version.empty() ? REDFLAG_VERSION : overview.daemon.version),
                        escaped(to_rfc3339(list_.now)));
    out_ += fmt::format(
        "<ul class=\"sum\"><li class=\"pass\"><b>{}</b>PASS</li><li class=\"fail\"><b>{}</b>FAIL</li>"
        "<li class=\"not\"><b>{}</b>NOT CHECKED</li></ul>\n",
        list_.passed, list_.failed, list_.not_checked);
    std::string failing;
    for (const Section& section : list_.sections) {
      for (const Line& line : section.lines) {
        if (line.verdict == LineVerdict::fail)
          failing += fmt::format("<li><a href=\"#{0}\">{0}</a> {1}: {2}</li>", escaped(line.id),
                                 escaped(line.title), escaped(line.summary));
      }
    }
    if (!failing.empty()) out_ += fmt::format("<p>What fails:</p><ul class=\"ev\">{}</ul>\n", failing);
    out_ +=
        "<p class=\"soft\">PASS means that it was looked at and found so. NOT CHECKED means that something "
        "was missing to "
        "say; it is no PASS.</p>\n";
  }

  void lines() {
    for (const Section& section : list_.sections) {
      out_ += fmt::format("<section><h2>{}</h2><ul class=\"lines\">\n", escaped(section.title));
      for (const Line& line : section.lines) out_ += line_html(line);
      out_ += "</ul></section>\n";
    }
  }

  /// A heading, and the figures below it; nothing when there are none.
  void figures(const char* heading, const char* words, const std::vector<Figure>& all,
               std::size_t beyond = 0) {
    if (all.empty()) return;
    out_ +=
        fmt::format("<section><h2>{}</h2><p class=\"soft\">{}</p><div class=\"cards\">\n", heading, words);
    for (const Figure& each : all) out_ += figure_html(each);
    out_ += "</div>";
    if (beyond > 0) out_ += fmt::format("<p class=\"soft\">{} more are not drawn.</p>", beyond);
    out_ += "</section>\n";
  }

  std::string next_id() { return fmt::format("f{}", ++figures_); }

  void scores() {
    std::vector<Figure> all;
    for (const TaskView& task : evidence_.overview.tasks) {
      Figure figure = all.size() < kMostFigures ? score_figure(next_id(), with_scores(task)) : Figure{};
      if (!figure.empty()) all.push_back(std::move(figure));
    }
    figures("Scores against their ranges",
            "The shaded band is what the task should give, the dashed line is critical. A dot is a seed; "
            "hollow ones were not "
            "fine-tuned.",
            all);
  }

  /// The task's scores as the checklist counts them, where the overview has brought none.
  TaskView with_scores(const TaskView& task) const {
    if (!task.methods.empty()) return task;
    TaskView out = task;
    const std::set<std::string> counting(list_.counting_runs.begin(), list_.counting_runs.end());
    std::map<std::string, MethodScores> methods;
    for (const RunView& run : evidence_.overview.runs) {
      const bool counts = counting.contains(run.info.key) && run.info.state == RunState::finished;
      if (!counts || run.info.task != task.task || !run.score) continue;
      MethodScores& method = methods[run.info.method];
      method.method = run.info.method;
      method.scores.push_back({run.info.key, run.info.name, run.info.seed, run.score->value});
    }
    for (auto& [name, method] : methods) out.methods.push_back(std::move(method));
    std::stable_sort(out.methods.begin(), out.methods.end(), [](const auto& a, const auto& b) {
      return !is_baseline(a.method) && is_baseline(b.method);
    });
    return out;
  }

  void statistics_tables() {
    using statistics::score_words;
    std::vector<std::vector<std::string>> rows;
    for (const TaskStatistics& each : list_.statistics) {
      const auto& found = each.test.found;
      rows.push_back({task_title(each.task), each.method, std::to_string(found.n),
                      found.mean ? score_words(*found.mean) : "-", found.sd ? score_words(*found.sd) : "-",
                      found.interval
                          ? score_words(found.interval->low) + " to " + score_words(found.interval->high)
                          : "-",
                      fmt::format("{:.2f}-{:.2f}", each.expected_min, each.expected_max),
                      statistics::bound_words(each.test)});
    }
    std::vector<std::vector<std::string>> compared;
    for (const Comparison& each : list_.comparisons) {
      compared.push_back({task_title(each.task), fmt::format("{} against {}", each.first, each.second),
                          statistics::average_words(each.of_first), statistics::average_words(each.of_second),
                          each.words});
    }
    if (rows.empty() && compared.empty()) return;
    out_ += "<section><h2>Statistics over seeds</h2>\n";
    if (!rows.empty())
      out_ += table(
          "Averages against the lower end of the range (one-sided t-test, corrected by Holm)",
          {"task", "method", ">seeds", ">average", ">sd", ">95 % interval", ">expected", "what it means"},
          rows, true);
    if (!compared.empty())
      out_ += table("Methods compared",
                    {"task", "methods", "first", "second", "difference, and what it means"}, compared, true);
    out_ += "</section>\n";
  }

  void losses() {
    std::map<std::string_view, const RunEvidence*> curves;
    for (const RunEvidence& each : evidence_.runs) curves[each.key] = &each;
    const std::set<std::string> counting(list_.counting_runs.begin(), list_.counting_runs.end());
    std::vector<const RunView*> runs;
    for (const RunView& run : evidence_.overview.runs) {
      if (counting.contains(run.info.key) && curves.contains(run.info.key)) runs.push_back(&run);
    }
    // Those with flags first, then by task.
    std::stable_sort(runs.begin(), runs.end(), [&](const RunView* a, const RunView* b) {
      return std::tuple(marks_of(evidence_, a->info.key).empty(), a->info.task, a->info.method,
                        a->info.seed) <
             std::tuple(marks_of(evidence_, b->info.key).empty(), b->info.task, b->info.method, b->info.seed);
    });
    std::vector<Figure> all;
    std::size_t beyond = 0;
    for (const RunView* run : runs) {
      if (all.size() == kMostFigures) {
        ++beyond;
        continue;
      }
      Figure figure =
          loss_figure(next_id(), *run, *curves[run->info.key], marks_of(evidence_, run->info.key));
      if (!figure.empty()) all.push_back(std::move(figure));
    }
    figures("Loss curves",
            "<span class=\"key\">train_loss</span> <span class=\"key eval\">eval_loss</span>. Triangles and "
            "dotted lines are red "
            "flags, crosses at the top are values that are not numbers.",
            all, beyond);
  }

  void drift() {
    std::map<std::string, std::vector<DriftPoint>> tasks;
    for (const SubjectFacts& each : evidence_.facts) {
      const FactView facts{&each};
      const auto drift = facts.number("drift");
      const auto step = facts.number("step");
      if (!drift || each.subject.kind != SubjectKind::representation) continue;
      // A step's number is in its facts, or at the end of its name.
      const std::string name = base_of(each.subject.key);
      const double at = step ? *step : std::atof(name.substr(name.find_last_of('_') + 1).c_str());
      tasks[facts.text("task")].push_back({facts.text("method"),
                                           static_cast<std::int64_t>(std::clamp(at, -1.0, 1e15)), *drift,
                                           facts.number("cka"), facts.text("drift_layer")});
    }
    std::vector<Figure> all;
    for (const auto& [task, points] : tasks) {
      if (all.size() < kMostFigures)
        all.push_back(drift_figure(next_id(), task.empty() ? "no task" : task, points));
      if (all.back().empty()) all.pop_back();
    }
    figures("Drift of representations",
            "How far hidden states have moved from the base model's while training went on.", all);
  }

  void timelines() {
    std::vector<Figure> all;
    std::size_t beyond = 0;
    const auto add = [&](const std::string& title, const std::vector<TimelineRow>& rows) {
      Figure figure = all.size() < kMostFigures ? timeline_figure(next_id(), title, rows) : Figure{};
      beyond += all.size() >= kMostFigures ? 1 : 0;
      if (!figure.empty()) all.push_back(std::move(figure));
    };
    std::map<std::string, std::vector<TimelineRow>> tasks;
    std::map<std::string, std::vector<TimelineRow>> checkpoints;
    for (const ResultsView& view : evidence_.overview.results) {
      for (const SeriesView& series : view.representations) {
        TimelineRow row{series.method.empty() ? base_of(series.dir) : series.method,
                        series.cells,
                        series.missing,
                        {},
                        false};
        tasks[series.task].push_back(std::move(row));
      }
      for (const SeriesView& series : view.checkpoints) {
        const auto run = std::find_if(evidence_.overview.runs.begin(), evidence_.overview.runs.end(),
                                      [&](const RunView& each) { return each.info.key == series.run; });
        const std::string task = run == evidence_.overview.runs.end() ? std::string() : run->info.task;
        TimelineRow row{base_of(series.dir), series.cells, series.missing,
                        series.run.empty() ? std::vector<Mark>{} : marks_of(evidence_, series.run), false};
        checkpoints[task].push_back(std::move(row));
      }
    }
    for (const auto& [task, rows] : tasks)
      add("Representations, " + (task.empty() ? "no task" : task_title(task)), rows);
    for (const auto& [task, rows] : checkpoints)
      add("Checkpoints" + (task.empty() ? "" : ", " + task_title(task)), rows);
    figures("Checkpoints and representations over time",
            "A full dot is sound, a hollow one was not checked, a cross is bad, a dashed ring is missing; "
            "triangles are red flags. A dot at the "
            "right edge is a final model.",
            all, beyond);
  }

  void appendix() {
    std::vector<std::vector<std::string>> rows;
    for (const AlertLine& alert : evidence_.overview.alerts) {
      if (rows.size() < kMostTableRows && alert.state == "firing")
        rows.push_back({std::string(to_string(alert.severity)), alert.rule, alert.about, alert.message,
                        to_rfc3339(alert.since)});
    }
    if (!rows.empty())
      out_ += "<section><h2>Red flags that are open</h2>" +
              table("Open alerts, the most severe first", {"severity", "rule", "where", "what", "since"},
                    rows, true) +
              "</section>\n";
    rows.clear();
    for (const SourceView& source : evidence_.overview.sources) {
      const std::string state = !source.reachable   ? "has not spoken"
                                : *source.reachable ? "reachable"
                                                    : "not reachable";
      if (rows.size() < kMostTableRows)
        rows.push_back({source.key, state,
                        source.last_success == Time{} ? "-" : to_rfc3339(source.last_success),
                        source.trouble});
    }
    if (!rows.empty())
      out_ += "<section><h2>Sources</h2>" +
              table("Where this was read", {"source", "state", "last read", "trouble"}, rows, true) +
              "</section>\n";
  }

  const Evidence& evidence_;
  const Checklist& list_;
  std::string out_;
  std::size_t figures_ = 0;
};

}  // namespace

std::string report_html(const Evidence& evidence, const Checklist& list) {
  return Page(evidence, list).text();
}

}  // namespace redflag::daemon::validate
