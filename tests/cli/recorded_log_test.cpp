#include "daemon/cli/recorded_log.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "tests/local/log_writers.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

Result<RecordedLog> read(const test::TempDir& dir, const std::string& name, const std::string& text) {
  static const MetricNames names;
  dir.write(name, text);
  return read_recorded_log(dir / name, names);
}

double value_of(const Observation& row, const std::string& metric) {
  for (const Sample& sample : row.samples) {
    if (sample.metric == metric) return sample.value;
  }
  throw std::runtime_error("no " + metric);
}

}  // namespace

TEST_CASE("a trainer_state.json with bare NaN is read, and its summary row is no point of the curve",
          "[replay]") {
  const test::TempDir dir;
  const auto log = read(dir, "full_ft_rte_seed42/checkpoint-20/trainer_state.json",
                        R"({"global_step": 20, "max_steps": 20, "log_history": [
                            {"step": 10, "loss": NaN, "grad_norm": 3.5, "learning_rate": 2e-5},
                            {"step": 20, "eval_loss": 0.5, "eval_accuracy": 0.7},
                            {"step": 20, "train_loss": 0.6, "train_runtime": 12.0}]})");
  REQUIRE(log.has_value());
  CHECK(log->run.name == "full_ft_rte_seed42");
  CHECK(log->run.task == "rte");
  CHECK(log->run.seed == 42);
  CHECK(log->run.state == RunState::finished);
  REQUIRE(log->rows.size() == 3);
  CHECK(log->rows[0].samples.size() == 3);
  CHECK(std::isnan(value_of(log->rows[0], "train_loss")));
  CHECK(log->rows[2].kind == ObservationKind::summary);
}

TEST_CASE("JSON lines are read past the lines that are broken, and those are counted", "[replay]") {
  const test::TempDir dir;
  const auto log =
      read(dir, "log.jsonl",
           "{\"step\": 1, \"loss\": 2.0}\nnot json\n\n{\"step\": 2, \"loss\": 1.5}\n{\"step\": 3, \"lo");
  REQUIRE(log.has_value());
  CHECK(log->rows.size() == 2);
  REQUIRE(log->notes.size() == 1);
  CHECK_THAT(log->notes[0], ContainsSubstring("2 line(s) could not be read, the first is line 2"));
}

TEST_CASE("a log of a resumed run becomes two attempts", "[replay]") {
  const test::TempDir dir;
  const auto log =
      read(dir, "log.jsonl",
           "{\"step\": 10, \"loss\": 2.0}\n{\"step\": 20, \"loss\": 1.5}\n{\"step\": 10, \"loss\": 2.0}\n");
  REQUIRE(log->rows.size() == 3);
  CHECK(log->rows[1].attempt == 1);
  CHECK(log->rows[2].attempt == 2);
}

TEST_CASE("what is not a training log says what it seems to be instead", "[replay]") {
  const test::TempDir dir;
  const auto error = [&](const std::string& text) {
    const auto log = read(dir, "x.json", text);
    REQUIRE_FALSE(log.has_value());
    return log.error().text();
  };
  CHECK_THAT(error("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"),
             ContainsSubstring("git lfs pull"));
  CHECK_THAT(error("{\n\"balance\": 5,\n\"positions\": []}"),
             ContainsSubstring("its keys are balance, positions"));
  CHECK_THAT(error(""), ContainsSubstring("empty"));
  CHECK_THAT(error("Hello"), ContainsSubstring("neither JSON, JSON lines nor CSV"));
  CHECK_THAT(error("{\"log_history\": [{\"step\": 1, "), ContainsSubstring("line 1"));
  CHECK_THAT(error(std::string(100000, '[')), ContainsSubstring("x.json"));
  const MetricNames names;
  CHECK_THAT(read_recorded_log(dir.path(), names).error().text(), ContainsSubstring("is a directory"));
  CHECK_THAT(read_recorded_log(dir / "absent", names).error().text(), ContainsSubstring("No such file"));
}

