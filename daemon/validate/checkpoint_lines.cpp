// V16 to V19: can the checkpoints be loaded, do they answer, can training go on from them, and will there be
// a next one?
#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "daemon/results/layout.h"
#include "daemon/runs/json_number.h"
#include "daemon/validate/line_builder.h"
#include "daemon/validate/lines.h"

namespace redflag::daemon::validate {
namespace {

constexpr const char* kWait = "wait until all files are read and validate again";
constexpr const char* kSaveAgain = "save it again; keep the previous checkpoint until this one loads";

bool is_numbered(const Directory& each) {
  return base_of(each.self.path()).starts_with("checkpoint-");
}

std::set<std::string> words_of(std::string_view path) {
  std::set<std::string> out;
  std::string word;
  for (const char c : std::string(path) + "/") {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      out.insert(std::exchange(word, {}));
    }
  }
  return out;
}

/// By proof (the series says whose it is), by a directory named like the run, or by a path that names task
/// and seed.
bool belongs(const CaseFile& file, const Directory& checkpoint, const CountingRun& run) {
  const std::string dir = parent_of(checkpoint.self.path());
  for (const ResultsView& view : file.overview().results) {
    for (const SeriesView& series : view.checkpoints) {
      if (series.dir == dir && !series.run.empty()) return series.run == run.run->info.key;
    }
  }
  const RunInfo& info = run.run->info;
  std::string rest = dir;
  for (; !rest.empty(); rest = parent_of(rest)) {
    const std::string name = base_of(rest);
    if (name == info.name || (!info.id.empty() && name == info.id)) return true;
  }
  if (info.task.empty() || !info.seed) return false;
  const std::set<std::string> words = words_of(checkpoint.self.name() + "/" + base_of(dir));
  const std::string seed = std::to_string(*info.seed);
  const bool seeded = words.contains(seed) || words.contains("seed" + seed) || words.contains("s" + seed);
  const bool tasked = words.contains(info.task) || (info.task == "sst2" && words.contains("sst")) ||
                      (info.task == "squad_v2" && (words.contains("squad") || words.contains("squadv2")));
  return seeded && tasked;
}

/// Something is known of every checkpoint that was counted, and every run that counts has one.
void want_checkpoints(const CaseFile& file, LineBuilder& line, bool of_every_run) {
  if (!of_every_run) note_left_out(file, line);  // else want_tasks below says it
  std::map<std::string, std::size_t> told;
  for (const Directory& each : file.checkpoints()) ++told[parent_of(each.self.path())];
  std::size_t counted = 0;
  for (const ResultsView& view : file.overview().results) {
    counted += view.summary.checkpoints;
    for (const SeriesView& series : view.checkpoints) {
      const std::size_t known = told[series.dir];
      if (known < series.cells.size())
        line.missing({base_of(series.dir),
                      fmt::format("of {} checkpoints {} are known", series.cells.size(), known),
                      {},
                      series.dir,
                      -1,
                      {}},
                     kWait);
    }
  }
  if (file.checkpoints().empty()) {
    line.missing({"checkpoints", "none is known"}, "save checkpoints below the results directory");
  } else if (file.checkpoints().size() < counted && file.options().tasks.empty()) {
    line.missing(
        {"checkpoints", fmt::format("{} were counted, {} are known", counted, file.checkpoints().size())},
        kWait);
  }
  if (!of_every_run) return;
  want_tasks(file, line);
  for (const CountingRun& run : file.training()) {
    const bool any = std::any_of(file.checkpoints().begin(), file.checkpoints().end(),
                                 [&](const Directory& each) { return belongs(file, each, run); });
    if (!any)
      line.missing(about_run(run, "no checkpoint of this run is known"),
                   "save its final model in a directory named like the run, below the results directory");
  }
}

Line load_line(const CaseFile& file) {
  LineBuilder line("V16", "Checkpoints load without error");
  look_at_results(file, line);
  const bool inside = look_at_contents(file, line);
  want_checkpoints(file, line, true);
  std::map<std::string, std::size_t> numbered;
  for (const Directory& each : file.checkpoints()) {
    if (is_numbered(each)) ++numbered[parent_of(each.self.path())];
  }
  for (const Directory& each : file.checkpoints()) {
    bool sound = judge_verdicts(each, kSaveAgain, line);
    sound = judge_loading(each, kSaveAgain, line) && sound;
    sound = judge_inside(each.self, {"nan", "zero", "mismatch"}, kSaveAgain, line) && sound;
    if (is_numbered(each) && numbered[parent_of(each.self.path())] > 1)
      sound = judge_inside(each.self, {"identical"}, "check the learning rate and frozen parameters", line) &&
              sound;
    const std::string lacking = each.self.text("lacking");
    if (!each.self.has("lacking")) {
      sound = false;
      line.missing(about_path(each.self, "whether its files are complete is not known"), kWait);
    } else if (!is_numbered(each) && !lacking.empty()) {
      sound = false;
      line.wrong(about_path(each.self, "lacks " + lacking),
                 "save the tokenizer beside the model (save_pretrained)");
    }
    if (sound && inside) line.found(about_path(each.self, "complete, whole, without NaN"));
  }
  return line.done(
      fmt::format("{} checkpoints read whole: complete, tensors as config.json says, no NaN", line.proofs()));
}

Line output_line(const CaseFile& file) {
  LineBuilder line("V17", "Outputs consistent after loading");
  look_at_results(file, line);
  const bool made = look_at_forward(file, line);
  want_checkpoints(file, line, true);
  for (const Directory& each : file.checkpoints()) {
    const std::string forward = each.self.text("forward");
    const std::string reason = each.self.text("forward_detail");
    const std::string output = each.self.text("output");
    if (is_trouble(output) || forward == "bad") {
      const std::string detail = each.self.text("output_detail");
      line.wrong(about_path(each.self, !detail.empty()  ? detail
                                       : reason.empty() ? "its outputs are bad"
                                                        : reason),
                 "go back to the last checkpoint whose outputs were finite");
    } else if (forward != "ok") {
      line.missing(about_path(each.self, "no forward pass" + (reason.empty() ? "" : ": " + reason)),
                   "install redflag-forward, or read why this one could not be run");
    } else if (output != "none") {
      line.missing(about_path(each.self, "its outputs have not been judged"), kWait);
    } else if (made) {
      line.found(about_path(each.self, "finite logits, the same when loaded again"));
    }
  }
  return line.done(
      fmt::format("{} checkpoints give finite logits, the same when loaded again", line.proofs()));
}

Line resume_line(const CaseFile& file) {
  LineBuilder line("V18", "Checkpoints can be resumed from");
  look_at_results(file, line);
  const bool inside = look_at_contents(file, line);
  want_checkpoints(file, line, false);
  std::size_t any = 0;
  const char* advice =
      "keep an earlier checkpoint; save optimizer, scheduler and RNG with the weights "
      "(save_only_model=False)";
  for (const Directory& each : file.checkpoints()) {
    if (!is_numbered(each)) continue;
    ++any;
    bool sound = judge_verdicts(each, kSaveAgain, line);
    const std::string lacking = each.self.text("lacking");
    if (!each.self.has("lacking")) {
      sound = false;
      line.missing(about_path(each.self, "whether its state is complete is not known"), kWait);
    } else if (!lacking.empty()) {
      sound = false;
      line.wrong(about_path(each.self, "lacks " + lacking), advice);
    }
    sound = judge_inside(each.self, {"resume"}, advice, line) && sound;
    if (sound && inside)
      line.found(about_path(each.self, "optimizer, scheduler, RNG and trainer state agree"));
  }
  if (any == 0)
    line.missing({"checkpoints", "there is no checkpoint-N, so nothing to resume from"},
                 "set save_strategy and save_steps in the Trainer");
  return line.done(fmt::format("{} checkpoints with optimizer, scheduler, RNG and trainer state that agree",
                               line.proofs()));
}

/// By proof, else the run that counts and is called like the directory.
const RunView* owner_of(const CaseFile& file, const SeriesView& series) {
  if (const RunView* run = file.run(series.run)) return run;
  for (const CountingRun& run : file.counting()) {
    if (!series.dir.empty() && run.run->info.name == base_of(series.dir)) return run.run;
  }
  return nullptr;
}

/// The interval at which the run was told to save; 0 when its configuration does not say.
std::int64_t save_steps(const RunView* run) {
  if (run == nullptr || !run->info.config.is_object()) return 0;
  const auto found = run->info.config.find("save_steps");
  const auto number = found == run->info.config.end() ? std::nullopt : number_from(*found);
  return number && *number >= 1 && *number < 1e12 ? static_cast<std::int64_t>(*number) : 0;
}

void judge_series(const CaseFile& file, const SeriesView& series, LineBuilder& line) {
  const auto say = [&](std::string words, std::int64_t step = -1) {
    return Remark{base_of(series.dir), std::move(words), series.run, series.dir, step, {}};
  };
  std::vector<std::int64_t> steps;
  bool final = false;
  for (const StepCell& cell : series.cells) cell.step >= 0 ? steps.push_back(cell.step) : void(final = true);
  std::sort(steps.begin(), steps.end());
  if (steps.empty()) return;  // a final model alone has no interval
  const RunView* run = owner_of(file, series);
  bool sound = true;
  const std::int64_t told = save_steps(run);
  if (told > 0) {
    for (std::size_t i = 0; i + 1 < steps.size() && sound; ++i) {
      if (steps[i] % told == 0) continue;
      sound = false;
      line.wrong(
          say(fmt::format("checkpoint-{} is off the interval of {} (save_steps)", steps[i], told), steps[i]),
          "look who saves it: a callback, or a resumed run with another save_steps");
    }
  } else if (steps.size() < 2) {
    sound = false;
    line.missing(say(fmt::format("one checkpoint (step {}) shows no interval", steps[0]), steps[0]),
                 "log save_steps with the run's configuration, or keep more than one checkpoint");
  }
  if (sound && !series.regular) {
    sound = false;
    line.wrong(say("its checkpoints are not evenly spaced"), "check save_steps and the free disk space");
  }
  const std::int64_t interval = told > 0           ? told
                                : steps.size() > 1 ? steps.back() - steps[steps.size() - 2]
                                                   : 0;
  if (run == nullptr && !final) {
    sound = false;
    line.missing(say("whose it is could not be proven, so how fresh it is cannot be said", steps.back()),
                 "name the directory like the run");
  } else if (run != nullptr && !final && interval > 0 && run->step >= steps.back() + 2 * interval) {
    sound = false;
    line.wrong(say(fmt::format("newest checkpoint is of step {}, the run is at {}", steps.back(), run->step),
                   steps.back()),
               "look for a full disk or an error at the last save; save by hand if you can");
  }
  if (sound)
    line.found(say(fmt::format("{} checkpoint{} to step {}{}", steps.size(), steps.size() == 1 ? "" : "s",
                               steps.back(), final ? ", and the final model" : ""),
                   steps.back()));
}

void judge_disk(const CaseFile& file, const ResultsView& view, LineBuilder& line) {
  double largest = 0;
  bool unknown = false;
  for (const Directory& each : file.checkpoints()) {
    if (!each.self.path().starts_with(view.root)) continue;
    const auto size = each.self.number("size_bytes");
    if (!size || *size <= 0) unknown = true;
    largest = std::max(largest, size.value_or(0));
  }
  const auto say = [&](std::string words) {
    return Remark{view.root, std::move(words), {}, view.root, -1, {}};
  };
  const auto gigabytes = [](double bytes) { return fmt::format("{:.1f} GB", bytes / 1e9); };
  const auto free_bytes = static_cast<double>(view.disk_free_bytes);
  if (view.disk_total_bytes == 0 || unknown) {
    line.missing(say(view.disk_total_bytes == 0 ? "how full its disk is is not known"
                                                : "the size of a checkpoint is not known"),
                 kWait);
  } else if (largest > free_bytes) {
    line.wrong(
        say(fmt::format("{} free, the next checkpoint needs {}", gigabytes(free_bytes), gigabytes(largest))),
        "delete old checkpoints, lower save_total_limit, or move the results");
  } else if (largest > 0) {
    line.found(say(fmt::format("{} free, a checkpoint takes {}", gigabytes(free_bytes), gigabytes(largest))));
  }
}

Line structure_line(const CaseFile& file) {
  LineBuilder line("V19", "Checkpoints regular, fresh, with room for the next");
  look_at_results(file, line);
  want_checkpoints(file, line, false);
  std::size_t series_with_steps = 0;
  for (const ResultsView& view : file.overview().results) {
    for (const SeriesView& series : view.checkpoints) {
      judge_series(file, series, line);
      series_with_steps += std::any_of(series.cells.begin(), series.cells.end(),
                                       [](const StepCell& each) { return each.step >= 0; })
                               ? 1
                               : 0;
    }
    judge_disk(file, view, line);
  }
  if (series_with_steps == 0)
    line.missing({"checkpoints", "there is no checkpoint-N, so no interval to judge"},
                 "set save_strategy and save_steps in the Trainer");
  for (const SubjectFacts& each : file.evidence().facts) {
    const FactView facts{&each};
    if (each.subject.kind == SubjectKind::checkpoint && facts.truth("overdue").value_or(false))
      line.wrong(about_path(facts, fmt::format("a checkpoint at step {:.0f} is overdue",
                                               facts.number("expected_step").value_or(-1))),
                 "look for a full disk or an error at the last save");
  }
  return line.done(
      fmt::format("{} series evenly spaced and fresh; the disk holds the next", series_with_steps));
}

}  // namespace

std::vector<Line> checkpoint_lines(const CaseFile& file) {
  std::vector<Line> out;
  out.push_back(load_line(file));
  out.push_back(output_line(file));
  out.push_back(resume_line(file));
  out.push_back(structure_line(file));
  return out;
}

}  // namespace redflag::daemon::validate
