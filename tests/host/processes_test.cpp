#include "daemon/host/processes.h"

#include "daemon/host/glance.h"
#include "daemon/host/process_text.h"
#include "tests/alerts/builders.h"
#include "tests/host/support.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;
using State = Trainer::State;

namespace {

const KnownRun kRun{"h/e/p/abc123", "abc123", "full_ft_sst2_seed42", "/data/results/full_ft_sst2_seed42"};
const std::string kFile = "/data/wandb/run-20261123_000000-abc123/run-abc123.wandb";

struct Bench {
  FakeProc proc;
  Time now = kStart;
  ProcessTable table;
  explicit Bench(std::vector<std::string> patterns = {})
      : table({proc.root(), std::move(patterns), 0, 100, 4096}) {}
  void scan(const std::vector<KnownRun>& runs = {kRun}) { table.scan(runs, now += 15s); }
  const Trainer* trainer(const std::string& key = kRun.key) const {
    const auto found = table.trainers().find(key);
    return found == table.trainers().end() ? nullptr : &found->second;
  }
};

}  // namespace

TEST_CASE("a training is known by the run's id in its environment", "[host][processes]") {
  Bench bench;
  bench.proc.add({.pid = 100, .environment = {"PATH=/bin", "WANDB_RUN_ID=abc123"}});
  bench.scan();
  REQUIRE(bench.trainer() != nullptr);
  CHECK(bench.trainer()->evidence == TrainerEvidence::environment);
  CHECK(bench.trainer()->state == State::alive);
  CHECK(bench.trainer()->main_pid == 100);
  CHECK(bench.table.run_of(100) == kRun.key);
}

TEST_CASE("a training is known by the run's files that it, or the W&B service it started, holds open",
          "[host][processes]") {
  Bench bench;
  SECTION("itself") {
    bench.proc.add(
        {.pid = 100, .files = {"/dev/null", "/x/wandb/run-20261123_000000-abc123/files/output.log"}});
  }
  SECTION("wandb-core, which names it") {
    bench.proc.add({.pid = 100});
    bench.proc.add({.pid = 101,
                    .command = "wandb-core",
                    .arguments = {"/opt/wandb-core", "--port-filename", "/tmp/x", "--pid", "100"},
                    .files = {kFile}});
  }
  SECTION("the older service, by its parent") {
    bench.proc.add({.pid = 100});
    bench.proc.add({.pid = 101,
                    .command = "wandb-service(2",
                    .arguments = {"wandb-service(2-100-s-40001)"},
                    .parent = 1,
                    .files = {kFile}});
  }
  bench.scan();
  REQUIRE(bench.trainer() != nullptr);
  CHECK(bench.trainer()->evidence == TrainerEvidence::open_file);
  CHECK(bench.trainer()->main_pid == 100);
  // The service may outlive its training: that is no life.
  bench.proc.remove(100);
  bench.scan();
  CHECK(bench.trainer()->state == State::exited);
}

TEST_CASE("a command line is the weakest word, and only a Python's counts", "[host][processes]") {
  Bench bench;
  bench.proc.add(
      {.pid = 100, .arguments = {"python3", "train.py", "--output_dir=/data/results/full_ft_sst2_seed42"}});
  bench.proc.add({.pid = 101, .command = "vim", .arguments = {"vim", "/data/results/full_ft_sst2_seed42/x"}});
  bench.proc.add({.pid = 102,
                  .command = "bash",
                  .arguments = {"bash", "run.sh"},
                  .environment = {"WANDB_RUN_ID=abc123"}});
  bench.scan();
  REQUIRE(bench.trainer() != nullptr);
  CHECK(bench.trainer()->evidence == TrainerEvidence::command_line);
  CHECK(bench.trainer()->processes == std::set<ProcessId>{{100, 1000}});
  // Better evidence takes its place.
  bench.proc.add({.pid = 103, .environment = {"WANDB_RUN_ID=abc123"}});
  bench.scan();
  CHECK(bench.trainer()->evidence == TrainerEvidence::environment);
  CHECK(bench.trainer()->main_pid == 103);
}

