#include "tests/validate/healthy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace redflag::daemon::test {
namespace {

constexpr std::int64_t kLast = 300;
constexpr std::array<std::int64_t, 3> kSeeds{42, 1337, 2024};
const Time kNow = Time{Duration{1795402599000000}};  // 2026-11-23T02:56:39Z

struct Task {
  const char* name;
  double min, max, critical, score, base;
};
constexpr std::array<Task, 4> kTasks{{{"mrpc", 0.85, 0.90, 0.75, 0.872, 0.68},
                                      {"sst2", 0.90, 0.93, 0.80, 0.918, 0.51},
                                      {"rte", 0.65, 0.75, 0.55, 0.702, 0.53},
                                      {"squad_v2", 0.75, 0.85, 0.65, 0.801, 0.50}}};

Curve curve(const std::string& metric, std::int64_t every, const std::function<double(double)>& value) {
  Curve out;
  out.metric = metric;
  for (std::int64_t step = every; step <= kLast; step += every)
    out.points.push_back({step, value(static_cast<double>(step) / kLast), kNow});
  out.points_total = out.points.size();
  return out;
}

void add_run(Evidence& evidence, const Task& task, const std::string& method,
             std::optional<std::int64_t> seed, double score) {
  RunView run;
  run.info.name = fmt::format("{}_{}{}", method == "full_finetune" ? "full_ft" : "base", task.name,
                              seed ? fmt::format("_seed{}", *seed) : "");
  run.info.key = run_key(run.info.name);
  run.info.id = run.info.name + "_id";
  run.info.project = "ent/proj";
  run.info.state = RunState::finished;
  run.info.task = task.name;
  run.info.method = method;
  run.info.seed = seed;
  run.info.created_at = kNow - std::chrono::hours{5};
  run.info.config = {
      {"lr_scheduler_type", "linear"}, {"warmup_steps", 30}, {"max_steps", kLast}, {"save_steps", 150}};
  const bool f1 = std::string(task.name) == "squad_v2";
  run.score = Score{f1 ? "eval_f1" : "eval_accuracy", score, false};
  run.latest = {{run.score->metric, score, kLast}};
  if (method == "full_finetune") {
    run.step = kLast;
    run.total_steps = kLast;
    RunEvidence curves;
    curves.key = run.info.key;
    curves.curves = {
        curve("cpu_memory_rss_mb", 10, [](double) { return 9000.0; }),
        curve("eval_loss", 100, [](double at) { return 0.5 - 0.1 * at; }),
        curve("gpu_memory_mb", 10, [](double) { return 18000.0; }),
        curve("gradient_norm_total", 10, [](double at) { return 2.0 - at; }),
        curve("learning_rate", 10, [](double at) { return at <= 0.1 ? 2e-4 * at : 2e-5 * (1 - at) / 0.9; }),
        curve("train_loss", 10, [](double at) { return 0.7 * std::exp(-at); })};
    evidence.runs.push_back(std::move(curves));
  }
  evidence.overview.runs.push_back(std::move(run));
}

void add_facts(Evidence& evidence, SubjectKind kind, const std::string& path, const std::string& what,
               Attributes more) {
  SubjectFacts facts;
  facts.subject = {kind, kRoot + "/" + path};
  facts.time = kNow;
  facts.attributes = {{"verdict", std::string("ok")},
                      {"detail", std::string()},
                      {"what", what},
                      {"name", path},
                      {"size_bytes", 4e6}};
  for (auto& each : more) facts.attributes.push_back(std::move(each));
  evidence.facts.push_back(std::move(facts));
}

Attributes none_of(std::initializer_list<const char*> kinds) {
  Attributes out;
  for (const char* kind : kinds) {
    out.emplace_back(kind, std::string("none"));
    out.emplace_back(std::string(kind) + "_detail", std::string());
  }
  return out;
}

void add_representations(Evidence& evidence, ResultsView& view, const Task& task, const std::string& method,
                         const std::vector<std::int64_t>& steps) {
  const std::string dir = fmt::format("representations/{}_{}", method, task.name);
  const Attributes whose{{"task", std::string(task.name)}, {"method", method}};
  SeriesView series;
  series.dir = kRoot + "/" + dir;
  series.task = task.name;
  series.method = method;
  for (const std::int64_t step : steps) {
    const std::string at = fmt::format("{}/step_{}", dir, step);
    Attributes inside = none_of({"nan", "zero", "mismatch", "collapsed"});
    if (steps.size() > 1) {
      const Attributes among = none_of({"identical"});
      inside.insert(inside.end(), among.begin(), among.end());
      inside.insert(inside.end(), {{"drift", 0.1 + 0.001 * static_cast<double>(step)}, {"cka", 0.97}});
    }
    inside.insert(inside.end(), whose.begin(), whose.end());
    inside.emplace_back("step", static_cast<double>(step));
    add_facts(evidence, SubjectKind::representation, at, "step", inside);
    for (int layer = 0; layer < 3; ++layer)
      add_facts(evidence, SubjectKind::representation, fmt::format("{}/layer_{}.pt", at, layer), "layer",
                whose);
    add_facts(evidence, SubjectKind::representation, at + "/metadata.json", "metadata", whose);
    series.cells.push_back({step, StepCell::State::ok, {}});
    ++view.summary.representation_steps;
  }
  add_facts(evidence, SubjectKind::representation, dir, "series", whose);
  view.representations.push_back(std::move(series));
}

void add_checkpoints(Evidence& evidence, ResultsView& view, const std::string& name) {
  SeriesView series;
  series.dir = kRoot + "/" + name;
  series.run = run_key(name);
  const auto add = [&](const std::string& at, std::int64_t step) {
    Attributes inside = none_of({"nan", "zero", "mismatch", "resume", "output"});
    if (step >= 0) {
      const Attributes among = none_of({"identical"});
      inside.insert(inside.end(), among.begin(), among.end());
    }
    inside.insert(
        inside.end(),
        {{"lacking", std::string()}, {"forward", std::string("ok")}, {"forward_detail", std::string()}});
    add_facts(evidence, SubjectKind::checkpoint, at, "checkpoint", inside);
    add_facts(evidence, SubjectKind::checkpoint, at + "/model.safetensors", "weights", {});
    series.cells.push_back({step, StepCell::State::ok, {}});
    ++view.summary.checkpoints;
  };
  add(name + "/final_model", -1);
  add(name + "/checkpoint-150", 150);
  add(name + "/checkpoint-300", 300);
  view.checkpoints.push_back(std::move(series));
}

template <typename List, typename Wanted>
auto& find_in(List& list, const Wanted& wanted, const std::string& what) {
  const auto found = std::find_if(list.begin(), list.end(), wanted);
  if (found == list.end()) throw std::runtime_error("no " + what);
  return *found;
}

}  // namespace

