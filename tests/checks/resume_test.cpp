// Can training go on from here? What has to agree, and what may differ.
#include <cmath>

#include "daemon/checks/checkpoint_check.h"
#include "daemon/checks/resume_check.h"
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

void set_optimizer_step(Directory& checkpoint, double step) {
  for (auto& [name, value] : checkpoint.at("optimizer.pt").values) {
    if (name.ends_with(".step")) value = step;
  }
}

void set_scheduler_step(Directory& checkpoint, double step) {
  checkpoint.set("scheduler.pt", "last_epoch", step).set("scheduler.pt", "_step_count", step + 1);
}

std::string all_codes(const Directory& checkpoint) {
  return codes(check_checkpoint(checkpoint).findings, Severity::info);
}

}  // namespace

TEST_CASE("an optimizer of another step than the directory is told with all four figures", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  set_optimizer_step(checkpoint, 900);
  const DirectoryReport report = check_checkpoint(checkpoint);
  CHECK(codes(report.findings, Severity::critical) == "not_resumable");
  CHECK(message(report, "not_resumable") ==
        "not resumable: the steps disagree: optimizer's step is 900, scheduler's last_epoch 1000, "
        "trainer_state's "
        "global_step 1000, directory says 1000");
  CHECK(report.verdict == Verdict::ok);
}

TEST_CASE("scheduler, trainer and directory are held against one another", "[resume]") {
  Directory scheduler = healthy_checkpoint();
  set_scheduler_step(scheduler, 500);
  CHECK(all_codes(scheduler) == "not_resumable");
  Directory trainer = healthy_checkpoint();
  trainer.set("trainer_state.json", "global_step", 999.0);
  CHECK(all_codes(trainer) == "not_resumable");
  Directory calls = healthy_checkpoint();
  calls.set("scheduler.pt", "_step_count", 900.0);
  CHECK_THAT(message(check_checkpoint(calls), "not_resumable"),
             ContainsSubstring("its _step_count less one 899"));
}

TEST_CASE("a few updates that fp16 skipped are normal, a hundred are not", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  set_optimizer_step(checkpoint, 995);
  set_scheduler_step(checkpoint, 995);
  CHECK(all_codes(checkpoint) == "skipped_updates");
  CHECK_THAT(message(check_checkpoint(checkpoint), "skipped_updates"),
             ContainsSubstring("5 of 1000 updates"));
  set_optimizer_step(checkpoint, 900);
  set_scheduler_step(checkpoint, 900);
  CHECK(all_codes(checkpoint) == "not_resumable");
}

TEST_CASE("a parameter without gradients may lag behind", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.set("optimizer.pt", "state.3.step", 10.0);
  CHECK(all_codes(checkpoint).empty());
}

TEST_CASE("an optimizer without steps, and schedulers that count something else, are not compared",
          "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  std::erase_if(checkpoint.at("optimizer.pt").values,
                [](const auto& each) { return each.first.ends_with(".step"); });
  CHECK(all_codes(checkpoint).empty());
  set_scheduler_step(checkpoint, 3);
  CHECK(all_codes(checkpoint) == "not_resumable");
  checkpoint.set("scheduler.pt", "num_bad_epochs", 0.0);
  CHECK(all_codes(checkpoint).empty());
}

TEST_CASE("a scheduler that counts for each of four processes agrees", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.remove("rng_state.pth");
  for (int i = 0; i < 4; ++i) checkpoint.add(ReportBuilder("rng_state_" + std::to_string(i) + ".pth"));
  set_scheduler_step(checkpoint, 4000);
  CHECK(all_codes(checkpoint).empty());
  checkpoint.remove("rng_state_1.pth");
  set_scheduler_step(checkpoint, 1000);
  CHECK_THAT(message(check_checkpoint(checkpoint), "not_resumable"),
             ContainsSubstring("rng_state_1.pth is missing"));
}

TEST_CASE("what is missing for resuming is named", "[resume]") {
  DirectoryReport report = check_checkpoint(healthy_checkpoint().remove("scheduler.pt"));
  CHECK(message(report, "not_resumable") == "not resumable: scheduler.pt is missing");
  CHECK(codes(report.findings, Severity::critical) == "not_resumable");
  report = check_checkpoint(healthy_checkpoint().remove("trainer_state.json"));
  CHECK(message(report, "not_resumable") == "not resumable: trainer_state.json is missing");
  report = check_checkpoint(healthy_checkpoint().remove("rng_state.pth"));
  CHECK(codes(report.findings) == "not_resumable");
  CHECK(codes(report.findings, Severity::critical).empty());
}

TEST_CASE("a checkpoint saved without its state on purpose is a warning", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.remove("optimizer.pt").remove("scheduler.pt").remove("rng_state.pth");
  const DirectoryReport report = check_checkpoint(checkpoint);
  CHECK(codes(report.findings) == "not_resumable");
  CHECK(codes(report.findings, Severity::critical).empty());
}

TEST_CASE("a state file that does not load is told as such", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.at("optimizer.pt").verdict = Verdict::damaged;
  checkpoint.at("optimizer.pt").reason = "truncated";
  const DirectoryReport report = check_checkpoint(checkpoint);
  CHECK(message(report, "not_resumable") == "not resumable: optimizer.pt does not load");
  CHECK(report.verdict == Verdict::damaged);
}

