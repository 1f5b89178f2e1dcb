// Files on disk to runs, points, states and causes, with the real inotify and simulated time.
#include "tests/follow/followed.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

const std::string kDir = "wandb/run-20261123_025156-abc/";
const std::string kKey = "api.wandb.ai/ent/proj/abc";

std::vector<std::int64_t> counted(int from, int to, int stride = 10) {
  std::vector<std::int64_t> all;
  for (int i = from; i < to; ++i) all.push_back(i * stride);
  return all;
}

SourceBatch rows_of_the_service(const std::string& key, int from, int to) {
  SourceBatch batch;
  for (int i = from; i < to; ++i) {
    Observation row;
    row.subject = {SubjectKind::run, key};
    row.run = key;
    row.source = "wandb";
    row.seq = i;
    row.step = i * 10;
    row.time = from_unix_seconds(1.7e9 + i);
    row.samples = {{"train_loss", 0.5, "train/loss"}};
    batch.inputs.emplace_back(std::move(row));
  }
  return batch;
}

RunInfo service_run(const std::string& id, RunState state) {
  RunInfo run;
  run.key = "api.wandb.ai/ent/proj/" + id;
  run.id = id;
  run.name = "name at the service";
  run.project = "ent/proj";
  run.state = state;
  run.created_at = from_unix_seconds(1.7e9);
  run.heartbeat_at = from_unix_seconds(1.7e9);
  return run;
}

}  // namespace

TEST_CASE("A run file that grows tells each row once, under the key that the API would give it", "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc");
  world.add(kDir + "run-abc.wandb", file.news());
  for (int i = 0; i < 20; ++i) {
    file.row(i, i * 10, 0.5);
    world.add(kDir + "run-abc.wandb", file.news());
    if (i % 3 == 0) world.run_for(100ms);
  }
  world.run_for(1s);
  CHECK(world.intake.steps(kKey, "train_loss") == counted(0, 20));
  REQUIRE(world.intake.runs.contains(kKey));
  CHECK(world.intake.runs[kKey].name == "name of abc");
  CHECK(world.intake.runs[kKey].state == RunState::running);
  file.exit(0);
  world.add(kDir + "run-abc.wandb", file.news());
  world.run_for(1s);
  CHECK(world.intake.runs[kKey].state == RunState::finished);
  CHECK(world.intake.states[kKey] == std::vector<std::string>{"running", "finished"});
}

TEST_CASE("After a restart reading goes on where it was, and nothing is told twice", "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc");
  for (int i = 0; i < 50; ++i) {
    file.row(i, i * 10, 0.5);
    world.add(kDir + "run-abc.wandb", file.news());
    world.add(kDir + "files/output.log", "line " + std::to_string(i) + "\n");
    if (i % 7 == 0) world.run_for(100ms);
    if (i % 13 == 12) {
      world.stop();
      world.start();
    }
  }
  world.run_for(10s);
  CHECK(world.intake.steps(kKey, "train_loss") == counted(0, 50));
}

TEST_CASE("One run through API and disk, the API behind and with an outage: no point twice, none missing",
          "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc");
  world.add(kDir + "run-abc.wandb", file.news());
  SourceBatch met;
  met.runs.push_back(service_run("abc", RunState::running));
  met.inputs.emplace_back(run_facts(met.runs.front(), "wandb", world.clock.now()));
  world.tell_service(std::move(met));
  int told = 0;
  for (int i = 0; i < 200; ++i) {
    file.row(i, i * 10, 0.5);
    world.add(kDir + "run-abc.wandb", file.news());
    world.run_for(1s);
    const bool outage = i > 60 && i < 120;
    if (i % 15 == 14 && !outage && i > 30) {
      world.tell_service(rows_of_the_service(kKey, told, i - 30));
      told = i - 30;
    }
    if (i == 150) {
      world.stop();
      world.start();
    }
  }
  world.tell_service(rows_of_the_service(kKey, told, 210));  // ten more than the disk ever had
  CHECK(world.intake.steps(kKey, "train_loss") == counted(0, 210));
  CHECK(world.intake.rows.front().source == "wandb_file");
  CHECK(world.intake.rows.back().source == "wandb");
  CHECK(world.intake.runs.size() == 1);
  CHECK(world.intake.runs[kKey].name == "name at the service");
}