std::string run_key(const std::string& name) {
  return "api.wandb.ai/ent/proj/" + name;
}

Evidence healthy_evidence() {
  Evidence evidence;
  Overview& overview = evidence.overview;
  overview.now = kNow;
  SourceView wandb;
  wandb.key = "wandb:api.wandb.ai/ent/proj";
  wandb.kind = "wandb";
  wandb.reachable = true;
  wandb.last_success = kNow - std::chrono::seconds{20};
  wandb.lag_seconds = 15.0;
  wandb.runs = 16;
  overview.sources = {wandb};
  ResultsView view;
  view.root = kRoot;
  view.present = view.listed = true;
  view.watching = "inotify";
  view.disk_total_bytes = 1'000'000'000'000;
  view.disk_free_bytes = 600'000'000'000;
  for (const Task& task : kTasks) {
    TaskView row;
    row.task = task.name;
    row.metric = std::string(task.name) == "squad_v2" ? "F1" : "accuracy";
    row.expected_min = task.min;
    row.expected_max = task.max;
    row.critical = task.critical;
    overview.tasks.push_back(row);
    for (std::size_t i = 0; i < kSeeds.size(); ++i) {
      add_run(evidence, task, "full_finetune", kSeeds[i], task.score + 0.0015 * (static_cast<double>(i) - 1));
      add_checkpoints(evidence, view, overview.runs.back().info.name);
    }
    add_run(evidence, task, "base_pretrained", std::nullopt, task.base);
    add_representations(evidence, view, task, "base_pretrained", {0});
    add_representations(evidence, view, task, "full_finetune", {100, 200, 300});
  }
  overview.runs_total = overview.finished = overview.runs.size();
  overview.results = {std::move(view)};
  SubjectFacts log;
  log.subject = {SubjectKind::log, kRoot + "/train.log"};
  log.attributes = {{"name", std::string("train.log")}, {"read", true}};
  evidence.facts.push_back(std::move(log));
  evidence.contents_checked = evidence.forward_checked = true;
  return evidence;
}