TEST_CASE("a pid that is used again is another process", "[host][processes]") {
  Bench bench;
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}, .start = 1000});
  bench.scan();
  bench.proc.remove(100);
  bench.proc.add({.pid = 100, .environment = {}, .start = 9000});
  bench.scan();
  CHECK(bench.trainer()->state == State::exited);
  CHECK(bench.trainer()->exited_at == bench.now);
  // And a new training under the same pid is one.
  bench.proc.remove(100);
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}, .start = 9500});
  bench.scan();
  CHECK(bench.trainer()->state == State::alive);
}

TEST_CASE("a zombie has ended, a stopped process is stopped, all waiting is stuck", "[host][processes]") {
  Bench bench;
  const auto with = [&](char one, char other) {
    bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}, .state = one});
    bench.proc.add({.pid = 101, .environment = {"WANDB_RUN_ID=abc123"}, .state = other});
    bench.scan();
    return bench.trainer()->state;
  };
  CHECK(with('S', 'R') == State::alive);
  CHECK(with('D', 'R') == State::alive);
  CHECK(with('D', 'D') == State::stuck);
  CHECK(with('T', 'T') == State::stopped);
  CHECK(with('Z', 'R') == State::alive);
  CHECK(bench.trainer()->processes.size() == 1);
  CHECK(with('Z', 'Z') == State::exited);
}

TEST_CASE("memory is that of the training and all its children", "[host][processes]") {
  Bench bench;
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}, .rss_pages = 1000});
  bench.proc.add({.pid = 101, .command = "pt_data_worker", .parent = 100, .rss_pages = 200});
  bench.proc.add({.pid = 102, .command = "ffmpeg", .arguments = {"ffmpeg"}, .parent = 101, .rss_pages = 30});
  bench.proc.add({.pid = 103, .command = "other", .arguments = {"other"}, .rss_pages = 7});
  bench.scan();
  CHECK(bench.trainer()->rss_bytes == 1230 * 4096);
  CHECK(bench.trainer()->threads == 21);
}

TEST_CASE("an end during a restart of redflag is seen, by pid and start, and a reboot ends all",
          "[host][processes]") {
  Bench bench;
  bench.proc.add({.pid = 100, .start = 2000});  // another process by now
  Trainer before;
  before.run = kRun.key;
  before.main_pid = 100;
  before.processes = {{100, 1000}};
  bench.table.expect(before);
  bench.scan();
  CHECK(bench.trainer()->state == State::exited);

  Bench alive;
  alive.proc.add({.pid = 100, .start = 1000});
  alive.table.expect(before);
  alive.scan();
  CHECK(alive.trainer()->state == State::alive);
}

TEST_CASE("trainings of configured command lines are followed without a run", "[host][processes]") {
  Bench bench({"*/train.sh *"});
  bench.proc.add({.pid = 100, .command = "sh", .arguments = {"sh", "/home/a/train.sh", "x"}});
  bench.scan({});
  REQUIRE(bench.trainer("pattern */train.sh *") != nullptr);
  CHECK(bench.trainer("pattern */train.sh *")->pattern == "*/train.sh *");
  CHECK(bench.trainer("pattern */train.sh *")->run.empty());
}

TEST_CASE("an id that two projects share is nobody's", "[host][processes]") {
  Bench bench;
  bench.proc.add({.pid = 100, .environment = {"WANDB_RUN_ID=abc123"}});
  KnownRun other = kRun;
  other.key = "h/e/other/abc123";
  other.name = "another";
  other.output_dir.clear();
  bench.scan({kRun, other});
  CHECK(bench.table.trainers().empty());
}

TEST_CASE("nothing that redflag started is a training", "[host][processes]") {
  FakeProc proc;
  proc.add({.pid = 50, .command = "redflagd", .arguments = {"redflagd"}});
  proc.add({.pid = 51, .environment = {"WANDB_RUN_ID=abc123"}, .parent = 50});
  ProcessTable table({proc.root(), {}, 50, 100, 4096});
  table.scan({kRun}, kStart);
  CHECK(table.trainers().empty());
  CHECK(table.ours(51));
}

