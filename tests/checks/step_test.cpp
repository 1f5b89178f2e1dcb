// What is said of a step of representations: nothing of a healthy one, one thing of each harm.
#include "daemon/checks/step_check.h"
#include "daemon/tensors/report_json.h"
#include "tests/checks/directory_builder.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::checks;
using namespace redflag::checks::test;

namespace {

std::string message(const DirectoryReport& report, const std::string& code) {
  const Finding* found = find(report.findings, code);
  return found == nullptr ? "" : found->message;
}

}  // namespace

TEST_CASE("nothing is said of a healthy step", "[step]") {
  const DirectoryReport report = check_step(healthy_step());
  CHECK(report.findings.empty());
  CHECK(report.verdict == Verdict::ok);
  CHECK(report.reason.empty());
  CHECK(report.kind == "representation_step");
}

TEST_CASE("extra tensors beside the layers are allowed, whatever their shape", "[step]") {
  Directory step = healthy_step();
  step.add(ReportBuilder("final_hidden_states.pt").add(filled(tensor("", {7}), 0)).size(2000));
  step.add(
      ReportBuilder("notes.txt", FileKind::unknown).verdict(Verdict::unknown, "no format that is known"));
  CHECK(check_step(step).findings.empty());
  CHECK(check_step(step).verdict == Verdict::ok);
  step.at("final_hidden_states.pt").tensors[0].statistics->nan = 1;
  CHECK(codes(check_step(step).findings) == "nan");
}

TEST_CASE("a layer that metadata.json lists and no file holds is named", "[step]") {
  Directory step = healthy_step();
  step.remove("layer_1.pt");
  const DirectoryReport report = check_step(step);
  CHECK(codes(report.findings) == "missing_layer");
  CHECK(message(report, "missing_layer") == "1 of 3 layers in metadata.json is missing: layer_1");
  CHECK(report.verdict == Verdict::damaged);
  CHECK(report.reason == message(report, "missing_layer"));
}

TEST_CASE("layers that lie together in one file are found by the names of its tensors", "[step]") {
  Directory step = healthy_step();
  ReportBuilder all("representations.pt");
  for (int i = 0; i < 3; ++i) {
    const std::string name = "layer_" + std::to_string(i);
    step.remove(name + ".pt");
    all.add(tensor(name, {100, 512}));
  }
  step.add(all);
  CHECK(check_step(step).findings.empty());
  step.tensor("representations.pt", "layer_2") = filled(tensor("layer_2", {100, 512}), 0);
  CHECK(codes(check_step(step).findings) == "all_zero");
}

TEST_CASE("a directory without any layer says so", "[step]") {
  Directory step = healthy_step();
  step.remove("layer_0.pt").remove("layer_1.pt").remove("layer_2.pt");
  CHECK(message(check_step(step), "missing_layer") == "no layer files");
}

TEST_CASE("a step without metadata.json is flagged, its layers are still looked at", "[step]") {
  Directory step = healthy_step();
  step.remove("metadata.json");
  step.at("layer_0.pt").tensors[0].statistics->nan = 3;
  const DirectoryReport report = check_step(step);
  CHECK(codes(report.findings) == "nan metadata_missing");
  CHECK(report.verdict == Verdict::damaged);
}

TEST_CASE("files that do not load are told apart: empty, cut off, of no known format, refused", "[step]") {
  const auto with = [](const ReportBuilder& layer) {
    Directory step = healthy_step();
    step.remove("layer_1.pt").add(layer);
    return check_step(step);
  };
  DirectoryReport report =
      with(ReportBuilder("layer_1.pt", FileKind::empty).size(0).verdict(Verdict::damaged, "0 bytes"));
  CHECK(codes(report.findings, Severity::critical) == "empty_file");
  CHECK(report.verdict == Verdict::damaged);
  report = with(ReportBuilder("layer_1.pt").verdict(Verdict::damaged, "truncated: 4,096 of 205,980 bytes"));
  CHECK(codes(report.findings) == "damaged_file");
  CHECK(report.reason == "layer_1.pt is damaged: truncated: 4,096 of 205,980 bytes");
  report = with(
      ReportBuilder("layer_1.pt", FileKind::unknown).verdict(Verdict::unknown, "no format that is known"));
  CHECK(codes(report.findings, Severity::critical) == "unreadable_file");
  report = with(
      ReportBuilder("layer_1.pt", FileKind::unknown).size(0).verdict(Verdict::unknown, "permission denied"));
  CHECK(codes(report.findings) == "unreadable_file");
  CHECK(codes(report.findings, Severity::critical).empty());
  report = with(ReportBuilder("layer_1.pt").verdict(Verdict::refused, "compressed"));
  CHECK(codes(report.findings) == "refused_file");
  CHECK(report.verdict == Verdict::refused);
  report = with(ReportBuilder("layer_1.pt", FileKind::lfs_pointer)
                    .verdict(Verdict::refused, "a pointer to 205,980 bytes"));
  CHECK(codes(report.findings, Severity::critical) == "lfs_pointer");
}

