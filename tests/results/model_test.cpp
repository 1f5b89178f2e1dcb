// The model on a tree in memory and a clock that is a variable.
#include "daemon/results/memory_file_system.h"
#include "daemon/results/results_model.h"
#include "tests/results/support.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using Kind = FileEvent::Kind;
using namespace std::chrono_literals;

namespace {

const std::string kSeries = "/r/representations/full_finetune_mrpc";
const std::string kStep = kSeries + "/step_100";

/// Plays the watcher: what it would have told, told directly.
struct World {
  MemoryFileSystem files;
  ResultsModel model{"/r", files};
  Moment now{1h, Time{std::chrono::seconds{1'800'000'000}}};
  std::vector<Finding> said;

  World() {
    files.set_time(now.wall);
    files.make_directory("/r");
  }

  void pass(Duration time) {
    // Deadline by deadline, as the source would.
    const Duration end = now.monotonic + time;
    for (;;) {
      const Duration next = std::min(end, std::max(now.monotonic, model.next_deadline()));
      now.wall += next - now.monotonic;
      now.monotonic = next;
      while (model.advance(now)) {
      }
      for (Finding& finding : model.take(100000)) said.push_back(std::move(finding));
      if (next == end) break;
    }
    files.set_time(now.wall);
  }
  void tell(const std::string& path, Kind kind) { model.apply({path, kind, {}}, now); }
  void write(const std::string& path, const std::string& content, Kind kind = Kind::closed) {
    files.write(path, content);
    tell(path, kind);
  }
  void list_all() {
    for (const auto& dir : directories("/r")) {
      tell(dir, Kind::dir_added);
      FileEvent event{dir, Kind::rescan, {}};
      const auto entries = files.list(dir);
      for (const auto& entry : *entries) {
        if (entry.type == FileType::regular)
          event.files.push_back({entry.name, *files.stat(dir + "/" + entry.name)});
      }
      model.apply(event, now);
    }
    tell("/r", Kind::scan_complete);
  }
  std::vector<std::string> directories(const std::string& path) {
    std::vector<std::string> out{path};
    const auto entries = files.list(path);
    for (const auto& entry : *entries) {
      if (entry.type != FileType::directory) continue;
      for (auto& each : directories(path + "/" + entry.name)) out.push_back(std::move(each));
    }
    return out;
  }
  /// A whole, quiet step that was there long before redflag.
  void old_step(std::int64_t step, int layers = 3) {
    const std::string dir = kSeries + "/step_" + std::to_string(step);
    for (int i = 0; i < layers; ++i)
      files.write(dir + "/layer_" + std::to_string(i) + ".pt", torch_zip(20000));
    files.write(dir + "/metadata.json", metadata(step, "full_finetune", "mrpc", layers));
  }
  const Observation* last(const std::string& key) const {
    for (auto it = said.rbegin(); it != said.rend(); ++it) {
      if (const auto* facts = std::get_if<Observation>(&*it); facts != nullptr && facts->subject.key == key)
        return facts;
    }
    return nullptr;
  }
  std::string text(const std::string& key, const std::string& name) const {
    const Observation* facts = last(key);
    if (facts == nullptr) return "(nothing said)";
    for (const auto& [attribute, value] : facts->attributes) {
      if (attribute == name) return std::get<std::string>(value);
    }
    return "(no such attribute)";
  }
  std::string verdict(const std::string& key) const { return text(key, "verdict"); }
  bool departed(const std::string& key) const {
    for (const Finding& finding : said) {
      if (const auto* gone = std::get_if<Departed>(&finding); gone != nullptr && gone->subject.key == key)
        return true;
    }
    return false;
  }
};

}  // namespace

TEST_CASE("a quiet tree is told completely at once, and then not again", "[model]") {
  World world;
  for (const int step : {100, 200, 300}) world.old_step(step);
  world.now.wall += 1h;
  world.list_all();
  world.pass(0s);
  CHECK(world.verdict(kStep + "/layer_0.pt") == "ok");
  CHECK(world.text(kStep + "/layer_0.pt", "what") == "layer");
  CHECK(world.text(kStep + "/layer_0.pt", "name") ==
        "representations/full_finetune_mrpc/step_100/layer_0.pt");
  CHECK(world.text(kStep + "/layer_0.pt", "task") == "mrpc");
  CHECK(world.last(kStep + "/layer_0.pt")->subject.kind == SubjectKind::representation);
  CHECK(world.last(kStep + "/layer_0.pt")->step == 100);
  CHECK(world.verdict(kStep) == "ok");
  world.pass(1min);
  CHECK(world.verdict(kSeries) == "ok");
  const std::size_t before = world.said.size();
  world.list_all();
  world.pass(10min);
  CHECK(world.said.size() == before);
  CHECK(world.model.bad().empty());
  CHECK(world.model.next_deadline() == kNoDeadline);
}

TEST_CASE(
    "a truncated file that was closed is told within a second, with figures, and resolves when rewritten",
    "[model]") {
  World world;
  world.old_step(100);
  world.now.wall += 1h;
  world.list_all();
  world.pass(1min);
  const std::string path = kStep + "/layer_1.pt";
  const std::string whole = torch_zip(20000);
  world.files.set_time(world.now.wall);
  world.write(path, whole.substr(0, 4096));
  world.pass(900ms);
  CHECK(world.verdict(path) == "truncated");
  CHECK_THAT(world.text(path, "detail"),
             ContainsSubstring("central directory is missing; 4,096 bytes of 20,"));
  CHECK(world.model.bad().size() == 1);
  world.write(path, whole.substr(0, 8192), Kind::modified);
  world.pass(600ms);
  CHECK(world.verdict(path) == "in_progress");
  world.write(path, whole);
  world.pass(900ms);
  CHECK(world.verdict(path) == "ok");
  CHECK(world.model.bad().empty());
}

TEST_CASE("a file that is still growing is never called corrupt, however slowly it grows", "[model]") {
  World world;
  world.list_all();
  world.tell(kStep, Kind::dir_added);
  const std::string path = kStep + "/layer_0.pt";
  const std::string whole = torch_zip(100000);
  world.write(path, "", Kind::created);
  for (std::size_t size = 1000; size < whole.size(); size += 1000) {
    world.pass(20s);
    world.write(path, whole.substr(0, size), Kind::modified);
    if (world.last(path) != nullptr) REQUIRE(world.verdict(path) == "in_progress");
  }
  SECTION("and is ok when it is whole") {
    world.write(path, whole);
    world.pass(600ms);
    CHECK(world.verdict(path) == "ok");
  }
  SECTION("but is called truncated when its writer died") {
    world.pass(29s);
    CHECK(world.verdict(path) == "in_progress");
    world.pass(2s);
    CHECK(world.verdict(path) == "truncated");
  }
  SECTION("growth that inotify does not see (mmap) counts too") {
    world.pass(29s);
    world.files.write(path, whole.substr(0, 50001));
    world.pass(20s);
    CHECK(world.verdict(path) == "in_progress");
  }
}

TEST_CASE("a truncated file whose closing was missed is told at once when it surely has no writer",
          "[model]") {
  World world;
  world.files.write(kStep + "/layer_0.pt", torch_zip(20000).substr(0, 5000));
  world.files.set_vouching(true);
  world.list_all();
  world.pass(600ms);
  CHECK(world.verdict(kStep + "/layer_0.pt") == "truncated");
}

TEST_CASE("a file that is touched and then written is not called empty", "[model]") {
  World world;
  world.list_all();
  world.tell(kStep, Kind::dir_added);
  const std::string path = kStep + "/layer_0.pt";
  world.write(path, "");
  world.pass(1500ms);
  CHECK(world.last(path) == nullptr);
  SECTION("when the content follows") {
    world.write(path, torch_zip(20000));
    world.pass(600ms);
    CHECK(world.verdict(path) == "ok");
  }
  SECTION("but is when nothing follows") {
    world.pass(1s);
    CHECK(world.verdict(path) == "empty");
  }
}

TEST_CASE("a step is judged for missing layers only when it has been quiet", "[model]") {
  World world;
  world.list_all();
  world.tell(kSeries, Kind::dir_added);
  world.tell(kStep, Kind::dir_added);
  world.write(kStep + "/metadata.json", metadata(100, "full_finetune", "mrpc", 3));
  world.write(kStep + "/layer_0.pt", torch_zip(20000));
  world.pass(8s);
  world.write(kStep + "/layer_1.pt", torch_zip(20000));
  world.pass(8s);
  CHECK(world.last(kStep) == nullptr);
  world.pass(3s);
  CHECK(world.verdict(kStep) == "missing");
  CHECK(world.text(kStep, "detail") == "1 of 3 layers missing as in metadata.json: layer_2");
  world.write(kStep + "/layer_2.pt", torch_zip(20000));
  world.pass(11s);
  CHECK(world.verdict(kStep) == "ok");
}

TEST_CASE("a deleted layer is missing, a rotated step is gone", "[model]") {
  World world;
  for (const int step : {100, 200}) world.old_step(step);
  world.now.wall += 1h;
  world.list_all();
  world.pass(1min);
  const std::string layer = kStep + "/layer_2.pt";
  world.files.remove(layer);
  world.tell(layer, Kind::removed);
  world.pass(11s);
  CHECK(world.departed(layer));
  CHECK(world.verdict(kStep) == "missing");
  world.files.remove(kStep);
  world.tell(kStep, Kind::dir_removed);
  world.pass(1min);
  CHECK(world.departed(kStep));
  CHECK(world.departed(kStep + "/metadata.json"));
  CHECK(world.model.bad().empty());
}

TEST_CASE("a missing metadata.json is told, and the other steps say which layers are missing", "[model]") {
  World world;
  for (const int step : {100, 200, 300}) world.old_step(step);
  world.files.remove(kStep + "/metadata.json");
  world.files.remove(kStep + "/layer_1.pt");
  world.now.wall += 1h;
  world.list_all();
  world.pass(1min);
  CHECK(world.verdict(kStep) == "missing");
  CHECK(world.text(kStep, "detail") ==
        "metadata.json is missing; 1 of 3 layers missing as in most other steps: layer_1");
  CHECK_THAT(world.text(kSeries, "detail"), ContainsSubstring("2 layers instead of 3 at step 100"));
}

TEST_CASE("a gap in the steps is the series' finding", "[model]") {
  World world;
  for (const int step : {100, 200, 400}) world.old_step(step);
  world.now.wall += 1h;
  world.list_all();
  world.pass(1min);
  CHECK(world.verdict(kSeries) == "missing");
  CHECK(world.text(kSeries, "detail") == "1 steps missing of one every 100: 300");
  const ResultsSummary summary = world.model.summary();
  REQUIRE(summary.series.size() == 1);
  CHECK(summary.series[0].missing == std::vector<std::int64_t>{300});
  CHECK_FALSE(summary.series[0].has_base);
  CHECK(summary.tasks_without_base == std::vector<std::string>{"mrpc"});
  CHECK(summary.representation_steps == 3);
}

TEST_CASE("a checkpoint is complete with its weights, its config and all of its shards", "[model]") {
  World world;
  const std::string run = "/r/full_ft_mrpc_seed42";
  const std::string model = run + "/final_model";
  world.files.write(model + "/config.json", "{}");
  world.files.write(model + "/model-00001-of-00002.safetensors",
                    safetensors(R"({"a":{"data_offsets":[0,2000]}})", 2000));
  world.files.write(
      model + "/model.safetensors.index.json",
      R"({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})");
  world.files.write(run + "/tmp-checkpoint-10/pytorch_model.bin", "half");
  world.files.write(run + "/checkpoint-20/adapter_model.safetensors",
                    safetensors(R"({"a":{"data_offsets":[0,2000]}})", 1000));
  world.files.write(run + "/train.log", "x");
  world.now.wall += 1h;
  world.list_all();
  world.pass(1min);
  CHECK(world.verdict(model) == "missing");
  CHECK(world.text(model, "detail") == "missing: 1 shards of its index: model-00002-of-00002.safetensors");
  CHECK(world.text(model, "lacking") == "tokenizer_config.json");
  CHECK(world.last(model)->subject.kind == SubjectKind::checkpoint);
  CHECK(world.last(run + "/tmp-checkpoint-10/pytorch_model.bin") == nullptr);
  CHECK(world.verdict(run + "/checkpoint-20/adapter_model.safetensors") == "truncated");
  CHECK(world.text(run + "/checkpoint-20", "detail") == "missing: adapter_config.json");
  CHECK(world.last(run + "/checkpoint-20")->step == 20);
  const ResultsSummary summary = world.model.summary();
  CHECK(summary.checkpoints == 2);
  CHECK(summary.experiments == 1);
  CHECK(summary.log_files == 1);

  world.files.rename(run + "/tmp-checkpoint-10", run + "/checkpoint-10");
  world.tell(run + "/tmp-checkpoint-10", Kind::dir_removed);
  world.list_all();
  world.pass(1min);
  CHECK(world.verdict(run + "/checkpoint-10/pytorch_model.bin") == "damaged");
}

TEST_CASE("a root that is away for a moment closes nothing; what is gone when it is back departs",
          "[model]") {
  World world;
  for (const int step : {100, 200}) world.old_step(step);
  world.files.write(kStep + "/layer_0.pt", torch_zip(20000).substr(0, 5000));
  world.now.wall += 1h;
  world.list_all();
  world.pass(1min);
  CHECK(world.verdict(kStep + "/layer_0.pt") == "truncated");
  world.tell("/r", Kind::root_absent);
  world.pass(1min);
  CHECK_FALSE(world.departed(kStep + "/layer_0.pt"));
  SECTION("it comes back without a step") {
    world.files.remove(kSeries + "/step_200");
    world.list_all();
    world.pass(1min);
    CHECK(world.departed(kSeries + "/step_200/layer_0.pt"));
    CHECK_FALSE(world.departed(kStep + "/layer_0.pt"));
    CHECK(world.model.bad().size() == 1);
  }
  SECTION("it stays away") {
    world.pass(11min);
    CHECK(world.departed(kStep + "/layer_0.pt"));
    CHECK(world.model.bad().empty());
  }
}

TEST_CASE("files that vanished while redflag was stopped depart once the tree was listed", "[model]") {
  World world;
  world.old_step(100);
  world.model.expect({{SubjectKind::representation, kStep + "/layer_0.pt"},
                      {SubjectKind::representation, kStep + "/layer_9.pt"}});
  world.pass(1h);
  CHECK(world.said.empty());
  world.list_all();
  world.pass(1min);
  CHECK(world.departed(kStep + "/layer_9.pt"));
  CHECK_FALSE(world.departed(kStep + "/layer_0.pt"));
}

TEST_CASE("a file we may not read gets no verdict", "[model]") {
  World world;
  world.old_step(100);
  world.files.deny(kStep + "/layer_0.pt");
  world.now.wall += 1h;
  world.list_all();
  world.pass(1min);
  CHECK(world.last(kStep + "/layer_0.pt") == nullptr);
  CHECK(world.verdict(kStep + "/layer_1.pt") == "ok");
  world.files.allow(kStep + "/layer_0.pt");
  world.pass(2min);
  CHECK(world.verdict(kStep + "/layer_0.pt") == "ok");
}

TEST_CASE("a disk whose clock runs ahead does not keep its files in progress for ever", "[model]") {
  World world;
  world.files.set_time(world.now.wall + 24h);
  world.files.write(kStep + "/layer_0.pt", torch_zip(20000).substr(0, 5000));
  world.list_all();
  world.pass(20s);
  CHECK(world.verdict(kStep + "/layer_0.pt") == "in_progress");
  world.pass(20s);
  CHECK(world.verdict(kStep + "/layer_0.pt") == "truncated");
}

TEST_CASE("a file that redflag may not read is counted and named until it may, and no verdict is made up",
          "[model]") {
  World world;
  world.old_step(100);
  const std::string shut = kStep + "/layer_1.pt";
  world.files.deny(shut);
  world.now.wall += 1h;
  world.list_all();
  world.pass(5min);
  CHECK(world.model.shut() == std::set<std::string>{shut});
  CHECK(world.last(shut) == nullptr);
  world.files.allow(shut);
  world.pass(5min);
  CHECK(world.model.shut().empty());
  world.files.deny(shut);
  world.write(shut, torch_zip(20000));
  world.pass(1min);
  CHECK(world.model.shut().size() == 1);
  world.tell(shut, Kind::removed);
  CHECK(world.model.shut().empty());
}