Evidence troubled_evidence() {
  Evidence evidence = healthy_evidence();
  const std::string run = "full_ft_sst2_seed1337";
  Curve& loss = curve_of(evidence, run, "train_loss");
  for (CurvePoint& point : loss.points) {
    const auto step = static_cast<double>(point.step);
    point.value =
        0.7 * std::exp(-step / 100) + (point.step > 180 ? 0.02 * (step - 180) : 0.03 * std::sin(step));
  }
  loss.points[28].value = loss.points[29].value = std::nan("");
  AlertLine& alert = fire(evidence, "loss-diverged", run);
  alert.message = "train loss is back up at 1.2 from a best of 0.17 (it began at 0.63)";
  alert.since_step = alert.step = 230;
  fire(evidence, "gradient-growing", run, Severity::warning).step = 200;
  fire(evidence, "disk-filling", "", Severity::warning).about = "/data/results";
  run_named(evidence, run).info.state = RunState::crashed;
  run_named(evidence, run).score->value = 0.51;
  for (const char* low : {"full_ft_rte_seed42", "full_ft_rte_seed1337"})
    run_named(evidence, low).score->value = 0.61;
  set_fact(evidence, "representations/full_finetune_rte/step_200/layer_1.pt", "verdict",
           std::string("truncated"));
  set_fact(evidence, "representations/full_finetune_rte/step_200/layer_1.pt", "detail",
           std::string("1,204 bytes of 4,194,304 as its siblings have"));
  ResultsView& view = evidence.overview.results[0];
  for (SeriesView& series : view.representations) {
    if (series.dir.find("full_finetune_rte") != std::string::npos)
      series.cells[1].state = StepCell::State::bad, series.cells[1].detail = "layer_1.pt: truncated";
    if (series.dir.find("full_finetune_mrpc") == std::string::npos) continue;
    series.cells.erase(series.cells.begin() + 1);
    const std::string gone = series.dir + "/step_200";
    std::erase_if(evidence.facts,
                  [&](const SubjectFacts& each) { return each.subject.key.starts_with(gone); });
    --view.summary.representation_steps;
    series.missing = {200};
    series.missing_count = 1;
    series.regular = false;
  }
  evidence.forward_checked = false;
  evidence.forward_reason = "redflag-forward is not installed";
  drop_facts(evidence, "train.log");
  return evidence;
}

RunView& run_named(Evidence& evidence, const std::string& name) {
  return find_in(
      evidence.overview.runs, [&](const RunView& each) { return each.info.name == name; }, name);
}

RunEvidence& curves_of(Evidence& evidence, const std::string& name) {
  return find_in(
      evidence.runs, [&](const RunEvidence& each) { return each.key == run_key(name); }, name);
}

Curve& curve_of(Evidence& evidence, const std::string& name, const std::string& metric) {
  return find_in(
      curves_of(evidence, name).curves, [&](const Curve& each) { return each.metric == metric; }, metric);
}

void drop_curve(Evidence& evidence, const std::string& name, const std::string& metric) {
  curve_of(evidence, name, metric);
  std::erase_if(curves_of(evidence, name).curves, [&](const Curve& each) { return each.metric == metric; });
}

SubjectFacts& facts_of(Evidence& evidence, const std::string& path) {
  return find_in(
      evidence.facts, [&](const SubjectFacts& each) { return each.subject.key == kRoot + "/" + path; }, path);
}

void drop_facts(Evidence& evidence, const std::string& path) {
  facts_of(evidence, path);
  std::erase_if(evidence.facts,
                [&](const SubjectFacts& each) { return each.subject.key == kRoot + "/" + path; });
}

void set_fact(Evidence& evidence, const std::string& path, const std::string& name, Attribute value) {
  Attributes& attributes = facts_of(evidence, path).attributes;
  std::erase_if(attributes, [&](const auto& each) { return each.first == name; });
  attributes.emplace_back(name, std::move(value));
}

void drop_fact(Evidence& evidence, const std::string& path, const std::string& name) {
  Attributes& attributes = facts_of(evidence, path).attributes;
  if (std::erase_if(attributes, [&](const auto& each) { return each.first == name; }) == 0)
    throw std::runtime_error("no " + name);
}

AlertLine& fire(Evidence& evidence, const std::string& rule, const std::string& run_name, Severity severity) {
  AlertLine alert;
  alert.id = "9f3c0a4be2d17788";
  alert.rule = rule;
  alert.severity = severity;
  alert.state = "firing";
  alert.run = run_name.empty() ? "" : run_key(run_name);
  alert.about = run_name.empty() ? "something" : run_name;
  alert.message = "what it says";
  alert.hint = "what to try";
  alert.step = 210;
  evidence.overview.alerts.push_back(std::move(alert));
  return evidence.overview.alerts.back();
}

void end_alert(Evidence& evidence, const std::string& rule, const std::string& run_name,
               const std::string& state) {
  fire(evidence, rule, run_name);
  evidence.overview.alerts.back().state = state;
  evidence.ended.push_back(evidence.overview.alerts.back());
  evidence.overview.alerts.pop_back();
}

}  // namespace redflag::daemon::test
