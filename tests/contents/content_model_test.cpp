// What is told of contents, and when: reports in, facts out.
#include "daemon/contents/content_model.h"

#include <map>

#include <nlohmann/json.hpp>

#include "daemon/contents/forward_answer.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

using tensors::FileReport;

const std::string kSeries = "/r/representations/full_finetune_mrpc";

struct Tree {
  ContentModel model;
  std::map<std::string, std::map<std::string, Attribute>> facts;
  int observations = 0;
  Time now = Time{} + std::chrono::hours{1};

  static std::string step_path(int step) { return kSeries + "/step_" + std::to_string(step); }

  FileChange change(const std::string& directory, const std::string& name, FileKind kind) const {
    FileChange out;
    out.directory = directory;
    out.name = name;
    out.label = directory.substr(3);
    out.place = place_below("/r", directory);
    out.kind = kind;
    out.size = 5000;
    return out;
  }

  std::optional<InspectionJob> file(const std::string& directory, const std::string& name, FileKind kind) {
    return model.apply(change(directory, name, kind), now);
  }

  void written(const std::string& directory) {
    model.apply(change(directory, "", FileKind::other), now);
    take();
  }

  void report(FileReport of) {
    model.report(of.path, of, now);
    take();
  }

  void take() {
    for (const Observation& each : model.take(1000)) {
      ++observations;
      for (const auto& [name, value] : each.attributes) facts[each.subject.key][name] = value;
    }
  }

  std::string fact(const std::string& key, const std::string& name) {
    const auto found = facts[key].find(name);
    return found == facts[key].end() ? "(not told)" : std::get<std::string>(found->second);
  }

  static FileReport layer(const std::string& directory, int index, std::uint64_t hash,
                          std::uint64_t nan = 0) {
    FileReport out;
    out.path = directory + "/layer_" + std::to_string(index) + ".pt";
    out.kind = tensors::FileKind::torch_zip;
    out.verdict = tensors::Verdict::ok;
    out.size = 5000;
    out.hash = hash;
    tensors::TensorReport tensor;
    tensor.dtype = "float32";
    tensor.shape = {100, 8};
    tensor.bytes = 3200;
    tensor.hash = hash;
    tensor.statistics = tensors::Statistics{800, nan, 0, 0, 0, -1, 1, 0, 0.5};
    out.tensors.push_back(tensor);
    if (nan != 0) out.findings.push_back({"nan", Severity::critical, "the tensor holds NaN", ""});
    return out;
  }

  static FileReport metadata(int step) {
    FileReport out;
    out.path = step_path(step) + "/metadata.json";
    out.kind = tensors::FileKind::json;
    out.verdict = tensors::Verdict::ok;
    out.size = 500;
    out.values = {{"step", static_cast<double>(step)},
                  {"task_name", std::string("mrpc")},
                  {"method", std::string("full_finetune")},
                  {"timestamp", std::string("2025-09-22")},
                  {"num_samples", 100.0},
                  {"layer_names.0", std::string("layer_0")},
                  {"layer_names.1", std::string("layer_1")},
                  {"layer_names.length", 2.0},
                  {"tensor_shapes.layer_0.0", 100.0},
                  {"tensor_shapes.layer_0.1", 8.0},
                  {"tensor_shapes.layer_0.length", 2.0},
                  {"tensor_shapes.layer_1.0", 100.0},
                  {"tensor_shapes.layer_1.1", 8.0},
                  {"tensor_shapes.layer_1.length", 2.0}};
    return out;
  }

  /// A whole step with its reports.
  void step(int number, std::uint64_t seed, std::uint64_t nan = 0) {
    const std::string path = step_path(number);
    file(path, "layer_0.pt", FileKind::layer);
    file(path, "layer_1.pt", FileKind::layer);
    file(path, "metadata.json", FileKind::metadata);
    report(layer(path, 0, seed * 10 + 1));
    report(layer(path, 1, seed * 10 + 2, nan));
    report(metadata(number));
  }
};

}  // namespace

