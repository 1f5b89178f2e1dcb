#include "daemon/cli/status_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "alerts/sparkline.h"
#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"
#include "daemon/overview/advice.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kLabel = 9;    // columns of "SOURCES  "
constexpr std::size_t kNarrow = 72;  // below, a run takes two lines
constexpr std::size_t kSpark = 12;

std::size_t width_of(std::string_view text) {
  return alerts::utf16_units(text);
}

/// A page of lines that never get wider than the terminal.
class Page {
 public:
  explicit Page(const Look& look) : look_(look), width_(std::max<std::size_t>(look.width, 40)) {}

  std::size_t width() const { return width_; }
  const Look& look() const { return look_; }
  std::string take() { return std::move(text_); }

  /// Escaped, and cut to `room` columns.
  std::string fit(std::string_view raw, std::size_t room) const {
    std::string text = alerts::escape_terminal(raw);
    if (width_of(text) <= room) return text;
    if (!look_.unicode) return alerts::cut(text, room + 1).substr(0, cut_bytes(text, room - 1)) + "~";
    return alerts::cut(text, room);
  }
  /// Cut, not escaped yet.
  std::string cut(std::string_view raw, std::size_t room) const {
    std::string text = alerts::cut(raw, room);
    constexpr std::string_view kMore = "…";
    if (!look_.unicode && text.ends_with(kMore)) text.replace(text.size() - kMore.size(), kMore.size(), "~");
    return text;
  }
  std::string pad(std::string_view raw, std::size_t room) const {
    std::string text = fit(raw, room);
    text.append(room - std::min(room, width_of(text)), ' ');
    return text;
  }
  /// Names of runs differ at their ends: a long one loses its middle.
  std::string pad_name(const std::string& raw, std::size_t room) const {
    const bool plain = std::all_of(raw.begin(), raw.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!plain || raw.size() <= room || room < 12) return pad(raw, room);
    const std::size_t end = room / 2;
    return pad(raw.substr(0, room - end - 1) + (look_.unicode ? "…" : "~") + raw.substr(raw.size() - end),
               room);
  }
  std::string paint(std::string text, const char* code) const {
    return look_.color && *code != '\0' ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
  }

  /// "LABEL    text": the text folded where it does not fit.
  void section(std::string_view label, std::string_view text, const char* color = "") {
    std::string head(label);
    head.append(kLabel - std::min(kLabel, head.size()), ' ');
    text_ += paint(std::move(head), "1") + paint(folded(text, kLabel, width_), color) + '\n';
  }
  /// The same on one line, its columns kept, cut where it does not fit.
  void row(std::string_view label, std::string_view text, const char* color = "") {
    std::string head(label);
    head.append(kLabel - std::min(kLabel, head.size()), ' ');
    std::string shown = fit(text, width_ - kLabel);
    shown.erase(shown.find_last_not_of(' ') + 1);
    text_ += paint(std::move(head), "1") + paint(std::move(shown), color) + '\n';
  }
  /// A line that was fitted already.
  void line(std::string text) {
    text.erase(text.find_last_not_of(' ') + 1);
    text_ += text + '\n';
  }
  void folded_line(std::string_view raw, std::size_t indent, const char* color = "") {
    text_ += std::string(indent, ' ') + paint(folded(raw, indent, width_), color) + '\n';
  }

 private:
  static std::size_t cut_bytes(std::string_view text, std::size_t room) {
    std::size_t bytes = 0;
    while (bytes < text.size()) {
      const std::size_t next = std::max<std::size_t>(alerts::cluster_bytes(text, bytes), 1);
      if (width_of(text.substr(0, bytes + next)) > room) break;
      bytes += next;
    }
    return bytes;
  }

  const Look& look_;
  std::size_t width_;
  std::string text_;
};

std::string count(std::size_t number, std::string_view one, std::string_view many = {}) {
  if (number == 1) return fmt::format("1 {}", one);
  return many.empty() ? fmt::format("{} {}s", number, one) : fmt::format("{} {}", number, many);
}

std::string size_words(std::uint64_t bytes) {
  const double gigabytes = static_cast<double>(bytes) / 1e9;
  if (gigabytes >= 1000.0) return fmt::format("{:.1f} TB", gigabytes / 1000.0);
  if (gigabytes >= 100.0) return fmt::format("{:.0f} GB", gigabytes);
  if (gigabytes >= 1.0) return fmt::format("{:.1f} GB", gigabytes);
  return fmt::format("{:.0f} MB", gigabytes * 1000.0);
}

