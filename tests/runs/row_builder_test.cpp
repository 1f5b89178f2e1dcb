#include "daemon/runs/row_builder.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

const RowTarget kTarget{{SubjectKind::run, "h/e/p/r"}, "h/e/p/r", "wandb"};

std::optional<BuiltRow> build(const json& row) {
  static const MetricNames names;
  return RowBuilder(names).build(row, kTarget);
}

const Sample* sample(const std::optional<BuiltRow>& row, const std::string& metric) {
  if (!row) return nullptr;
  for (const auto& s : row->observation.samples) {
    if (s.metric == metric) return &s;
  }
  return nullptr;
}

double value(const std::optional<BuiltRow>& row, const std::string& metric) {
  const auto* found = sample(row, metric);
  INFO(metric);
  REQUIRE(found != nullptr);
  return found->value;
}

}  // namespace

TEST_CASE("a row of HF's W&B callback is at its training step, not at its log call", "[runs][row]") {
  const auto row = build({{"_step", 12.0},
                          {"_timestamp", 1.7954026e9},
                          {"_runtime", 3},
                          {"train/global_step", 600},
                          {"train/loss", 0.5},
                          {"train/grad_norm", 8.5},
                          {"train/epoch", 1.5}});
  REQUIRE(row);
  CHECK(row->observation.step == 600);
  CHECK(row->observation.seq == 12);
  CHECK(row->origin == StepOrigin::training);
  CHECK(row->observation.kind == ObservationKind::row);
  CHECK(row->observation.time == from_unix_seconds(1.7954026e9));
  CHECK(value(row, "train_loss") == 0.5);
  CHECK(sample(row, "train_loss")->original == "train/loss");
  CHECK(value(row, "gradient_norm_total") == 8.5);
  CHECK(row->observation.samples.size() == 3);
}

TEST_CASE("the step is looked for in the order of trust", "[runs][row]") {
  CHECK(build({{"_step", 1}, {"loss", 1}})->observation.step == 1);
  CHECK(build({{"_step", 1}, {"step", 20}, {"loss", 1}})->observation.step == 20);
  CHECK(build({{"step", 1}, {"trainer/global_step", 30.0}, {"loss", 1}})->observation.step == 30);
  CHECK(build({{"current_steps", 40}, {"total_steps", 336}, {"loss", 1}})->observation.step == 40);
  CHECK(build({{"_step", 7}, {"train/global_step", "NaN"}, {"loss", 1}})->observation.step == 7);
  CHECK(build({{"loss", 1}})->observation.step == -1);
}

TEST_CASE("NaN is logged, null is not", "[runs][row]") {
  const auto row = build(
      {{"loss", "NaN"}, {"grad_norm", "Infinity"}, {"eval_loss", nullptr}, {"note", "12"}, {"ok", true}});
  REQUIRE(row);
  CHECK(std::isnan(value(row, "train_loss")));
  CHECK(std::isinf(value(row, "gradient_norm_total")));
  CHECK(row->observation.samples.size() == 2);
}

TEST_CASE("HF's last row is a summary and never a point of the loss curve", "[runs][row]") {
  for (const char* prefix : {"", "train/"}) {
    const std::string p = prefix;
    const auto row = build(
        {{"_step", 99}, {p + "train_runtime", 2304.2}, {p + "train_loss", 0.77}, {p + "total_flos", 7e16}});
    REQUIRE(row);
    CHECK(row->observation.kind == ObservationKind::summary);
    CHECK(value(row, "train_loss") == 0.77);
  }
}

TEST_CASE("of several names for one metric in a row the preferred one counts", "[runs][row]") {
  const auto row = build({{"loss", 1.0},
                          {"train_loss", 2.0},
                          {"train/loss", 3.0},
                          {"lr-AdamW/pg1", 1e-4},
                          {"lr-AdamW/pg2", 1e-3}});
  CHECK(value(row, "train_loss") == 2.0);
  CHECK(sample(row, "train_loss")->original.empty());
  CHECK(value(row, "learning_rate") == 1e-4);
}

