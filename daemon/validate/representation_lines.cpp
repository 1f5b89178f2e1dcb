// V11 to V15: are the representations all there, whole, loadable, and what their metadata says?
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/validate/line_builder.h"
#include "daemon/validate/lines.h"

namespace redflag::daemon::validate {
namespace {

constexpr std::int64_t kInterval = 100;  // E1
constexpr const char* kExtract = "extract this step again from its checkpoint while that still exists";
constexpr const char* kWait = "wait until all files are read and validate again";

bool is_base(std::string_view method) {
  return method.starts_with("base");
}

/// Directories that were counted and of which nothing was told, or the other way round, are holes.
void want_all_steps(const CaseFile& file, LineBuilder& line) {
  std::map<std::string, std::set<std::int64_t>> told;
  for (const Directory& step : file.steps()) {
    const auto number = step.self.number("step");
    told[parent_of(step.self.path())].insert(number ? static_cast<std::int64_t>(*number) : -1);
  }
  std::size_t counted = 0;
  std::size_t listed = 0;
  for (const ResultsView& view : file.overview().results) {
    counted += view.summary.representation_steps;
    for (const SeriesView& series : view.representations) {
      listed += series.cells.size();
      if (!series.task.empty() && !file.options().tasks.empty() && !file.asked_for(series.task)) continue;
      for (const StepCell& cell : series.cells) {
        if (!told[series.dir].contains(cell.step))
          line.missing({fmt::format("{} step {}", base_of(series.dir), cell.step),
                        "nothing is known of its files",
                        {},
                        series.dir,
                        cell.step,
                        {}},
                       kWait);
      }
    }
  }
  if (counted > listed)
    line.missing(
        {"representations", fmt::format("{} step directories were counted, {} listed", counted, listed)},
        kWait);
}

/// All that several of these lines begin with. False: no results directory can be judged at all.
bool begin(const CaseFile& file, LineBuilder& line) {
  note_left_out(file, line);
  const bool sound = look_at_results(file, line);
  want_all_steps(file, line);
  return sound;
}

/// Every task asked for has steps of a trained model.
void want_trained_steps(const CaseFile& file, LineBuilder& line) {
  for (const std::string& task : file.tasks()) {
    const bool any = std::any_of(file.steps().begin(), file.steps().end(), [&](const Directory& each) {
      return each.self.text("task") == task && !is_base(each.self.text("method"));
    });
    if (!any)
      line.missing(
          {task_title(task), "no representations of a fine-tuned model"},
          "extract them; redflag looks for representations/METHOD_TASK/step_N below the results directory");
  }
}

std::size_t layers_of(const Directory& step) {
  return static_cast<std::size_t>(
      std::count_if(step.files.begin(), step.files.end(),
                    [](const FactView& each) { return each.text("what") == "layer"; }));
}

/// All steps of a task have the same layers, whatever the method: a file of which nothing was told is a hole.
void want_even_layers(const CaseFile& file, LineBuilder& line) {
  const auto group = [](const Directory& step) {
    return std::pair(parent_of(parent_of(step.self.path())), step.self.text("task"));
  };
  std::map<std::pair<std::string, std::string>, std::size_t> most;
  for (const Directory& step : file.steps()) {
    std::size_t& known = most[group(step)];
    known = std::max(known, layers_of(step));
  }
  for (const Directory& step : file.steps()) {
    const std::size_t has = layers_of(step);
    const std::size_t wanted = most[group(step)];
    if (has == 0) {
      line.missing(about_path(step.self, "nothing is known of its layers"), kWait);
    } else if (has < wanted) {
      line.missing(about_path(step.self, fmt::format("{} of {} layers are known", has, wanted)), kWait);
    }
  }
}

std::int64_t slowest_step(const CaseFile& file, std::string_view task, std::string_view method) {
  std::int64_t slowest = -1;
  for (const CountingRun& run : file.training()) {
    const RunInfo& info = run.run->info;
    if (info.task != task || info.method != method || !run.finished() || run.run->step < 0) continue;
    if (slowest < 0 || run.run->step < slowest) slowest = run.run->step;
  }
  return slowest;
}

void judge_steps(const CaseFile& file, const SeriesView& series, LineBuilder& line) {
  const auto say = [&](std::string words, std::int64_t step = -1) {
    return Remark{base_of(series.dir), std::move(words), series.run, series.dir, step, {}};
  };
  if (series.cells.empty()) {
    line.missing(say("holds no steps"), "see whether the extraction runs");
    return;
  }
  bool sound = true;
  const auto wrong = [&](std::string words, std::int64_t step) {
    sound = false;
    line.wrong(say(std::move(words), step),
               "extract the missing steps from their checkpoints while those exist");
  };
  if (series.missing_count > 0) {
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(series.missing.size(), 6); ++i)
      names += (i == 0 ? "" : ", ") + std::to_string(series.missing[i]);
    wrong(fmt::format("{} step{} missing: {}{}", series.missing_count, series.missing_count == 1 ? "" : "s",
                      names, series.missing_count > 6 ? ", …" : ""),
          series.missing.empty() ? -1 : series.missing.front());
  } else if (!series.regular) {
    wrong("its steps are not evenly spaced", -1);
  }
  std::vector<std::int64_t> steps;
  for (const StepCell& cell : series.cells) steps.push_back(cell.step);
  std::sort(steps.begin(), steps.end());
  if (sound && steps.front() > kInterval)
    wrong(fmt::format("begins at step {}, one every {} is wanted", steps.front(), kInterval), steps.front());
  for (std::size_t i = 1; sound && i < steps.size(); ++i) {
    if (steps[i] - steps[i - 1] > kInterval)
      wrong(fmt::format("nothing between steps {} and {}, one every {} is wanted", steps[i - 1], steps[i],
                        kInterval),
            steps[i]);
  }
  const std::int64_t end = slowest_step(file, series.task, series.method);
  if (end < 0) {
    line.missing(
        say(fmt::format("{} steps to {}, but no finished run of this task and method tells where they end",
                        steps.size(), steps.back())),
        "see V6 to V9 for the runs");
  } else if (end - steps.back() >= kInterval) {
    wrong(fmt::format("ends at step {}, the training went on to {}", steps.back(), end), steps.back());
  } else if (sound) {
    line.found(say(fmt::format("{} steps from {} to {}, the training ended at {}", steps.size(),
                               steps.front(), steps.back(), end)));
  }
}

Line steps_line(const CaseFile& file) {
  LineBuilder line("V11", "Representations every 100 steps");
  begin(file, line);
  want_trained_steps(file, line);
  std::set<std::string> listed;
  for (const ResultsView& view : file.overview().results) {
    for (const SeriesView& series : view.representations) {
      const bool wanted = file.asked_for(series.task) && !is_base(series.method);
      if (!wanted) continue;
      listed.insert(series.task);
      judge_steps(file, series, line);
    }
  }
  for (const FactView& series : file.series()) {
    if (series.truth("overdue").value_or(false))
      line.wrong(about_path(series, fmt::format("a step at {:.0f} is overdue",
                                                series.number("expected_step").value_or(-1))),
                 "look whether the extraction still runs (its log, a full disk)");
  }
  for (const std::string& task : file.tasks()) {
    if (!listed.contains(task))
      line.missing({task_title(task), "no series of steps is listed"}, "extract them");
  }
  return line.done(fmt::format("{} series without a gap", line.proofs()));
}

Line integrity_line(const CaseFile& file) {
  LineBuilder line("V12", "Representation files intact");
  begin(file, line);
  want_trained_steps(file, line);
  const bool inside = look_at_contents(file, line);
  want_even_layers(file, line);
  std::map<std::string, std::size_t> steps_of;
  for (const Directory& step : file.steps()) ++steps_of[parent_of(step.self.path())];
  std::size_t files = 0;
  for (const Directory& step : file.steps()) {
    bool sound = judge_verdicts(step, kExtract, line);
    sound = judge_inside(step.self, {"nan", "zero"}, kExtract, line) && sound;
    // Against other steps, where there are any.
    if (steps_of[parent_of(step.self.path())] > 1)
      sound = judge_inside(step.self, {"identical"}, kExtract, line) && sound;
    // Needs redflag-forward, so its absence is no hole here.
    if (is_trouble(step.self.text("collapsed")))
      sound = judge_inside(step.self, {"collapsed"}, kExtract, line) && sound;
    if (sound && inside) line.found(about_path(step.self, fmt::format("{} files intact", step.files.size())));
    files += step.files.size();
  }
  for (const FactView& stray : file.strays()) {
    const std::string verdict = stray.text("verdict");
    const bool layer = stray.facts->subject.kind == SubjectKind::representation;
    if (layer && !verdict.empty() && verdict != "ok" && verdict != "in_progress")
      line.wrong(about_path(stray, verdict + ": " + stray.text("detail")), kExtract);
  }
  return line.done(fmt::format(
      "{} files in {} steps: none empty, cut off, NaN, zero or the same as another's", files, line.proofs()));
}

Line loading_line(const CaseFile& file) {
  LineBuilder line("V13", "Every representation file loads");
  begin(file, line);
  want_trained_steps(file, line);
  const bool inside = look_at_contents(file, line);
  want_even_layers(file, line);
  std::size_t files = 0;
  for (const Directory& step : file.steps()) {
    bool sound = judge_verdicts(step, kExtract, line);
    sound = judge_loading(step, "write it again; look for a full disk", line) && sound;
    // Told once every file of the step was read: no word, not read.
    sound = judge_inside(step.self, {"mismatch", "nan"}, kExtract, line) && sound;
    if (sound && inside) line.found(about_path(step.self, fmt::format("{} layers read", layers_of(step))));
    files += layers_of(step);
  }
  return line.done(fmt::format("{} layers in {} steps read whole, shapes and types as they should be", files,
                               line.proofs()));
}

Line base_line(const CaseFile& file) {
  LineBuilder line("V14", "Base model's representations for every task");
  const bool sound = begin(file, line);
  for (const std::string& task : file.tasks()) {
    std::size_t steps = 0;
    for (const Directory& step : file.steps()) {
      if (step.self.text("task") != task || !is_base(step.self.text("method"))) continue;
      ++steps;
      if (judge_verdicts(step, kExtract, line)) line.found(about_path(step.self, "there, with its files"));
    }
    const char* advice = "extract them from the untrained model: representations/base_pretrained_TASK/step_0";
    if (steps == 0 && sound) {
      line.wrong({task_title(task), "the base model's representations are missing"}, advice);
    } else if (steps == 0) {
      line.missing({task_title(task), "none known"}, advice);
    }
  }
  return line.done(fmt::format("{} steps of the base model, all tasks", line.proofs()));
}

Line metadata_line(const CaseFile& file) {
  LineBuilder line("V15", "Metadata complete and consistent");
  begin(file, line);
  want_trained_steps(file, line);
  const bool inside = look_at_contents(file, line);
  for (const Directory& step : file.steps()) {
    const FactView* metadata = nullptr;
    for (const FactView& each : step.files) {
      if (each.text("what") == "metadata") metadata = &each;
    }
    bool sound = true;
    if (metadata == nullptr) {
      sound = false;
      const bool bad = step.self.text("verdict") == "missing" &&
                       step.self.text("detail").find("metadata.json") != std::string::npos;
      if (bad) {
        line.wrong(about_path(step.self, step.self.text("detail")),
                   "metadata.json alone can be written anew");
      } else {
        line.missing(about_path(step.self, "nothing is known of its metadata.json"), kWait);
      }
    } else if (metadata->text("verdict") != "ok") {
      sound = false;
      const std::string verdict = metadata->text("verdict");
      if (verdict.empty() || verdict == "in_progress") {
        line.missing(
            about_path(*metadata, verdict.empty() ? "has not been looked at" : "is still being written"),
            kWait);
      } else {
        line.wrong(about_path(*metadata, verdict + ": " + metadata->text("detail")),
                   "write metadata.json anew");
      }
    }
    sound = judge_inside(step.self, {"mismatch"}, kExtract, line) && sound;
    if (sound && inside) line.found(about_path(step.self, "metadata.json agrees with directory and files"));
  }
  return line.done(fmt::format("metadata.json of {} steps agrees with directories and files", line.proofs()));
}

}  // namespace

std::vector<Line> representation_lines(const CaseFile& file) {
  std::vector<Line> out;
  out.push_back(steps_line(file));
  out.push_back(integrity_line(file));
  out.push_back(loading_line(file));
  out.push_back(base_line(file));
  out.push_back(metadata_line(file));
  return out;
}

}  // namespace redflag::daemon::validate