TEST_CASE("An end on disk stands, though the API goes on saying running for a while", "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc");
  file.row(0, 10, 0.5);
  file.exit(1);
  world.add(kDir + "files/output.log",
            "Traceback (most recent call last):\n  File \"train.py\", line 7, in main\n    "
            "step()\nValueError: bad\n");
  world.add(kDir + "run-abc.wandb", file.bytes());
  world.run_for(2s);
  CHECK(world.intake.runs[kKey].state == RunState::failed);
  CHECK(world.intake.text(world.path(kDir + "files/output.log"), "cause") == "exception");
  CHECK(world.intake.text(world.path(kDir + "files/output.log"), "cause_detail").find("ValueError: bad") !=
        std::string::npos);
  SourceBatch behind;
  behind.runs.push_back(service_run("abc", RunState::running));
  behind.inputs.emplace_back(run_facts(behind.runs.front(), "wandb", world.clock.now()));
  world.tell_service(behind);
  world.stop();
  world.start();
  world.tell_service(std::move(behind));
  CHECK(world.intake.states[kKey] == std::vector<std::string>{"running", "failed"});
}

TEST_CASE("A run that nobody could name keeps its key when the API comes to tell of it", "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc", "", "");
  file.row(0, 0, 0.5);
  file.row(1, 10, 0.5);
  world.add("wandb/offline-run-20261123_025156-abc/run-abc.wandb", file.bytes());
  world.run_for(1s);
  const std::string key = "file:" + world.path("wandb/offline-run-20261123_025156-abc");
  REQUIRE(world.intake.runs.contains(key));
  SourceBatch synced = rows_of_the_service(kKey, 0, 5);
  synced.runs.push_back(service_run("abc", RunState::running));
  world.tell_service(std::move(synced));
  CHECK(world.intake.runs.size() == 1);
  CHECK(world.intake.steps(key, "train_loss") == counted(0, 5));
  world.stop();
  world.start();
  world.tell_service(rows_of_the_service(kKey, 3, 8));
  CHECK(world.intake.steps(key, "train_loss") == counted(0, 8));
}

TEST_CASE("What a log says is told at once; what was only logged is no death", "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc");
  file.row(0, 10, 0.5);
  world.add(kDir + "run-abc.wandb", file.bytes());
  const std::string log = kDir + "files/output.log";
  world.add(log, "epoch 1\n");
  world.run_for(1s);
  world.add(log, "RuntimeError: CUDA out of memory. Tried to allocate 20 MiB\n");
  world.run_for(200ms);
  CHECK(world.intake.text(world.path(log), "error") == "cuda_out_of_memory");
  CHECK(world.intake.text(world.path(log), "cause").empty());
  // It was caught: the bar goes on.
  for (int i = 1; i <= 20; ++i) {
    world.add(log, "\r 45%|####      | " + std::to_string(90 + i) + "/200 [00:31<00:38,  2.83it/s]");
    world.run_for(1s);
  }
  CHECK(world.intake.text(world.path(log), "error").empty());
  world.run_for(5min);
  CHECK(world.intake.text(world.path(log), "cause").empty());
  CHECK(world.intake.runs[kKey].state == RunState::running);
}

TEST_CASE("A run that died without a word to W&B is found by its log and its silence", "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc");
  file.row(0, 10, 0.5);
  world.add(kDir + "run-abc.wandb", file.bytes());
  const std::string log = kDir + "files/output.log";
  world.add(log,
            "Traceback (most recent call last):\n  File \"train.py\", line 7, in main\n    step()\nKeyError: "
            "'x'\n");
  world.run_for(9min);
  CHECK(world.intake.text(world.path(log), "cause").empty());
  CHECK(world.intake.runs[kKey].state == RunState::running);
  world.run_for(2min);
  CHECK(world.intake.text(world.path(log), "cause") == "exception");
  CHECK(world.intake.runs[kKey].state == RunState::failed);

  // It had been caught after all.
  world.add(log, "epoch 2\n{'loss': 0.4, 'epoch': 2.0}\n{'loss': 0.3, 'epoch': 2.1}\n");
  world.run_for(5s);
  CHECK(world.intake.text(world.path(log), "cause").empty());
  CHECK(world.intake.runs[kKey].state == RunState::running);
}