TEST_CASE("a file that is whole is inspected, one that is not already has its alert", "[contents]") {
  Tree tree;
  const auto job = tree.file(Tree::step_path(100), "layer_0.pt", FileKind::layer);
  REQUIRE(job);
  CHECK(job->path == Tree::step_path(100) + "/layer_0.pt");
  CHECK(job->kind == InspectionKind::representation);
  CHECK(job->newness == 100);
  FileChange cut = tree.change(Tree::step_path(100), "layer_1.pt", FileKind::layer);
  cut.verdict = Verdict::truncated;
  CHECK_FALSE(tree.model.apply(cut, tree.now));
  CHECK_FALSE(tree.file("/r/run/checkpoint-5", "tokenizer.json", FileKind::tokenizer));
  CHECK(tree.file("/r/run/checkpoint-5", "optimizer.pt", FileKind::optimizer)->kind ==
        InspectionKind::checkpoint);
}

TEST_CASE("NaN in a layer is told before the step counts as written, what is missing is not", "[contents]") {
  Tree tree;
  const std::string path = Tree::step_path(100);
  tree.file(path, "layer_1.pt", FileKind::layer);
  tree.report(Tree::layer(path, 1, 7, 12));
  CHECK(tree.fact(path, "nan") == "critical");
  CHECK_THAT(tree.fact(path, "nan_detail"), ContainsSubstring("layer_1"));
  CHECK(tree.fact(path, "mismatch") == "(not told)");
  CHECK(tree.fact(path, "name") == "representations/full_finetune_mrpc/step_100");
}

TEST_CASE("a sound step is told to be sound once, and not again", "[contents]") {
  Tree tree;
  tree.step(100, 1);
  tree.written(Tree::step_path(100));
  CHECK(tree.fact(Tree::step_path(100), "nan") == "none");
  CHECK(tree.fact(Tree::step_path(100), "mismatch") == "none");
  const int before = tree.observations;
  tree.written(Tree::step_path(100));
  tree.report(Tree::layer(Tree::step_path(100), 0, 11));
  CHECK(tree.observations == before);
}

TEST_CASE("a step whose layers are all those of another is told, and no longer when it was written anew",
          "[contents]") {
  Tree tree;
  tree.step(100, 1);
  tree.written(Tree::step_path(100));
  tree.step(200, 1);
  tree.written(Tree::step_path(200));
  CHECK(tree.fact(Tree::step_path(200), "identical") == "warning");
  CHECK(tree.fact(Tree::step_path(100), "identical") == "none");
  tree.step(200, 2);
  CHECK(tree.fact(Tree::step_path(200), "identical") == "none");
}

TEST_CASE("a file damaged inside is told of the file, and its repair too", "[contents]") {
  Tree tree;
  const std::string path = Tree::step_path(100);
  tree.step(100, 1);
  FileReport damaged = Tree::layer(path, 0, 0);
  damaged.verdict = tensors::Verdict::damaged;
  damaged.reason = "damaged: the checksum of data/0 does not match";
  tree.file(path, "layer_0.pt", FileKind::layer);
  tree.report(damaged);
  CHECK(tree.fact(path + "/layer_0.pt", "content") == "damaged");
  CHECK_THAT(tree.fact(path + "/layer_0.pt", "content_detail"), ContainsSubstring("checksum"));
  tree.file(path, "layer_0.pt", FileKind::layer);
  tree.report(Tree::layer(path, 0, 11));
  CHECK(tree.fact(path + "/layer_0.pt", "content") == "ok");
}

TEST_CASE("a file on which its reader dies, hangs or runs out of memory is told of", "[contents]") {
  for (const char* code : {"inspector_crashed", "inspector_hung", "inspector_out_of_memory"}) {
    Tree tree;
    const std::string path = Tree::step_path(100);
    tree.file(path, "layer_0.pt", FileKind::layer);
    FileReport report = Tree::layer(path, 0, 0);
    report.verdict = tensors::Verdict::unknown;
    report.reason = "not checked: the reader died with SIGSEGV on this file";
    report.findings = {{code, Severity::critical, report.reason, ""}};
    tree.report(report);
    CHECK(tree.fact(report.path, "content") == "unreadable");
    CHECK_THAT(tree.fact(report.path, "content_detail"), ContainsSubstring("SIGSEGV"));
  }
}