std::string ago(Time then, Time now) {
  if (then != Time{} && now - then < std::chrono::seconds{2}) return "just now";
  return then == Time{} ? "never" : human_duration(std::max(now - then, Duration{0})) + " ago";
}

/// One unit is enough for something that is only guessed.
std::string roughly(Duration duration) {
  const double minutes = std::chrono::duration<double>(duration).count() / 60.0;
  if (minutes < 1.0) return "<1 min";
  if (minutes < 100.0) return fmt::format("{:.0f} min", minutes);
  if (minutes < 60.0 * 48) return fmt::format("{:.1f} h", minutes / 60.0);
  return fmt::format("{:.1f} d", minutes / 60.0 / 24.0);
}

std::string tail(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// --- Sources ---

void show_sources(const Overview& all, Page& page) {
  std::size_t shown = 0;
  for (const SourceView& source : all.sources) {
    const bool down = source.reachable == false;
    // The look into files speaks through the steps and checkpoints, unless it cannot be made.
    if (source.kind == "contents" && !down && source.trouble.empty()) continue;
    std::string name = source.key;
    if (name.starts_with("wandb:")) name = "W&B " + name.substr(6);
    if (name.starts_with("results:")) name = "results " + name.substr(8);
    name = page.cut(name, 120);
    std::string text = fmt::format("{} {}", down ? "DOWN" : source.reachable ? "ok  " : "... ", name);
    if (source.kind == "wandb") {
      text += fmt::format(", {}, {} active", count(source.runs, "run"), source.active_runs);
      text += down || source.last_success == Time{} ? ", last answer " + ago(source.last_success, all.now)
                                                    : ", " + ago(source.last_success, all.now);
      if (source.lag_seconds && *source.lag_seconds > 120.0)
        text += fmt::format(", data {} old",
                            human_duration(Duration{static_cast<std::int64_t>(*source.lag_seconds * 1e6)}));
    }
    for (const ResultsView& tree : all.results) {
      if (source.key == "results:" + tree.root)
        text +=
            tree.present ? ", " + (tree.listed ? tree.watching : std::string("being listed")) : ", not there";
    }
    if (!source.trouble.empty()) text += ": " + page.cut(source.trouble, 200);
    page.section(shown++ == 0 ? "SOURCES" : "", text, down ? "1;31" : "");
  }
  if (all.sources.empty()) page.section("SOURCES", "none: nothing is watched", "1;31");
}

// --- Runs ---

const char* color_of(const RunView& run) {
  if (run.alerts.critical > 0) return "1;31";
  if (has_ended(run.info.state) && run.info.state != RunState::finished) return "31";
  return run.alerts.warning > 0 ? "33" : "";
}

/// Fewer points, each the highest of its stretch: a spike of the loss stays.
std::string spark(const std::vector<double>& loss, std::size_t most, const Look& look) {
  std::vector<double> points;
  const std::size_t groups = std::min(most, loss.size());
  for (std::size_t i = 0; i < groups; ++i) {
    const std::size_t from = i * loss.size() / groups, to = (i + 1) * loss.size() / groups;
    double worst = loss[from];
    for (std::size_t k = from; k < to; ++k) {
      if (std::isnan(worst)) break;
      if (std::isnan(loss[k]) || loss[k] > worst) worst = loss[k];
    }
    points.push_back(worst);
  }
  return alerts::sparkline(
      points, look.unicode ? alerts::SparklineStyle::unicode : alerts::SparklineStyle::ascii, most);
}

std::string progress_of(const RunView& run) {
  if (run.step < 0) return "no step";
  if (run.total_steps <= 0) return fmt::format("step {}", run.step);
  const double part = std::min(1.0, static_cast<double>(run.step) / static_cast<double>(run.total_steps));
  return fmt::format("{:.0f}% of {}", std::floor(part * 100.0), run.total_steps);
}

std::string loss_of(const RunView& run) {
  std::optional<double> loss = run.value_of("train_loss");
  if (!loss) loss = run.value_of("loss");
  return loss ? alerts::number_words(*loss) : std::string();
}

std::string outlook_of(const RunView& run) {
  if (!has_ended(run.info.state)) {
    const std::optional<Duration> left = run.remaining();
    return left ? "ETA " + roughly(*left) : std::string();
  }
  if (!run.score) return {};
  return fmt::format("{} {:.3f}", run.score->metric.find("f1") != std::string::npos ? "F1" : "acc",
                     run.score->value);
}

void show_run(const RunView& run, Page& page) {
  std::string marks;
  if (run.alerts.critical > 0) marks += fmt::format(" !{}", run.alerts.critical);
  if (run.alerts.warning > 0) marks += fmt::format(" ?{}", run.alerts.warning);
  const std::string state(to_string(run.info.state));
  const std::string curve = spark(run.loss, kSpark, page.look());
  if (page.width() < kNarrow) {
    page.line(
        page.paint("  " + page.fit(run.info.name + " " + state + marks, page.width() - 2), color_of(run)));
    std::string more = progress_of(run);
    if (const std::string loss = loss_of(run); !loss.empty()) more += ", loss " + loss;
    if (const std::string outlook = outlook_of(run); !outlook.empty()) more += ", " + outlook;
    page.line("    " + page.fit(more, page.width() - 4));
    if (!curve.empty()) page.line("    " + page.fit(curve, page.width() - 4));
    return;
  }
  // name, state, progress, loss, curve, what is to come
  constexpr std::size_t kState = 8, kProgress = 13, kLoss = 7;
  const std::size_t fixed = 2 + (1 + kState) + (1 + kProgress) + (1 + kLoss) + (1 + kSpark);
  const std::string outlook = outlook_of(run) + marks;
  const std::size_t room = std::clamp<std::size_t>(page.width() - fixed - 14, 12, 40);
  page.line("  " + page.paint(page.pad_name(run.info.name, room), color_of(run)) + ' ' +
            page.paint(page.pad(state, kState), color_of(run)) + ' ' + page.pad(progress_of(run), kProgress) +
            ' ' + page.pad(loss_of(run), kLoss) + ' ' + page.pad(curve, kSpark) + ' ' +
            page.fit(outlook, page.width() - fixed - room - 1));
}

void show_runs(const Overview& all, Page& page, std::size_t most) {
  std::string text = all.runs_total == 0 ? "none known"
                                         : fmt::format("{}: {} live, {} finished, {} failed or crashed",
                                                       all.runs_total, all.running, all.finished, all.failed);
  const std::size_t shown = std::min(most, all.runs.size());
  if (shown > 0 && page.width() >= kNarrow) text += "; loss now and so far";
  if (shown < all.runs_total && shown > 0) text += fmt::format("; {} shown (--runs N)", shown);
  page.section("RUNS", text);
  for (std::size_t i = 0; i < shown; ++i) show_run(all.runs[i], page);
}

// --- Tasks ---

const char* color_of(ScoreVerdict verdict) {
  switch (verdict) {
    case ScoreVerdict::critical:
      return "1;31";
    case ScoreVerdict::below:
      return "33";
    case ScoreVerdict::in_range:
    case ScoreVerdict::above:
      return "32";
    case ScoreVerdict::none:
      return "";
  }
  return "";
}

std::string verdict_words(const TaskView& task) {
  switch (task.verdict) {
    case ScoreVerdict::critical:
      return fmt::format("CRITICAL <{:.2f}", task.critical);
    case ScoreVerdict::below:
      return "below";
    case ScoreVerdict::in_range:
      return "in range";
    case ScoreVerdict::above:
      return "above";
    case ScoreVerdict::none:
      return task.average ? "" : "no score yet";
  }
  return "";
}

void show_tasks(const Overview& all, Page& page) {
  if (all.tasks.empty()) return page.section("TASKS", "no expected ranges are loaded");
  std::size_t shown = 0;
  for (const TaskView& task : all.tasks) {
    std::size_t scores = 0;
    for (const MethodScores& method : task.methods) scores += method.scores.size();
    const std::string range = task.expected_max > 0.0
                                  ? fmt::format("({:.2f}-{:.2f}) ", task.expected_min, task.expected_max)
                                  : std::string();
    std::string text = page.pad(task.task, 8) + ' ';
    if (page.width() < kNarrow) {
      if (task.average) text += fmt::format("{:.3f} ", *task.average);
      page.row(shown++ == 0 ? "TASKS" : "", text + verdict_words(task) + ' ' + range, color_of(task.verdict));
      continue;
    }
    text += page.pad(task.metric, 9);
    text +=
        page.pad(task.average ? fmt::format("avg {:.3f} best {:.3f} of {}", *task.average, *task.best, scores)
                              : std::string(),
                 26);
    text += ' ' + range;
    page.row(shown++ == 0 ? "TASKS" : "", text + verdict_words(task), color_of(task.verdict));
  }
}

// --- Results ---

std::string steps_words(const SeriesView& series) {
  std::vector<std::int64_t> steps;
  bool final = false;
  for (const StepCell& cell : series.cells) cell.step >= 0 ? steps.push_back(cell.step) : void(final = true);
  std::string text = steps.empty() ? ""
                     : steps.size() == 1
                         ? fmt::format("{}", steps[0])
                         : fmt::format("{}-{} ({})", steps.front(), steps.back(), steps.size());
  if (final) text += text.empty() ? "final" : " final";
  return text.empty() ? "none" : text;
}

struct Cells {
  std::size_t all = 0, ok = 0, bad = 0, unchecked = 0, in_progress = 0;
};

Cells cells_of(const std::vector<SeriesView>& group) {
  Cells cells;
  for (const SeriesView& series : group) {
    for (const StepCell& cell : series.cells) {
      ++cells.all;
      if (cell.state == StepCell::State::ok) ++cells.ok;
      if (cell.state == StepCell::State::bad) ++cells.bad;
      if (cell.state == StepCell::State::unchecked) ++cells.unchecked;
      if (cell.state == StepCell::State::in_progress) ++cells.in_progress;
    }
  }
  return cells;
}

std::string cells_words(const Cells& cells) {
  std::string text;
  const auto add = [&](std::size_t number, std::string_view words) {
    if (number > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, words);
  };
  add(cells.bad, "BAD");
  add(cells.ok, "sound");
  add(cells.in_progress, "in progress");
  add(cells.unchecked, "not read inside");
  return text;
}

/// What is wrong with a series, in a few words; empty: nothing.
std::string wrong_with(const SeriesView& series, bool extraction) {
  std::string text;
  std::size_t bad = 0;
  std::string first;
  for (const StepCell& cell : series.cells) {
    if (cell.state == StepCell::State::bad && bad++ == 0)
      first = fmt::format("{} {}", cell.step < 0 ? "final" : fmt::format("step {}", cell.step), cell.detail);
  }
  if (series.missing_count > 0) {
    text = "missing";
    for (std::size_t i = 0; i < series.missing.size() && i < 4; ++i)
      text += fmt::format("{} {}", i > 0 ? "," : "", series.missing[i]);
    if (series.missing_count > 4) text += fmt::format(" and {} more", series.missing_count - 4);
  } else if (!series.regular) {
    text = "intervals differ";
  }
  if (bad > 0) text += fmt::format("{}{} bad: {}", text.empty() ? "" : "; ", bad, first);
  if (extraction && !series.has_base) text += std::string(text.empty() ? "" : "; ") + "no base model";
  return text;
}

void show_series(const std::vector<SeriesView>& group, bool extraction, Page& page, std::size_t& left) {
  std::size_t hidden = 0;
  for (const SeriesView& series : group) {
    const std::string wrong = wrong_with(series, extraction);
    if (wrong.empty()) continue;
    if (left == 0) {
      ++hidden;
      continue;
    }
    --left;
    const std::string text = fmt::format("{} {}: {}", tail(series.dir), steps_words(series), wrong);
    page.line("  " + page.paint(page.fit(text, page.width() - 2), "33"));
  }
  if (hidden > 0) page.line("  " + page.fit(fmt::format("and {} more like these", hidden), page.width() - 2));
}

/// "100-400" when all series have the same steps, else "".
std::string common_steps(const std::vector<SeriesView>& group) {
  std::string common;
  for (const SeriesView& series : group) {
    const std::string steps = steps_words(series);
    if (!common.empty() && common != steps) return {};
    common = steps;
  }
  return common;
}

void show_results(const Overview& all, Page& page, std::size_t series) {
  if (all.results.empty()) page.section("RESULTS", "no results directory is watched (results.roots)");
  for (const ResultsView& tree : all.results) {
    if (!tree.present) {
      page.section("RESULTS", page.cut(tree.root, 120) + " is not there", "1;31");
      continue;
    }
    const ResultsSummary& sum = tree.summary;
    std::string found = all.results.size() > 1 ? page.cut(tree.root, 60) + ": " : std::string();
    found += fmt::format("{}, {}, {}, {}{}", count(sum.experiments, "experiment"),
                         count(sum.checkpoints, "checkpoint"),
                         count(tree.representations.size(), "representation dir"),
                         count(sum.log_files, "log"), tree.listed ? "" : " (still being listed)");
    bool wrong = false;
    if (!tree.representations.empty()) {
      const bool regular = std::all_of(tree.representations.begin(), tree.representations.end(),
                                       [](const SeriesView& one) { return one.regular; });
      const std::string steps = common_steps(tree.representations);
      const Cells cells = cells_of(tree.representations);
      wrong = cells.bad > 0 || !regular;
      found += fmt::format("; steps {}, intervals {}: {}",
                           steps.empty() ? fmt::format("{} in all", cells.all) : steps,
                           regular ? "regular" : "NOT regular", cells_words(cells));
    }
    if (!tree.checkpoints.empty()) {
      const Cells cells = cells_of(tree.checkpoints);
      wrong = wrong || cells.bad > 0;
      found += fmt::format("; checkpoints: {}", cells_words(cells));
    }
    page.section("RESULTS", found, wrong ? "33" : "");
    std::size_t left = series;
    show_series(tree.representations, true, page, left);
    show_series(tree.checkpoints, false, page, left);
  }
}

void show_machine(const Overview& all, Page& page) {
  std::string text;
  const char* color = "";
  for (const ResultsView& tree : all.results) {
    if (tree.disk_total_bytes == 0 || !text.empty()) continue;
    const double used =
        1.0 - static_cast<double>(tree.disk_free_bytes) / static_cast<double>(tree.disk_total_bytes);
    text = fmt::format("disk {} of {} free ({:.0f} % used)", size_words(tree.disk_free_bytes),
                       size_words(tree.disk_total_bytes), used * 100.0);
    if (used > 0.8) color = used > 0.9 ? "1;31" : "33";
  }
  if (all.host.memory_total_bytes > 0) {
    text += fmt::format("{}memory {} of {} free", text.empty() ? "" : ", ",
                        size_words(all.host.memory_available_bytes), size_words(all.host.memory_total_bytes));
  }
  page.section("MACHINE", text.empty() ? "nothing is known of it" : text, color);
}

// --- Alerts and what to do ---

void show_alerts(const Overview& all, Page& page, std::size_t most) {
  const AlertCounts& firing = all.firing;
  page.section("ALERTS",
               firing.critical + firing.warning + firing.info == 0
                   ? "nothing fires"
                   : fmt::format("{} critical, {}, {} info", firing.critical,
                                 count(firing.warning, "warning"), firing.info),
               firing.critical > 0  ? "1;31"
               : firing.warning > 0 ? "33"
                                    : "32");
  std::size_t shown = 0, hidden = 0;
  for (const AlertLine& alert : all.alerts) {
    if (alert.state != "firing") continue;
    if (shown == most) {
      ++hidden;
      continue;
    }
    ++shown;
    const bool critical = alert.severity == Severity::critical;
    std::string text = fmt::format("{} {} {}: {}",
                                   critical                              ? "CRIT"
                                   : alert.severity == Severity::warning ? "WARN"
                                                                         : "INFO",
                                   alert.id.substr(0, 8), alert.about, alert.message);
    if (alert.acknowledged) text += " (acknowledged)";
    if (!alert.muted_by.empty()) text += " (muted)";
    const std::string since = alert.since == Time{} ? "" : " " + roughly(all.now - alert.since);
    const std::size_t room = page.width() - 2 - width_of(since);
    page.line("  " + page.paint(page.fit(text, room), critical ? "1;31" : "33") + since);
  }
  if (hidden > 0)
    page.line("  " + page.fit(fmt::format("and {} more: redflag alerts", hidden), page.width() - 2));
}

void show_advice(const Overview& all, Page& page, std::size_t most) {
  const std::vector<Advice> list = advice(all);
  for (std::size_t i = 0; i < list.size() && i < most; ++i) {
    std::string text = page.cut(list[i].text, i == 0 ? 150 : 90);
    if (!list[i].command.empty() && list[i].command.size() <= 120) text += ": " + list[i].command;
    page.section(i == 0 ? "NEXT" : "", text);
  }
}

}  // namespace

std::string status_text(const Overview& all, const Look& look, const StatusSize& size) {
  Page page(look);
  std::string who = all.daemon.once
                        ? "no daemon, looked once"
                        : "redflagd up " + roughly(std::max(all.now - all.daemon.started_at, Duration{0}));
  if (all.daemon.as_of != Time{})
    who += fmt::format(", a daemon's last word was {}", ago(all.daemon.as_of, all.now));
  if (all.daemon.undurable) who += ", CANNOT WRITE ITS STATE";
  page.section("REDFLAG",
               fmt::format("{} ({}, {})", in_a_sentence(all),
                           to_rfc3339(std::chrono::floor<std::chrono::seconds>(all.now)).substr(11), who),
               all.firing.critical > 0  ? "1;31"
               : all.firing.warning > 0 ? "33"
                                        : "32");
  show_sources(all, page);
  show_runs(all, page, size.runs);
  show_tasks(all, page);
  show_results(all, page, size.series);
  show_machine(all, page);
  show_alerts(all, page, size.alerts);
  show_advice(all, page, size.advice);
  return page.take();
}

}  // namespace redflag::daemon