TEST_CASE("the reader's own death on a file is as bad as the reader says", "[step]") {
  Directory step = healthy_step();
  step.remove("layer_1.pt");
  step.add(
      ReportBuilder("layer_1.pt")
          .verdict(Verdict::refused, "the reader died")
          .finding("inspector_crashed", Severity::critical, "the reader died with SIGSEGV on this file"));
  CHECK(codes(check_step(step).findings, Severity::critical) == "refused_file");
}

TEST_CASE("a loadable file under 1,000 bytes is suspicious, one of 1,000 is not", "[step]") {
  Directory step = healthy_step();
  step.at("layer_2.pt").size = 999;
  CHECK(codes(check_step(step).findings) == "small_file");
  step.at("layer_2.pt").size = 1000;
  CHECK(check_step(step).findings.empty());
}

TEST_CASE("a file that loads and holds no tensor is critical", "[step]") {
  Directory step = healthy_step();
  step.at("layer_0.pt").tensors.clear();
  CHECK(codes(check_step(step).findings) == "no_tensor");
}

TEST_CASE("a tensor with zero elements is critical", "[step]") {
  Directory step = healthy_step();
  step.at("layer_0.pt").tensors[0] = tensor("", {0, 512});
  const DirectoryReport report = check_step(step);
  CHECK(message(report, "no_elements") == "1 of 3 layers has zero elements: layer_0");
}

TEST_CASE("NaN and infinities are counted, with the layers' names", "[step]") {
  Directory step = healthy_step();
  step.at("layer_1.pt").tensors[0] = with_nan(tensor("", {100, 512}), 12, 3);
  const DirectoryReport report = check_step(step);
  CHECK(codes(report.findings, Severity::critical) == "nan");
  CHECK(message(report, "nan") ==
        "1 of 3 layers holds NaN or infinite numbers: layer_1 (12 NaN and 3 infinite of 51,200 numbers)");
  CHECK(report.verdict == Verdict::ok);
}

TEST_CASE("a layer of zeros is critical, a layer of one other number a warning, a single zero nothing",
          "[step]") {
  Directory step = healthy_step();
  step.at("layer_1.pt").tensors[0] = filled(tensor("", {100, 512}), 0);
  CHECK(codes(check_step(step).findings, Severity::critical) == "all_zero");
  step.at("layer_1.pt").tensors[0] = filled(tensor("", {100, 512}), 0.5);
  CHECK(codes(check_step(step).findings, Severity::critical).empty());
  CHECK(codes(check_step(step).findings) == "constant");
  step.at("layer_1.pt").tensors[0] = tensor("", {100, 512});
  step.at("layer_1.pt").tensors[0].statistics->zeros = 51'199;
  CHECK(check_step(step).findings.empty());
}

TEST_CASE("a layer of another shape than metadata.json says is told with both shapes", "[step]") {
  Directory step = healthy_step();
  step.at("layer_2.pt").tensors[0] = tensor("", {100, 256});
  CHECK(message(check_step(step), "shape_mismatch") ==
        "layer_2 is float32 100 x 256, metadata.json says 100 x 512");
}