TEST_CASE("a pickle that asks for os.system is told of its file", "[contents]") {
  Tree tree;
  const std::string path = "/r/run/checkpoint-5";
  tree.file(path, "training_args.bin", FileKind::training_args);
  FileReport report;
  report.path = path + "/training_args.bin";
  report.verdict = tensors::Verdict::ok;
  report.findings = {{"hostile_global", Severity::critical, "its pickle asks for os.system", "os.system"}};
  tree.report(report);
  CHECK(tree.fact(report.path, "hostile") == "critical");
}

TEST_CASE("a checkpoint that is rotated away in mid-inspection is no finding", "[contents]") {
  Tree tree;
  const std::string path = "/r/run/checkpoint-5";
  tree.file(path, "optimizer.pt", FileKind::optimizer);
  FileChange gone = tree.change(path, "", FileKind::other);
  gone.gone = true;
  tree.model.apply(gone, tree.now);
  FileReport late;
  late.path = path + "/optimizer.pt";
  late.verdict = tensors::Verdict::unknown;
  late.reason = "No such file or directory";
  tree.report(late);
  CHECK(tree.observations == 0);
  CHECK(tree.model.unreported().empty());
}

TEST_CASE("a file that is still being written is judged later, and counts as unreported until then",
          "[contents]") {
  Tree tree;
  const std::string path = Tree::step_path(100);
  tree.file(path, "layer_0.pt", FileKind::layer);
  FileReport half = Tree::layer(path, 0, 1);
  half.verdict = tensors::Verdict::in_progress;
  tree.report(half);
  CHECK(tree.observations == 0);
  CHECK(tree.model.unreported().size() == 1);
}

TEST_CASE("drift is asked for against the step before and the base model's first step",
          "[contents][forward]") {
  Tree tree;
  tree.step(100, 1);
  tree.written(Tree::step_path(100));
  auto first = tree.model.take_forward();
  REQUIRE(first);
  CHECK(first->kind == ForwardTask::Kind::drift);
  CHECK(first->previous.empty());
  tree.step(200, 2);
  tree.written(Tree::step_path(200));
  const auto second = tree.model.take_forward();
  REQUIRE(second);
  CHECK(second->path == Tree::step_path(200));
  CHECK(second->previous == Tree::step_path(100));
  CHECK_FALSE(tree.model.take_forward());
  // What it said becomes figures that rules read, and the same contents are not looked at again.
  const auto says = read_forward_answer(
      nlohmann::json::parse(
          R"({"status":"ok","layers":[{"layer":"layer_0","drift_previous":0.1,"cka_previous":0.9},
        {"layer":"layer_1","drift_previous":0.4,"cka_previous":0.7,"drift_base":"NaN"}],
        "findings":[{"code":"layer_collapsed","severity":"critical","message":"layer_1 has rank one","where":"layer_1"}]})"),
      false);
  tree.model.forward(*second, says.findings, says.figures, tree.now);
  tree.take();
  CHECK(std::get<double>(tree.facts[Tree::step_path(200)]["drift_previous"]) == 0.4);
  CHECK(std::get<double>(tree.facts[Tree::step_path(200)]["cka_previous"]) == 0.7);
  CHECK(tree.fact(Tree::step_path(200), "collapsed") == "critical");
  tree.written(Tree::step_path(200));
  CHECK_FALSE(tree.model.take_forward());
}

TEST_CASE("a step with NaN is not handed to redflag-forward", "[contents][forward]") {
  Tree tree;
  tree.step(100, 1, 5);
  tree.written(Tree::step_path(100));
  CHECK_FALSE(tree.model.take_forward());
}

TEST_CASE("an answer of redflag-forward that makes no sense says nothing", "[contents][forward]") {
  for (const char* text : {"[]", "{}", R"({"layers":3,"findings":{}})",
                           R"({"status":7,"findings":[1,{"code":2}],"layers":[1,{"drift_base":"x"}]})"}) {
    const auto says = read_forward_answer(nlohmann::json::parse(text), false);
    CHECK_FALSE(says.ok);
    CHECK(says.figures.empty());
  }
  const auto logits = read_forward_answer(nlohmann::json::parse("{}"), true);
  CHECK(std::get<std::string>(logits.figures[0].second) == "not_checked");
}

}  // namespace redflag::daemon