TEST_CASE(
    "trainer_state.json, TensorBoard and trainer_log.jsonl of one directory are one run, each point once",
    "[follow]") {
  Followed world;
  world.start();
  std::string events = local::tf_begin();
  for (int step = 10; step <= 100; step += 10)
    events += local::tf_event(1.79e9 + step, step, local::tf_value("train/loss", 0.5F));
  world.add("out/runs/Nov23_host/events.out.tfevents.1.host", events);
  world.run_for(3s);
  std::string history;
  for (int step = 10; step <= 100; step += 10)
    history += (history.empty() ? "" : ",") + std::string(R"({"loss":0.5,"grad_norm":1.5,"step":)") +
               std::to_string(step) + "}";
  const auto state = [&](int upto) {
    return "{\"global_step\":" + std::to_string(upto) + ",\"max_steps\":200,\"log_history\":[" + history +
           "]}";
  };
  world.put("out/checkpoint-100/trainer_state.json", state(100));
  world.run_for(3s);
  const std::string key = "file:" + world.path("out");
  CHECK(world.intake.steps(key, "train_loss") == counted(1, 11));
  CHECK(world.intake.steps(key, "gradient_norm_total") == counted(1, 11));
  CHECK(world.intake.runs.size() == 1);
  // None of these files can hold figures of the machine: nobody is to miss them.
  CHECK(world.intake.facts[key].at("system_metrics") == Attribute(false));
  world.stop();
  world.start();
  history += R"(,{"loss":0.4,"grad_norm":1.0,"step":110})";
  world.put("out/checkpoint-110/trainer_state.json", state(110));
  world.run_for(3s);
  CHECK(world.intake.steps(key, "train_loss") == counted(1, 12));
  CHECK(world.intake.runs[key].state == RunState::running);
}

TEST_CASE("A row of an event file is told within moments, whole, though nothing says where it ends",
          "[follow]") {
  Followed world;
  world.start();
  const std::string name = "out/events.out.tfevents.1790000000.host.1.0";
  const auto event = [](int step, std::string_view tag, float value) {
    return local::tf_event(1.79e9 + step, step, local::tf_value(tag, value));
  };
  world.add(name, local::tf_begin() + event(10, "train/loss", 0.5F));
  world.run_for(2s);
  const std::size_t before = world.intake.rows.size();
  world.add(name, event(20, "train/loss", 0.4F));
  world.run_for(2ms);
  world.add(name, event(20, "train/grad_norm", 1.0F));  // a writer that does not buffer
  world.run_for(60ms);
  REQUIRE(world.intake.rows.size() == before + 1);
  CHECK(world.intake.rows.back().step == 20);
  CHECK(world.intake.rows.back().samples.size() == 2);
  world.run_for(3s);
  CHECK(world.intake.rows.size() == before + 1);
}

TEST_CASE("Files in the output directory of a W&B run are that run's", "[follow]") {
  Followed world;
  RunFile file("abc");
  file.writer.record(
      5, local::bytes_field(1, local::bytes_field(1, "output_dir") + local::bytes_field(16, "\"out\"")));
  for (int i = 0; i < 5; ++i) file.row(i, i * 10, 0.5);
  world.put(kDir + "run-abc.wandb", file.bytes());
  world.put(
      "out/checkpoint-40/trainer_state.json",
      R"({"global_step":40,"max_steps":100,"log_history":[{"loss":0.5,"step":40},{"eval_loss":0.7,"step":40}]})");
  world.start();
  CHECK(world.intake.runs.size() == 1);
  CHECK(world.intake.steps(kKey, "train_loss") == counted(0, 5));
  CHECK(world.intake.steps(kKey, "eval_loss") == std::vector<std::int64_t>{40});
  CHECK(world.intake.facts[kKey].count("system_metrics") == 0);
}

TEST_CASE("Old run directories are read for how they ended, once, and page nobody", "[follow]") {
  Followed world;
  RunFile file("abc");
  for (int i = 0; i < 5; ++i) file.row(i, i * 10, 0.5);
  file.exit(1);
  world.put(kDir + "run-abc.wandb", file.bytes());
  world.put(kDir + "files/output.log", "RuntimeError: CUDA out of memory\n");
  world.put("tb/events.out.tfevents.1.host", local::tf_begin());
  for (const char* name : {"run-abc.wandb", "files/output.log"}) world.make_old(kDir + name, 48h);
  world.make_old("tb/events.out.tfevents.1.host", 48h);
  world.start();
  CHECK(world.intake.rows.empty());
  REQUIRE(world.intake.runs.size() == 1);
  CHECK(world.intake.runs[kKey].state == RunState::failed);
  CHECK(world.intake.runs[kKey].historic);
  CHECK(world.intake.text(world.path(kDir + "files/output.log"), "error").empty());
  world.run_for(10s);
  const std::size_t batches = world.intake.batches;
  world.stop();
  world.start();
  CHECK(world.intake.batches - batches <= 2);  // of the source itself
  CHECK(world.intake.rows.empty());
}