TEST_CASE("torn and hostile stat lines are no processes, or the right ones", "[host][processes]") {
  const std::string line = FakeProc::stat_line({.pid = 7, .command = "a) R 1 (b"});
  REQUIRE(parse_process_stat(line));
  CHECK(parse_process_stat(line)->command == "a) R 1 (b");
  CHECK(parse_process_stat(line)->start_ticks == 1000);
  for (std::size_t cut = 0; cut < line.size(); ++cut) (void)parse_process_stat(line.substr(0, cut));
  CHECK_FALSE(parse_process_stat(""));
  CHECK_FALSE(parse_process_stat("7 (x"));
  CHECK_FALSE(parse_process_stat(") ( 7"));
  CHECK_FALSE(parse_process_stat("7 (x) S 1 2"));
  for (const std::string& name : alerts::test::hostile_names()) {
    Bench bench;
    bench.proc.add({.pid = 100, .command = "python3", .arguments = {"python3", name}});
    bench.scan({{"k", "id", name, "/data/" + name}});
  }
}

TEST_CASE("one process is looked at by its number: does it live, and which files it prints to",
          "[host][processes]") {
  FakeProc proc;
  TempDir dir;
  std::ofstream(dir / "train.log") << "step 1\n";
  proc.add({.pid = 100, .start = 777});
  const std::string fds = proc.root() + "/100/fd/";
  std::filesystem::create_symlink(dir / "train.log", fds + "1");
  std::filesystem::create_symlink(dir / "train.log", fds + "2");
  const auto glance = glance_at_process(proc.root(), 100);
  REQUIRE(glance);
  CHECK(glance->start_ticks == 777);
  CHECK(glance->outputs == std::vector<std::string>{dir / "train.log"});
  proc.add({.pid = 101, .state = 'Z'});
  CHECK_FALSE(glance_at_process(proc.root(), 101));
  CHECK_FALSE(glance_at_process(proc.root(), 102));
  proc.add({.pid = 103});
  std::filesystem::create_symlink("/dev/null", proc.root() + "/103/fd/1");
  std::filesystem::create_symlink("pipe:[1234]", proc.root() + "/103/fd/2");
  REQUIRE(glance_at_process(proc.root(), 103));
  CHECK(glance_at_process(proc.root(), 103)->outputs.empty());
}

TEST_CASE("what tells a run's directory and name from others", "[host][processes]") {
  const auto line = [](const std::string& argument) { return "python3" + std::string(1, '\0') + argument; };
  CHECK(names_directory(line("--output_dir=/data/results/a"), "/data/results/a/"));
  CHECK(names_directory(line("/data/results/a/checkpoint-5"), "/data/results/a"));
  CHECK_FALSE(names_directory(line("/data/results/ab"), "/data/results/a"));
  CHECK_FALSE(names_directory(line("out"), "out"));
  CHECK_FALSE(names_directory(line("x"), ""));
  CHECK(names_run(line("/x/full_ft_sst2_seed42/"), "full_ft_sst2_seed42"));
  CHECK(names_run(line("--run_name=full_ft_sst2_seed42"), "full_ft_sst2_seed42"));
  CHECK_FALSE(names_run(line("full_ft_sst2_seed421"), "full_ft_sst2_seed42"));
  CHECK_FALSE(names_run(line("sst2"), "sst2"));
  CHECK(run_id_of_file("/a/wandb/offline-run-20261123_000000-x1/run-x1.wandb") == "x1");
  CHECK(run_id_of_file("/a/wandb/run-20261123_000000-x1/files/output.log") == "x1");
  CHECK(run_id_of_file("/a/wandb/run-20261123_000000-x1/files/config.yaml").empty());
  CHECK(run_id_of_file("/a/run-x/run-x.wandb").empty());
  CHECK(run_id_of_file("run-20261123_000000-x1").empty());
  CHECK(environment_value(std::string("A=1\0WANDB_RUN_ID=x\0", 19), "WANDB_RUN_ID") == "x");
  CHECK(environment_value("XWANDB_RUN_ID=x", "WANDB_RUN_ID").empty());
}