TEST_CASE("nested values are flattened, histograms are not numbers", "[runs][row]") {
  const auto row = build({{"train", {{"loss", 0.4}, {"deep", {{"x", 1}}}}},
                          {"gradients/layer", {{"_type", "histogram"}, {"values", {1, 2}}, {"packed", 3}}},
                          {"list", {1, 2, 3}}});
  CHECK(value(row, "train_loss") == 0.4);
  CHECK(value(row, "train.deep.x") == 1);
  CHECK(row->observation.samples.size() == 2);
}

TEST_CASE("units are brought to the canonical one", "[runs][row]") {
  const auto row = build({{"memory/cpu_memory_rss_bytes", 2.0 * 1048576},
                          {"system.gpu.0.memoryAllocatedBytes", 100.0 * 1048576},
                          {"system.gpu.1.memoryAllocatedBytes", 300.0 * 1048576}});
  CHECK(value(row, "cpu_memory_rss_mb") == Approx(2));
  CHECK(value(row, "gpu_memory_mb") == Approx(300));
  CHECK(sample(row, "gpu_memory_mb")->original == "system.gpu.1.memoryAllocatedBytes");
}

TEST_CASE("a score in percent is read as such, a perfect score is not", "[runs][row]") {
  CHECK(value(build({{"eval_f1", 50.0}}), "eval_f1") == 0.5);
  CHECK(value(build({{"eval/exact", 78.2}}), "eval_exact_match") == Approx(0.782));
  CHECK(value(build({{"eval_accuracy", 1.0}}), "eval_accuracy") == 1.0);
  CHECK(value(build({{"eval_accuracy", 0.87}}), "eval_accuracy") == 0.87);
}

TEST_CASE("a row without metrics is no row", "[runs][row]") {
  CHECK_FALSE(build({{"_step", 1}, {"_timestamp", 1.0}, {"text", "x"}}));
  CHECK_FALSE(build(json::array({1, 2})));
  CHECK_FALSE(build(nullptr));
  CHECK_FALSE(build(json::object()));
}

TEST_CASE("time is taken from a timestamp in any form, never from a stopwatch", "[runs][row]") {
  CHECK(build({{"loss", 1}, {"timestamp", "2026-11-23T02:56:39Z"}})->observation.time ==
        *parse_rfc3339("2026-11-23T02:56:39Z"));
  CHECK(build({{"loss", 1}, {"_timestamp", 1.795402599e12}})->observation.time ==
        from_unix_seconds(1.795402599e9));
  CHECK(build({{"loss", 1}, {"time", 12.5}})->observation.time == Time{});
  CHECK(build({{"loss", 1}, {"_timestamp", "NaN"}})->observation.time == Time{});
}

TEST_CASE("a run's totals are a summary", "[runs][row]") {
  static const MetricNames names;
  const auto row = RowBuilder(names).build_summary({{"_step", 299},
                                                    {"_wandb", {{"runtime", 3}}},
                                                    {"train/loss", 0.1},
                                                    {"train/train_loss", 0.9},
                                                    {"eval/accuracy", 0.91}},
                                                   kTarget);
  REQUIRE(row);
  CHECK(row->observation.kind == ObservationKind::summary);
  CHECK(value(row, "train_loss") == 0.1);
  CHECK(value(row, "eval_accuracy") == 0.91);
  CHECK(row->observation.samples.size() == 2);
}

TEST_CASE("a hostile row is cut to a bounded size", "[runs][row]") {
  json row;
  for (int i = 0; i < 10000; ++i) row["m" + std::to_string(i)] = i;
  row[std::string(5000, 'x')] = 1;
  CHECK(build(row)->observation.samples.size() <= 2000);
}

}  // namespace redflag::daemon