TEST_CASE("sharded state of DeepSpeed or FSDP is not read and not called missing", "[resume]") {
  for (const char* name :
       {"global_step1000", "optimizer_0/__0_0.distcp", "zero_to_fp32.py", "pytorch_model_fsdp_0"}) {
    Directory checkpoint = healthy_checkpoint();
    checkpoint.remove("optimizer.pt").remove("scheduler.pt").remove("model.safetensors");
    CHECK_THAT(codes(check_checkpoint(checkpoint).findings, Severity::critical),
               ContainsSubstring("missing_file"));
    checkpoint.edit().other_names = {name};
    INFO(name);
    CHECK(all_codes(checkpoint) == "sharded_state");
    CHECK(check_checkpoint(checkpoint).verdict == Verdict::ok);
  }
  Directory checkpoint = healthy_checkpoint();
  checkpoint.remove("optimizer.pt").remove("scheduler.pt");
  checkpoint.add(ReportBuilder("global_step1000/zero_pp_rank_0_mp_rank_00_optim_states.pt"));
  CHECK(all_codes(checkpoint) == "sharded_state");
}

TEST_CASE("state of a shape that no weight has belongs to another model", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.tensor("optimizer.pt", "state.0.exp_avg").shape = {1001, 64};
  const DirectoryReport report = check_checkpoint(checkpoint);
  CHECK(message(report, "not_resumable") ==
        "not resumable: the optimizer has state for 1 parameter that has no weight's shape in "
        "model.safetensors: 1001 x "
        "64 (1 in the optimizer, 0 in the weights)");
}

TEST_CASE("more state of one shape than weights of it is told, frozen weights without state are not",
          "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  for (const char* name : {"state.1.exp_avg", "state.1.exp_avg_sq", "state.1.step"}) {
    checkpoint.remove_tensor("optimizer.pt", name);
  }
  CHECK(all_codes(checkpoint).empty());
  checkpoint.at("optimizer.pt").tensors.push_back(tensor("state.1.exp_avg", {1000, 64}));
  CHECK_THAT(message(check_checkpoint(checkpoint), "not_resumable"),
             ContainsSubstring("1000 x 64 (3 in the optimizer, 2 in the weights)"));
}

TEST_CASE("factored and quantised state has shapes of its own", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  auto& tensors = checkpoint.at("optimizer.pt").tensors;
  tensors = {tensor("state.0.exp_avg_sq_row", {1000}), tensor("state.0.exp_avg_sq_col", {64}),
             tensor("state.1.state1", {123}), tensor("state.1.absmax1", {7})};
  CHECK(all_codes(checkpoint).empty());
}

TEST_CASE("an adapter's optimizer knows its LoRA tensors only", "[resume]") {
  Directory checkpoint = healthy_adapter(daemon::DirRole::checkpoint, 1000);
  for (const char* name : {"scheduler.pt", "rng_state.pth", "trainer_state.json"}) {
    FileReport report = healthy_checkpoint().at(name);
    report.path = name;
    checkpoint.add(report);
  }
  ReportBuilder optimizer("optimizer.pt");
  optimizer.add(tensor("state.0.exp_avg", {8, 64})).add(tensor("state.1.exp_avg", {64, 8}));
  optimizer.set("state.0.step", 1000);
  checkpoint.add(optimizer);
  CHECK(all_codes(checkpoint).empty());
  checkpoint.at("optimizer.pt").tensors.push_back(tensor("state.2.exp_avg", {64, 64}));
  CHECK(all_codes(checkpoint) == "not_resumable");
}

TEST_CASE("more states than parameters in the groups is a contradiction", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.set("optimizer.pt", "param_groups.0.params.length", 20.0);
  CHECK_THAT(message(check_checkpoint(checkpoint), "not_resumable"),
             ContainsSubstring("state for 21 parameters but its param_groups hold 20"));
  checkpoint.set("optimizer.pt", "param_groups.1.params.length", 5.0);
  CHECK(all_codes(checkpoint).empty());
}

TEST_CASE("NaN in the optimizer's moments is critical", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.tensor("optimizer.pt", "state.4.exp_avg_sq").statistics->positive_infinity = 2;
  const DirectoryReport report = check_checkpoint(checkpoint);
  CHECK(codes(report.findings, Severity::critical) == "optimizer_nan");
  CHECK_THAT(message(report, "optimizer_nan"),
             ContainsSubstring("1 of 63 optimizer tensors holds NaN or infinite"));
}

TEST_CASE("learning rates must be numbers from 0 up", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.set("scheduler.pt", "_last_lr.1", 0.0).set("optimizer.pt", "param_groups.0.lr", 0.0);
  CHECK(all_codes(checkpoint).empty());
  checkpoint.set("scheduler.pt", "_last_lr.1", std::nan(""));
  CHECK_THAT(message(check_checkpoint(checkpoint), "learning_rate"), ContainsSubstring("_last_lr.1 = nan"));
  checkpoint.set("optimizer.pt", "param_groups.0.lr", -1e-5);
  CHECK_THAT(message(check_checkpoint(checkpoint), "learning_rate"),
             ContainsSubstring("param_groups.0.lr = -1e-05"));
}

TEST_CASE("an epoch or a step that is no number is told", "[resume]") {
  Directory checkpoint = healthy_checkpoint();
  checkpoint.set("trainer_state.json", "epoch", std::numeric_limits<double>::infinity());
  CHECK(all_codes(checkpoint) == "not_resumable");
  Directory no_step = healthy_checkpoint();
  no_step.unset("trainer_state.json", "global_step");
  CHECK(all_codes(no_step) == "not_resumable");
  Directory nan_step = healthy_checkpoint();
  set_optimizer_step(nan_step, std::nan(""));
  CHECK(all_codes(nan_step) == "not_resumable");
}