TEST_CASE("numbers beyond a double are infinite, not an error", "[replay]") {
  const test::TempDir dir;
  const auto log =
      read(dir, "x.jsonl", "{\"step\": 1, \"loss\": 1e309}\n{\"step\": 2, \"loss\": -Infinity}\n");
  REQUIRE(log->rows.size() == 2);
  CHECK(std::isinf(value_of(log->rows[0], "train_loss")));
}

TEST_CASE("every real trainer_state.json of the samples is read or refused with a reason",
          "[replay][samples]") {
  const char* shared = std::getenv("REDFLAG_SHARED");
  const std::filesystem::path runs =
      std::filesystem::path(shared != nullptr ? shared : REDFLAG_SOURCE_DIR "/../shared") / "samples/runs";
  if (!std::filesystem::exists(runs)) {
    WARN("the samples are not here: skipped");
    return;
  }
  const MetricNames names;
  std::size_t read = 0;
  std::size_t refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(runs)) {
    if (entry.path().extension() != ".json") continue;
    const auto log = read_recorded_log(entry.path().string(), names);
    log ? ++read : ++refused;
    if (!log) CHECK_FALSE(log.error().what.empty());
  }
  CHECK(read == 50);
  CHECK(refused == 2);
}

TEST_CASE("what a training printed is a log: its rows, and what it died of", "[replay]") {
  const test::TempDir dir;
  const auto log = read(dir, "output.log",
                        "{'loss': 2.5, 'grad_norm': 1.5, 'learning_rate': 2e-05, 'epoch': 0.1}\n"
                        "{'loss': 2.1, 'grad_norm': 1.2, 'learning_rate': 1e-05, 'epoch': 0.2}\n"
                        "Traceback (most recent call last):\n"
                        "  File \"train.py\", line 12, in main\n"
                        "    step()\n"
                        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n");
  REQUIRE(log.has_value());
  CHECK(log->format == "console log");
  REQUIRE(log->rows.size() == 2);
  CHECK(value_of(log->rows[1], "train_loss") == 2.1);
  CHECK(log->run.name == "output.log");
  CHECK(log->run.state == RunState::failed);
  const auto& last = log->said.back();
  CHECK(last.before == 2);
  const auto cause = std::find_if(last.facts.attributes.begin(), last.facts.attributes.end(),
                                  [](const auto& one) { return one.first == "cause"; });
  REQUIRE(cause != last.facts.attributes.end());
  CHECK(std::get<std::string>(cause->second) == "cuda_out_of_memory");
}

TEST_CASE("a run file of W&B and an event file of TensorBoard are known by their bytes, whatever their names",
          "[replay]") {
  const test::TempDir dir;
  local::WandbWriter wandb;
  wandb.record(17, local::bytes_field(1, "abc1") + local::bytes_field(8, "full_ft_rte_seed42"));
  for (int step = 1; step <= 3; ++step)
    wandb.history({{"_step", std::to_string(step)}, {"train/loss", step == 2 ? "NaN" : "0.5"}});
  const auto cut = read(dir, "backup.bin", wandb.bytes().substr(0, wandb.bytes().size() - 3));
  REQUIRE(cut.has_value());
  CHECK(cut->format == "W&B run file");
  REQUIRE(cut->rows.size() == 2);
  CHECK(std::isnan(value_of(cut->rows[1], "train_loss")));
  REQUIRE(cut->notes.size() == 1);
  CHECK_THAT(cut->notes[0], ContainsSubstring("ends within a record"));

  std::string events = local::tf_begin();
  for (int step = 10; step <= 30; step += 10)
    events += local::tf_event(1.79e9 + step, step, local::tf_value("train/loss", 0.5F));
  const auto board = read(dir, "events", events);
  REQUIRE(board.has_value());
  CHECK(board->format == "TensorBoard events");
  REQUIRE(board->rows.size() == 3);
  CHECK(board->rows[2].step == 30);
}