TEST_CASE("a layer of another type than metadata.json says is told, when it says one", "[step]") {
  Directory step = healthy_step();
  step.set("metadata.json", "tensor_dtypes.layer_2", std::string("torch.float32"));
  CHECK(check_step(step).findings.empty());
  step.set("metadata.json", "tensor_dtypes.layer_2", std::string("torch.float16"));
  CHECK(codes(check_step(step).findings) == "shape_mismatch");
}

TEST_CASE("a number of samples that the layers do not have is told", "[step]") {
  Directory step = healthy_step();
  step.set("metadata.json", "num_samples", 96.0);
  CHECK(codes(check_step(step).findings) == "samples_mismatch");
}

TEST_CASE("metadata.json of another step, task or method contradicts its directory", "[step]") {
  const auto with = [](const std::string& field, Value value) {
    Directory step = healthy_step();
    step.set("metadata.json", field, std::move(value));
    return check_step(step);
  };
  CHECK(message(with("step", 200.0), "metadata_mismatch") ==
        "metadata.json contradicts its directory: step is 200, the directory says 100");
  CHECK(codes(with("task_name", std::string("rte")).findings) == "metadata_mismatch");
  CHECK(codes(with("method", std::string("lora")).findings) == "metadata_mismatch");
  CHECK(with("task_name", std::string("MRPC")).findings.empty());
  CHECK(with("method", std::string("full-finetune")).findings.empty());
}

TEST_CASE("fields that metadata.json lacks, or that are of the wrong kind, are listed", "[step]") {
  Directory step = healthy_step();
  step.unset("metadata.json", "timestamp");
  CHECK(message(check_step(step), "metadata_incomplete") == "metadata.json: lacks timestamp");
  for (const auto& [field, value] : {std::pair<const char*, Value>{"step", std::string("one")},
                                     {"num_samples", 0.0},
                                     {"timestamp", std::string("now")},
                                     {"layer_names.1", 3.0},
                                     {"layer_names.1", std::string("layer_0")},
                                     {"tensor_shapes.layer_1.0", std::string("null")}}) {
    INFO(field);
    Directory wrong = healthy_step();
    wrong.set("metadata.json", field, value);
    CHECK(find(check_step(wrong).findings, "metadata_incomplete") != nullptr);
  }
  Directory epoch = healthy_step();
  epoch.set("metadata.json", "timestamp", 1.7e9);
  CHECK(check_step(epoch).findings.empty());
}

TEST_CASE("while a file is being written nothing is called missing", "[step]") {
  Directory step = healthy_step();
  step.remove("layer_2.pt").remove("metadata.json");
  step.at("layer_1.pt").verdict = Verdict::in_progress;
  const DirectoryReport report = check_step(step);
  CHECK(report.verdict == Verdict::in_progress);
  CHECK(report.findings.empty());
}

TEST_CASE("names that are no UTF-8 come out escaped, and the worst finding first", "[step]") {
  Directory step = healthy_step();
  step.add(ReportBuilder("layer_\xff.pt").verdict(Verdict::refused, "bad \xfe"));
  step.remove("layer_0.pt");
  const DirectoryReport report = check_step(step);
  CHECK(codes(report.findings) == "missing_layer refused_file");
  CHECK_THAT(message(report, "refused_file"), ContainsSubstring("layer_\\xff.pt was not read: bad \\xfe"));
}

TEST_CASE("a directory's report is one JSON object with its keys in order", "[step]") {
  Directory step = healthy_step();
  step.edit().path += "\xff";
  const std::string text = to_json(check_step(step));
  CHECK_THAT(text, ContainsSubstring(R"(step_100\\xff","kind":"representation_step","verdict":)"));
  CHECK_THAT(text, ContainsSubstring(R"("values":{"step":100)"));
}

TEST_CASE("a hostile metadata.json is only a report of its own mistakes", "[step]") {
  Directory step = healthy_step();
  for (const double length : {1e300, -1.0, 0.5, 4e9}) {
    step.set("metadata.json", "layer_names.length", length);
    step.set("metadata.json", "tensor_shapes.layer_0.length", length);
    step.set("metadata.json", "step", length);
    step.set("metadata.json", "num_samples", length);
    CHECK(find(check_step(step).findings, "metadata_incomplete") != nullptr);
  }
}
