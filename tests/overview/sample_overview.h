// An overview with something in every member, for tests of what is drawn from one and of its form on the
// wire.
#pragma once

#include <limits>
#include <string>

#include "daemon/overview/evidence.h"

namespace redflag::daemon::test {

inline Time moment(std::int64_t seconds) {
  return Time{Duration{1795402599000000}} + std::chrono::seconds{seconds};  // 2026-11-23T02:56:39Z
}

inline RunView sample_run(const std::string& name = "full_ft_mrpc_seed42") {
  RunView run;
  run.info.key = "api.wandb.ai/ent/proj/" + name;
  run.info.id = "abc123";
  run.info.name = name;
  run.info.url = "https://wandb.ai/ent/proj/runs/abc123";
  run.info.project = "ent/proj";
  run.info.group = "mrpc";
  run.info.job_type = "train";
  run.info.tags = {"full_finetune", name};
  run.info.state = RunState::running;
  run.info.created_at = moment(-3600);
  run.info.heartbeat_at = moment(-5);
  run.info.config = {{"max_steps", 1000}, {"name", "x"}, {"nested", {{"list", {1, 2.5, true, nullptr}}}}};
  run.info.task = "mrpc";
  run.info.method = "full_finetune";
  run.info.seed = 42;
  run.info.historic = true;
  run.step = 480;
  run.total_steps = 1000;
  run.attempt = 2;
  run.last_row_at = moment(-7);
  run.steps_per_second = 1.25;
  run.latest = {{"learning_rate", 2e-5, 480},
                {"train_loss", std::numeric_limits<double>::quiet_NaN(), 470},
                {"zeta", -std::numeric_limits<double>::infinity(), 3}};
  run.loss = {0.7, 0.5, std::numeric_limits<double>::infinity(), 0.3};
  run.score = Score{"eval_accuracy", 0.87, true};
  run.alerts = {1, 2, 3};
  run.leading_source = "wandb";
  return run;
}

inline AlertLine sample_alert(const std::string& about = "full_ft_mrpc_seed42") {
  return {"9f3c0a4be2d17788",
          "loss-too-high",
          Severity::critical,
          "firing",
          "api.wandb.ai/ent/proj/" + about,
          about,
          "train loss 8.45 > 5",
          "lower the learning rate",
          8.45,
          5.0,
          700,
          660,
          moment(-60),
          true,
          "silence 1a2b3c4d"};
}

inline Overview sample_overview() {
  Overview all;
  all.now = moment(0);
  all.daemon = {"0.1.0", true, moment(-7200),     moment(-600), 30'000'000, 4'000'000,
                true,    3,    {"slack: revoked"}};
  all.sources = {{"wandb:api.wandb.ai/ent/proj", "wandb", true, "", moment(-12), 3.5, 5, 2},
                 {"results:/data/results", "results", std::nullopt, "absent", Time{}, std::nullopt, 0, 0}};
  all.runs = {sample_run(), sample_run("lora_rte_seed1337")};
  all.runs[1].info.seed.reset();
  all.runs[1].score.reset();
  all.runs_total = 5;
  all.running = 2;
  all.finished = 2;
  all.failed = 1;
  TaskView task{"mrpc", "accuracy", 0.85, 0.9, 0.75, {}, 0.88, 0.87, ScoreVerdict::in_range};
  task.methods = {
      {"full_finetune", {{"k", "full_ft_mrpc_seed42", 42, 0.87}, {"l", "other", std::nullopt, 0.88}}}};
  all.tasks = {task,
               {"sst2", "accuracy", 0.9, 0.93, 0.8, {}, std::nullopt, std::nullopt, ScoreVerdict::none}};
  ResultsView results;
  results.root = "/data/results";
  results.present = results.listed = true;
  results.watching = "polling";
  results.degraded = "no inotify";
  results.summary.present = true;
  results.summary.directories = 9;
  results.summary.files = 99;
  results.summary.log_files = 2;
  results.summary.experiments = 4;
  results.summary.checkpoints = 3;
  results.summary.representation_steps = 4;
  results.summary.bad = 1;
  results.summary.series = {{"/data/results/representations/full_finetune_mrpc",
                             "full_finetune",
                             "mrpc",
                             {100, 300},
                             {200},
                             1,
                             false,
                             false}};
  results.summary.checkpoint_series = {{"/data/results/run", {500, 1000}}};
  results.summary.tasks_without_base = {"rte"};
  results.representations = {
      {"/data/results/representations/full_finetune_mrpc",
       "mrpc",
       "full_finetune",
       "k",
       {{100, StepCell::State::ok, ""}, {300, StepCell::State::bad, "NaN in layer_3.pt"}},
       {200},
       1,
       false,
       false}};
  results.checkpoints = {{"/data/results/run",
                          "",
                          "",
                          "",
                          {{-1, StepCell::State::in_progress, "being written"}},
                          {},
                          0,
                          true,
                          true}};
  results.disk_total_bytes = 500'000'000'000;
  results.disk_free_bytes = 123'456'789'012;
  all.results = {results};
  all.host = {"vm-1", 64'000'000'000, 12'000'000'000};
  all.alerts = {sample_alert()};
  all.firing = {1, 0, 2};
  return all;
}

inline daemon::Evidence sample_evidence() {
  daemon::Evidence all;
  all.overview = sample_overview();
  RunEvidence run;
  run.key = all.overview.runs[0].info.key;
  run.curves = {
      {"train_loss", {{0, 0.7, moment(0)}, {10, std::numeric_limits<double>::quiet_NaN(), Time{}}}, 1234}};
  run.final_values = {{"eval_accuracy", 0.87, 1000}};
  all.runs = {run};
  all.facts = {{{SubjectKind::checkpoint, "/data/results/run/checkpoint-500"},
                moment(-3),
                {{"bytes", 5e9},
                 {"detail", std::string("NaN")},
                 {"drift", std::numeric_limits<double>::quiet_NaN()},
                 {"ok", true}}}};
  all.ended = {sample_alert("older")};
  all.ended[0].state = "resolved";
  all.ended[0].value.reset();
  all.contents_checked = true;
  all.contents_reason = "";
  all.forward_reason = "redflag-forward is not installed";
  return all;
}

}  // namespace redflag::daemon::test