TEST_CASE("Files that are something else, cut, replaced or shut are said once, and stop nothing",
          "[follow]") {
  Followed world;
  world.put("wandb/run-20261123_025156-lfs/run-lfs.wandb",
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
  world.put("other/trainer_state.json", "{\"a\": 1}");
  world.put("half/trainer_state.json", "{\"log_history\": [{\"loss\": 1");
  world.put("tb/events.out.tfevents.9", std::string(5000, 'x'));
  RunFile file("abc");
  for (int i = 0; i < 5; ++i) file.row(i, i * 10, 0.5);
  world.put(kDir + "run-abc.wandb", file.bytes());
  world.start();
  world.run_for(5s);
  CHECK(world.intake.steps(kKey, "train_loss") == counted(0, 5));
  const std::string name = world.source->name();
  CHECK(world.intake.text(name, "degraded").find("trouble") != std::string::npos);
  // Cut, and written anew by another process under the same name.
  world.put(kDir + "run-abc.wandb", "");
  world.run_for(1s);
  file.row(5, 50, 0.5);
  world.put(kDir + "run-abc.wandb", file.bytes());
  world.run_for(1s);
  CHECK(world.intake.steps(kKey, "train_loss") == counted(0, 6));
}

TEST_CASE("A console log that was configured is a run of its own; its exact steps are told", "[follow]") {
  Followed world;
  world.settings.logs = {world.path("slurm/*.out")};
  world.start();
  for (int step = 1; step <= 5; ++step)
    world.add("slurm/7.out", "step " + std::to_string(step * 100) + " | loss 1.5 | lr 3e-05\n");
  world.run_for(3s);
  const std::string key = "file:" + world.path("slurm/7.out");
  REQUIRE(world.intake.runs.contains(key));
  CHECK(world.intake.steps(key, "train_loss") == std::vector<std::int64_t>{100, 200, 300, 400, 500});
  CHECK(world.intake.runs[key].state == RunState::unknown);  // nobody can tell whether it still goes on
}

TEST_CASE("A console log that says nothing bad is known to have been read, before and after a restart",
          "[follow]") {
  Followed world;
  world.start();
  world.put("results/run7/output.log", "{'loss': 0.5, 'epoch': 0.1}\nall is well\n");
  world.run_for(10s);
  const std::string log = world.path("results/run7/output.log");
  REQUIRE(world.intake.facts.contains(log));
  CHECK(world.intake.facts[log]["read"] == Attribute{true});
  CHECK(world.intake.text(log, "error").empty());
  world.stop();
  world.intake.facts.clear();
  world.start();
  world.run_for(10s);
  CHECK(world.intake.facts[log]["read"] == Attribute{true});
}

TEST_CASE("After a restart a log is not read again: what a run dies of is known from what was kept",
          "[follow]") {
  Followed world;
  world.start();
  const std::string name = "results/run7/output.log";
  world.put(name, "{'loss': 0.5, 'epoch': 0.1}\ntorch.cuda.OutOfMemoryError: CUDA out of memory.\n");
  world.run_for(5s);
  world.stop();
  {
    std::fstream file(world.path(name), std::ios::binary | std::ios::in | std::ios::out);
    file << std::string(std::filesystem::file_size(world.path(name)), ' ');
  }
  world.start();
  world.run_for(11min);
  CHECK(world.intake.text(world.path(name), "cause") == "cuda_out_of_memory");
}

TEST_CASE("W&B's file of the newer SDK bears no witness of silence, the console beside it does", "[follow]") {
  Followed world;
  world.start();
  RunFile file("abc");
  const Time now = world.clock.now();
  for (int i = 0; i < 400; ++i)
    file.writer.history({{"train/loss", "0.5"},
                         {"_step", std::to_string(i)},
                         {"padding", "\"" + std::string(200, 'x') + "\""},
                         {"_timestamp", std::to_string(to_unix_seconds(now) - 400 + i)}});
  world.add(kDir + "run-abc.wandb", file.bytes().substr(0, 65536));
  world.run_for(30min);
  CHECK_FALSE(world.intake.marks.contains(kKey));
  for (int i = 0; i < 5; ++i) {
    world.add(kDir + "files/output.log",
              "\r 45%|####      | " + std::to_string(90 + i) + "/200 [00:31<00:38,  2.83it/s]");
    world.run_for(10s);
  }
  CHECK(world.intake.marks.contains(kKey));
  const Time alive = world.intake.marks[kKey];
  world.run_for(20min);
  CHECK(world.intake.marks[kKey] - alive > 15min);
}
