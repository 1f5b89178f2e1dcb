// For every line of the checklist: what makes it PASS, FAIL, NOT CHECKED.
#include "daemon/validate/checklist.h"

#include <cmath>
#include <fstream>
#include <limits>

#include "daemon/validate/rule_groups.h"
#include "tests/support/catch.h"
#include "tests/validate/healthy.h"

using redflag::Severity;
using redflag::SubjectKind;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace redflag::daemon::validate;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const std::string kRun = "full_ft_sst2_seed1337";
const std::string kStep = "representations/full_finetune_rte/step_200";
const std::string kCheckpoint = "full_ft_mrpc_seed42/checkpoint-150";
const std::string kFinal = "full_ft_mrpc_seed42/final_model";

struct Case {
  const char* what;
  const char* line;
  LineVerdict verdict;
  const char* words;  ///< somewhere in its remarks
  std::function<void(Evidence&)> change;
};

constexpr LineVerdict kFail = LineVerdict::fail;
constexpr LineVerdict kNot = LineVerdict::not_checked;
constexpr LineVerdict kPass = LineVerdict::pass;

std::string all_words(const Line& line) {
  std::string out = line.summary;
  for (const auto* remarks : {&line.failures, &line.holes, &line.proofs}) {
    for (const Remark& each : *remarks) out += "\n" + each.about + ": " + each.words;
  }
  return out;
}

SourceView& wandb(Evidence& e) {
  return e.overview.sources[0];
}
ResultsView& results(Evidence& e) {
  return e.overview.results[0];
}

SeriesView& series_in(std::vector<SeriesView>& list, const std::string& name) {
  for (SeriesView& each : list) {
    if (each.dir == kRoot + "/" + name) return each;
  }
  throw std::runtime_error("no series " + name);
}

void set_values(Curve& curve, const std::function<double(double)>& value) {
  const auto last = static_cast<double>(curve.points.back().step);
  for (CurvePoint& point : curve.points) point.value = value(static_cast<double>(point.step) / last);
}

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    Evidence evidence = healthy_evidence();
    each.change(evidence);
    const Checklist list = judge(evidence);
    const Line* line = list.line(each.line);
    REQUIRE(line != nullptr);
    INFO(each.line << " when " << each.what << "\n" << all_words(*line));
    CHECK(to_string(line->verdict) == to_string(each.verdict));
    CHECK_THAT(all_words(*line), ContainsSubstring(each.words));
    CHECK((line->verdict == kPass || !line->summary.empty()));
    CHECK((line->verdict == kPass) == line->advice.empty());
    CHECK(list.exit_code() == (list.failed > 0 ? 1 : list.not_checked > 0 ? 2 : 0));
  }
}

}  // namespace

TEST_CASE("a project in which all was looked at and all is well passes every line", "[validate]") {
  const Checklist list = judge(healthy_evidence());
  std::size_t lines = 0;
  for (const Section& section : list.sections) {
    for (const Line& line : section.lines) {
      INFO(line.id << "\n" << all_words(line));
      CHECK(line.verdict == kPass);
      CHECK(line.proofs_total > 0);
      CHECK(line.id == "V" + std::to_string(++lines));
    }
  }
  CHECK(lines == 24);
  CHECK(list.sections.size() == 5);
  CHECK(list.exit_code() == 0);
  CHECK(list.statistics.size() == 4);
  CHECK(list.comparisons.size() == 4);
}

TEST_CASE("of nothing, nothing passes", "[validate]") {
  const Checklist list = judge(Evidence{});
  CHECK(list.passed == 0);
  CHECK(list.failed == 0);
  CHECK(list.not_checked == 24);
  CHECK(list.exit_code() == 2);
}

TEST_CASE("V1: W&B", "[validate]") {
  check({
      {"nobody configured it", "V1", kNot, "no project is configured",
       [](Evidence& e) { e.overview.sources.clear(); }},
      {"it has not spoken", "V1", kNot, "has not answered", [](Evidence& e) { wandb(e).reachable.reset(); }},
      {"it cannot be reached", "V1", kFail, "401 Unauthorized",
       [](Evidence& e) { wandb(e).reachable = false, wandb(e).trouble = "401 Unauthorized"; }},
      {"it was last read an hour ago", "V1", kNot, "last read 1 h",
       [](Evidence& e) { wandb(e).last_success = e.overview.now - std::chrono::hours{1}; }},
      {"nobody knows when it was read", "V1", kNot, "no successful answer",
       [](Evidence& e) { wandb(e).last_success = {}; }},
      {"its data is old", "V1", kFail, "30 minutes behind", [](Evidence& e) { wandb(e).lag_seconds = 1800; }},
      {"its lag is not a number", "V1", kFail, "nobody knows how far",
       [](Evidence& e) { wandb(e).lag_seconds = kNan; }},
      {"it lists no run", "V1", kNot, "lists no run", [](Evidence& e) { wandb(e).runs = 0; }},
      {"an alert says it is stale", "V1", kFail, "wandb-stale",
       [](Evidence& e) { fire(e, "wandb-stale", ""); }},
  });
}

TEST_CASE("V2: loss curves", "[validate]") {
  check({
      {"a run has no train_loss", "V2", kNot, "train_loss was never logged",
       [](Evidence& e) { drop_curve(e, kRun, "train_loss"); }},
      {"a run has no eval_loss", "V2", kNot, "eval_loss was never logged",
       [](Evidence& e) { drop_curve(e, kRun, "eval_loss"); }},
      {"there are too few points", "V2", kNot, "5 points of train_loss, 20 needed",
       [](Evidence& e) {
         curve_of(e, kRun, "train_loss").points.resize(5);
         curve_of(e, kRun, "train_loss").points_total = 5;
       }},
      {"the curve stops early", "V2", kNot, "only up to step 200 of 1000",
       [](Evidence& e) {
         run_named(e, kRun).step = 1000;
         curve_of(e, kRun, "train_loss").points.resize(20);
       }},
      {"the curves of a run were not given", "V2", kNot, "no curve of it could be read",
       [](Evidence& e) {
         std::erase_if(e.runs, [](const RunEvidence& r) { return r.key == run_key(kRun); });
       }},
      {"a run still trains", "V2", kNot, "running, not over yet",
       [](Evidence& e) { run_named(e, kRun).info.state = RunState::running; }},
      {"a task has no run", "V2", kNot, "RTE: no run is known",
       [](Evidence& e) {
         std::erase_if(e.overview.runs, [](const RunView& r) { return r.info.task == "rte"; });
       }},
      {"the loss is NaN", "V2", kFail, "train_loss is not a number at step 150",
       [](Evidence& e) { curve_of(e, kRun, "train_loss").points[14].value = kNan; }},
      {"the eval loss is infinite", "V2", kFail, "eval_loss is not a number at step 300",
       [](Evidence& e) { curve_of(e, kRun, "eval_loss").points.back().value = -1.0 / 0.0; }},
      {"the loss ends above 5", "V2", kFail, "train_loss ends above 5",
       [](Evidence& e) {
         set_values(curve_of(e, kRun, "train_loss"), [](double at) { return 8 - 2 * at; });
       }},
      {"the loss ends above 2", "V2", kFail, "train_loss ends above 2",
       [](Evidence& e) { set_values(curve_of(e, kRun, "train_loss"), [](double at) { return 4 - at; }); }},
      {"the loss has not fallen", "V2", kFail, "has not fallen",
       [](Evidence& e) { set_values(curve_of(e, kRun, "train_loss"), [](double) { return 0.69; }); }},
      {"a rule fires", "V2", kFail, "loss-unstable",
       [](Evidence& e) { fire(e, "loss-unstable", kRun, Severity::warning); }},
      {"a rule was still firing when the run ended", "V2", kFail, "still so when the run ended",
       [](Evidence& e) { end_alert(e, "overfitting", kRun, "closed"); }},
      {"nobody knows whether an ended flag mended itself", "V2", kFail, "overfitting",
       [](Evidence& e) { end_alert(e, "overfitting", kRun, "ended"); }},
      {"a flag has mended itself", "V2", kPass, "",
       [](Evidence& e) { end_alert(e, "overfitting", kRun, "resolved"); }},
      {"a note of a spike is no flag", "V2", kPass, "",
       [](Evidence& e) { fire(e, "loss-spike", kRun, Severity::info); }},
      {"an acknowledged alert is still one", "V2", kFail, "(acknowledged)",
       [](Evidence& e) { fire(e, "loss-nan", kRun).acknowledged = true; }},
  });
}

TEST_CASE("V3: scores are there", "[validate]") {
  check({
      {"a run ended without one", "V3", kNot, "ended without eval_accuracy",
       [](Evidence& e) { run_named(e, kRun).score.reset(); }},
      {"it is another metric", "V3", kNot, "eval_f1",
       [](Evidence& e) { run_named(e, "full_ft_squad_v2_seed42").score->metric = "eval_accuracy"; }},
      {"it is NaN", "V3", kFail, "eval_accuracy is not a number",
       [](Evidence& e) {
         run_named(e, kRun).score.reset();
         run_named(e, kRun).latest = {{"eval_accuracy", kNan, 300}};
       }},
      {"it is no share of 1", "V3", kFail, "no score",
       [](Evidence& e) { run_named(e, kRun).score->value = -0.3; }},
      {"a run still trains", "V3", kNot, "not over yet",
       [](Evidence& e) { run_named(e, kRun).info.state = RunState::running; }},
  });
}

TEST_CASE("V4: learning rate", "[validate]") {
  const auto rate = [](const std::function<double(double)>& value) {
    return [value](Evidence& e) { set_values(curve_of(e, kRun, "learning_rate"), value); };
  };
  check({
      {"it was never logged", "V4", kNot, "never logged",
       [](Evidence& e) { drop_curve(e, kRun, "learning_rate"); }},
      {"it is 0 throughout", "V4", kFail, "0 throughout", rate([](double) { return 0.0; })},
      {"it is 0 from the middle on", "V4", kFail, "is 0 from step",
       rate([](double at) { return at < 0.1 ? 2e-4 * at : std::max(0.0, 2e-5 * (1 - 2 * at)); })},
      {"it is stuck in the midst of its fall", "V4", kFail, "is stuck at",
       rate([](double at) { return at < 0.1 ? 2e-4 * at : 2e-5 * (1 - std::min(at, 0.5)); })},
      {"it rises again", "V4", kFail, "rises again", rate([](double at) {
         return at > 0.7 ? 1.5e-5 : at < 0.1 ? 2e-4 * at : 2e-5 * (1 - at);
       })},
      {"it is negative", "V4", kFail, "the learning rate is -",
       rate([](double at) { return 1e-5 * (0.9 - at); })},
      {"it is NaN", "V4", kFail, "NaN", rate([](double at) { return at > 0.5 ? kNan : 1e-5; })},
      {"it never moves although it should", "V4", kFail, "although the schedule is linear",
       [&](Evidence& e) {
         rate([](double) { return 2e-5; })(e);
         run_named(e, kRun).info.config.erase("warmup_steps");
       }},
      {"it is constant and meant so", "V4", kPass, "",
       [&](Evidence& e) {
         rate([](double) { return 2e-5; })(e);
         run_named(e, kRun).info.config = {{"lr_scheduler_type", "constant"}};
       }},
      {"it is constant and nobody says what was meant", "V4", kNot, "names no schedule",
       [&](Evidence& e) {
         rate([](double) { return 2e-5; })(e);
         run_named(e, kRun).info.config = nlohmann::json::object();
       }},
      {"it falls in stairs", "V4", kPass, "",
       [&](Evidence& e) {
         rate([](double at) { return at < 0.4 ? 2e-5 : at < 0.8 ? 1e-5 : 5e-6; })(e);
         run_named(e, kRun).info.config = {{"lr_scheduler_type", "step"}};
       }},
      {"there is no warm-up although one was wanted", "V4", kFail, "no warm-up",
       rate([](double at) { return 2e-5 * (1 - at); })},
      {"the warm-up never ends", "V4", kFail, "the warm-up lasts to step 300",
       rate([](double at) { return 2e-5 * at; })},
      {"the run ended in mid-schedule", "V4", kFail, "in the midst of its linear schedule",
       rate([](double at) { return at < 0.1 ? 2e-4 * at : 2e-5 * (1.1 - 0.3 * at); })},
      {"a restart was meant", "V4", kPass, "",
       [&](Evidence& e) {
         rate([](double at) { return 2e-5 * (1 - std::fmod(2 * at, 1.0)); })(e);
         run_named(e, kRun).info.config = {{"lr_scheduler_type", "SchedulerType.COSINE_WITH_RESTARTS"}};
       }},
      {"a rule fires", "V4", kFail, "learning-rate-frozen",
       [](Evidence& e) { fire(e, "learning-rate-frozen", kRun, Severity::warning); }},
  });
}

TEST_CASE("V5: gradients", "[validate]") {
  const auto norm = [](const std::function<double(double)>& value) {
    return [value](Evidence& e) { set_values(curve_of(e, kRun, "gradient_norm_total"), value); };
  };
  check({
      {"they were never logged", "V5", kNot, "never logged",
       [](Evidence& e) { drop_curve(e, kRun, "gradient_norm_total"); }},
      {"they end far too high", "V5", kFail, "limit 100", norm([](double) { return 400.0; })},
      {"they have vanished", "V5", kFail, "nothing is learnt", norm([](double) { return 1e-10; })},
      {"they end in NaN", "V5", kFail, "not numbers", norm([](double at) { return at > 0.5 ? kNan : 1.0; })},
      {"one NaN is the loss scaler's", "V5", kPass, "",
       norm([](double at) { return at < 0.05 ? kNan : 1.0; })},
      {"a rule fires", "V5", kFail, "gradient-explosion",
       [](Evidence& e) { fire(e, "gradient-explosion", kRun); }},
  });
}

TEST_CASE("V6 to V9: scores in their ranges", "[validate]") {
  const auto score = [](const char* run, double value) {
    return [=](Evidence& e) { run_named(e, run).score->value = value; };
  };
  check({
      {"MRPC is below", "V6", kFail, "0.840, expected not below 0.850", score("full_ft_mrpc_seed42", 0.84)},
      {"MRPC is just below", "V6", kFail, "0.84999", score("full_ft_mrpc_seed42", 0.84999)},
      {"MRPC is exactly at the minimum", "V6", kPass, "", score("full_ft_mrpc_seed42", 0.85)},
      {"SST-2 is far below", "V7", kFail, "critical below 0.800", score("full_ft_sst2_seed42", 0.51)},
      {"RTE is above its range", "V8", kPass, "above the range", score("full_ft_rte_seed42", 0.80)},
      {"SQuAD collapsed", "V9", kFail, "0.500", score("full_ft_squad_v2_seed42", 0.50)},
      {"a run has no score", "V9", kNot, "without a score",
       [](Evidence& e) { run_named(e, "full_ft_squad_v2_seed42").score.reset(); }},
      {"a run crashed with a good score", "V8", kNot, "not its final word; the run crashed at step 300",
       [](Evidence& e) { run_named(e, "full_ft_rte_seed42").info.state = RunState::crashed; }},
      {"a run crashed with a bad score", "V8", kFail, "the run crashed",
       [](Evidence& e) {
         run_named(e, "full_ft_rte_seed42").info.state = RunState::crashed;
         run_named(e, "full_ft_rte_seed42").score->value = 0.4;
       }},
      {"there is no run", "V7", kNot, "no fine-tuned run",
       [](Evidence& e) {
         std::erase_if(e.overview.runs,
                       [](const RunView& r) { return r.info.task == "sst2" && r.info.seed; });
       }},
      {"there is no range", "V6", kNot, "no expected range", [](Evidence& e) { e.overview.tasks.clear(); }},
      {"LoRA is below the range", "V6", kFail, "lora_mrpc",
       [](Evidence& e) {
         RunView run = run_named(e, "full_ft_mrpc_seed42");
         run.info.key = run_key("lora_mrpc"), run.info.name = "lora_mrpc", run.info.method = "lora";
         run.score->value = 0.7;
         e.overview.runs.push_back(run);
       }},
      {"a baseline is no failure", "V6", kPass, "", score("base_mrpc", 0.3)},
  });
}

TEST_CASE("V10: seeds", "[validate]") {
  check({
      {"a task has two seeds", "V10", kNot, "RTE (full_finetune): too few seeds to say: 2 of 3 needed",
       [](Evidence& e) {
         std::erase_if(e.overview.runs, [](const RunView& r) { return r.info.name == "full_ft_rte_seed42"; });
       }},
      {"one task may be luck", "V10", kFail, "this may be luck",
       [](Evidence& e) {
         run_named(e, "full_ft_rte_seed42").score->value = 0.60;
         run_named(e, "full_ft_rte_seed1337").score->value = 0.75;
       }},
      {"one task is clearly below", "V10", kFail, "unlikely to be bad luck",
       [](Evidence& e) {
         for (const char* run : {"full_ft_rte_seed42", "full_ft_rte_seed1337", "full_ft_rte_seed2024"})
           run_named(e, run).score->value -= 0.2;
       }},
      {"all seeds give the same", "V10", kNot, "is the seed really used?",
       [](Evidence& e) {
         for (const char* run : {"full_ft_rte_seed42", "full_ft_rte_seed1337", "full_ft_rte_seed2024"})
           run_named(e, run).score->value = 0.7;
       }},
      {"two runs have no seed and are one", "V10", kNot, "2 of 3 needed",
       [](Evidence& e) {
         run_named(e, "full_ft_rte_seed42").info.seed.reset();
         run_named(e, "full_ft_rte_seed1337").info.seed.reset();
       }},
      {"a task has no run at all", "V10", kNot, "RTE: no run is known",
       [](Evidence& e) {
         std::erase_if(e.overview.runs, [](const RunView& r) { return r.info.task == "rte"; });
       }},
  });
}

TEST_CASE("V11: a step every 100", "[validate]") {
  auto at = [](Evidence& e) -> SeriesView& {
    return series_in(results(e).representations, "representations/full_finetune_rte");
  };
  check({
      {"a step is missing", "V11", kFail, "1 step missing: 200",
       [=](Evidence& e) { at(e).missing = {200}, at(e).missing_count = 1, at(e).regular = false; }},
      {"a step is missing and nobody said so", "V11", kFail, "nothing between steps 100 and 300",
       [=](Evidence& e) {
         at(e).cells.erase(at(e).cells.begin() + 1);
         drop_facts(e, kStep);
       }},
      {"it is irregular", "V11", kFail, "not evenly spaced", [=](Evidence& e) { at(e).regular = false; }},
      {"training went on", "V11", kFail, "ends at step 300, the training went on to 700",
       [](Evidence& e) {
         for (const char* run : {"full_ft_rte_seed42", "full_ft_rte_seed1337", "full_ft_rte_seed2024"})
           run_named(e, run).step = 700;
       }},
      {"the last interval is shorter", "V11", kPass, "",
       [](Evidence& e) {
         for (const char* run : {"full_ft_rte_seed42", "full_ft_rte_seed1337", "full_ft_rte_seed2024"})
           run_named(e, run).step = 345;
         for (RunEvidence& each : e.runs) each.curves.clear();
       }},
      {"no run tells where it ends", "V11", kNot, "no finished run",
       [](Evidence& e) {
         std::erase_if(e.overview.runs, [](const RunView& r) { return r.info.task == "rte"; });
       }},
      {"the tree is not read yet", "V11", kNot, "not been read whole",
       [](Evidence& e) { results(e).listed = false; }},
      {"the tree is gone", "V11", kFail, "is not there", [](Evidence& e) { results(e).present = false; }},
      {"the tree is seen with limits", "V11", kNot, "inotify limit",
       [](Evidence& e) { results(e).degraded = "inotify limit reached"; }},
      {"none is configured", "V11", kNot, "no results directory",
       [](Evidence& e) { e.overview.results.clear(); }},
      {"a step is overdue", "V11", kFail, "is overdue",
       [](Evidence& e) { set_fact(e, "representations/full_finetune_rte", "overdue", true); }},
      {"a task has none", "V11", kNot, "RTE: no representations",
       [](Evidence& e) {
         std::erase_if(
             e.facts, [](const SubjectFacts& f) { return f.subject.key.find("_rte/") != std::string::npos; });
         std::erase_if(results(e).representations, [](const SeriesView& s) { return s.task == "rte"; });
       }},
  });
}

TEST_CASE("V12 to V15: what is in representations", "[validate]") {
  check({
      {"a file is empty", "V12", kFail, "empty: 0 bytes",
       [](Evidence& e) {
         set_fact(e, kStep + "/layer_1.pt", "verdict", std::string("empty"));
         set_fact(e, kStep + "/layer_1.pt", "detail", std::string("0 bytes"));
       }},
      {"a file is tiny", "V12", kFail, "tiny",
       [](Evidence& e) { set_fact(e, kStep + "/layer_1.pt", "verdict", std::string("tiny")); }},
      {"a layer has NaN", "V12", kFail, "3 NaN",
       [](Evidence& e) {
         set_fact(e, kStep, "nan", std::string("critical"));
         set_fact(e, kStep, "nan_detail", std::string("3 NaN in layer_1"));
       }},
      {"a step equals another", "V12", kFail, "identical",
       [](Evidence& e) { set_fact(e, kStep, "identical", std::string("critical")); }},
      {"all samples are the same", "V12", kFail, "collapsed",
       [](Evidence& e) { set_fact(e, kStep, "collapsed", std::string("warning")); }},
      {"nobody looked inside", "V12", kNot, "212 files wait",
       [](Evidence& e) { e.contents_checked = false, e.contents_reason = "212 files wait"; }},
      {"one step was not looked into", "V12", kNot, "has not been looked into (zero)",
       [](Evidence& e) { drop_fact(e, kStep, "zero"); }},
      {"a file is still being written", "V12", kNot, "being written",
       [](Evidence& e) { set_fact(e, kStep + "/layer_1.pt", "verdict", std::string("in_progress")); }},
      {"nothing is known of a layer", "V12", kNot, "2 of 3 layers are known",
       [](Evidence& e) { drop_facts(e, kStep + "/layer_1.pt"); }},
      {"a file does not load", "V13", kFail, "bad pickle",
       [](Evidence& e) {
         set_fact(e, kStep + "/layer_1.pt", "content", std::string("damaged"));
         set_fact(e, kStep + "/layer_1.pt", "content_detail", std::string("bad pickle"));
       }},
      {"a pickle runs code", "V13", kFail, "os.system",
       [](Evidence& e) {
         set_fact(e, kStep + "/layer_1.pt", "hostile", std::string("critical"));
         set_fact(e, kStep + "/layer_1.pt", "hostile_detail", std::string("asks for os.system"));
       }},
      {"a layer is missing", "V13", kFail, "1 of 24",
       [](Evidence& e) {
         set_fact(e, kStep, "verdict", std::string("missing"));
         set_fact(e, kStep, "detail", std::string("1 of 24 layers missing"));
       }},
      {"a shape differs", "V13", kFail, "mismatch",
       [](Evidence& e) { set_fact(e, kStep, "mismatch", std::string("critical")); }},
      {"it was not read", "V13", kNot, "nobody has looked inside",
       [](Evidence& e) { e.contents_checked = false; }},
      {"one step was not read", "V13", kNot, "not been looked into (mismatch)",
       [](Evidence& e) { drop_fact(e, kStep, "mismatch"); }},
      {"the base model's are missing", "V14", kFail, "RTE: the base model's representations are missing",
       [](Evidence& e) {
         std::erase_if(e.facts, [](const SubjectFacts& f) {
           return f.subject.key.find("base_pretrained_rte") != std::string::npos;
         });
         std::erase_if(results(e).representations,
                       [](const SeriesView& s) { return s.task == "rte" && s.method == "base_pretrained"; });
       }},
      {"the base model's are damaged", "V14", kFail, "truncated",
       [](Evidence& e) {
         set_fact(e, "representations/base_pretrained_rte/step_0/layer_0.pt", "verdict",
                  std::string("truncated"));
       }},
      {"the tree is not read", "V14", kNot, "not been read whole",
       [](Evidence& e) { results(e).listed = false; }},
      {"metadata is missing", "V15", kFail, "metadata.json is missing",
       [](Evidence& e) {
         drop_facts(e, kStep + "/metadata.json");
         set_fact(e, kStep, "verdict", std::string("missing"));
         set_fact(e, kStep, "detail", std::string("metadata.json is missing"));
       }},
      {"metadata is invalid", "V15", kFail, "step is 300",
       [](Evidence& e) {
         set_fact(e, kStep + "/metadata.json", "verdict", std::string("damaged"));
         set_fact(e, kStep + "/metadata.json", "detail", std::string("step is 300, the directory says 200"));
       }},
      {"nothing is known of it", "V15", kNot, "nothing is known of its metadata.json",
       [](Evidence& e) { drop_facts(e, kStep + "/metadata.json"); }},
      {"files were not read", "V15", kNot, "nobody has looked inside",
       [](Evidence& e) { e.contents_checked = false; }},
  });
}

TEST_CASE("V16 to V19: checkpoints", "[validate]") {
  const auto set = [](const std::string& path, const char* name, const char* value) {
    return [=](Evidence& e) { set_fact(e, path, name, std::string(value)); };
  };
  auto at = [](Evidence& e) -> SeriesView& {
    return series_in(results(e).checkpoints, "full_ft_mrpc_seed42");
  };
  check({
      {"a weight is NaN", "V16", kFail, "nan", set(kCheckpoint, "nan", "critical")},
      {"weights are cut off", "V16", kFail, "truncated",
       set(kCheckpoint + "/model.safetensors", "verdict", "truncated")},
      {"tensors do not fit config.json", "V16", kFail, "mismatch", set(kFinal, "mismatch", "warning")},
      {"two are the same", "V16", kFail, "identical", set(kCheckpoint, "identical", "critical")},
      {"the tokenizer is missing", "V16", kFail, "lacks tokenizer_config.json",
       set(kFinal, "lacking", "tokenizer_config.json")},
      {"a file does not load", "V16", kFail, "does not load",
       set(kCheckpoint + "/model.safetensors", "content", "refused")},
      {"nobody looked inside", "V16", kNot, "nobody has looked",
       [](Evidence& e) { e.contents_checked = false; }},
      {"one was not looked into", "V16", kNot, "(zero)",
       [](Evidence& e) { drop_fact(e, kCheckpoint, "zero"); }},
      {"a run has none", "V16", kNot, "full_ft_mrpc_seed42: no checkpoint of this run",
       [](Evidence& e) {
         std::erase_if(e.facts, [](const SubjectFacts& f) {
           return f.subject.key.find("full_ft_mrpc_seed42") != std::string::npos;
         });
         std::erase_if(results(e).checkpoints,
                       [](const SeriesView& s) { return s.dir == kRoot + "/full_ft_mrpc_seed42"; });
         results(e).summary.checkpoints -= 3;
       }},
      {"there is none", "V16", kNot, "checkpoints: none is known",
       [](Evidence& e) {
         std::erase_if(e.facts,
                       [](const SubjectFacts& f) { return f.subject.kind == SubjectKind::checkpoint; });
         results(e).checkpoints.clear();
         results(e).summary.checkpoints = 0;
       }},
      {"outputs are NaN", "V17", kFail, "NaN logits",
       [=](Evidence& e) {
         set(kFinal, "output", "critical")(e);
         set(kFinal, "output_detail", "NaN logits")(e);
       }},
      {"outputs are bad", "V17", kFail, "its outputs are bad", set(kFinal, "forward", "bad")},
      {"one could not be run", "V17", kNot, "no forward pass: a tensor is missing",
       [=](Evidence& e) {
         set(kFinal, "forward", "not_checked")(e);
         set(kFinal, "forward_detail", "a tensor is missing")(e);
       }},
      {"nobody ran them", "V17", kNot, "redflag-forward is not installed",
       [](Evidence& e) { e.forward_checked = false, e.forward_reason = "redflag-forward is not installed"; }},
      {"one lacks its optimizer", "V18", kFail, "lacks optimizer.pt",
       set(kCheckpoint, "lacking", "optimizer.pt")},
      {"states disagree", "V18", kFail, "resume", set(kCheckpoint, "resume", "critical")},
      {"there is no checkpoint-N", "V18", kNot, "no checkpoint-N",
       [](Evidence& e) {
         std::erase_if(e.facts, [](const SubjectFacts& f) {
           return f.subject.key.find("/checkpoint-") != std::string::npos;
         });
         for (SeriesView& each : results(e).checkpoints) each.cells.resize(1);
         results(e).summary.checkpoints = 12;
       }},
      {"its state was not looked into", "V18", kNot, "(resume)",
       [](Evidence& e) { drop_fact(e, kCheckpoint, "resume"); }},
      {"one is off the interval", "V19", kFail, "off the interval of 150",
       [=](Evidence& e) { at(e).cells[1].step = 140; }},
      {"they are irregular", "V19", kFail, "not evenly spaced", [=](Evidence& e) { at(e).regular = false; }},
      {"rotation has left one, and the interval is known", "V19", kPass, "",
       [=](Evidence& e) {
         at(e).cells.erase(at(e).cells.begin() + 1);
         drop_facts(e, kCheckpoint);
         drop_facts(e, kCheckpoint + "/model.safetensors");
         results(e).summary.checkpoints -= 1;
       }},
      {"rotation has left one, and nobody knows the interval", "V19", kNot, "shows no interval",
       [=](Evidence& e) {
         at(e).cells.erase(at(e).cells.begin() + 1);
         run_named(e, "full_ft_mrpc_seed42").info.config.erase("save_steps");
       }},
      {"the newest is stale", "V19", kFail, "newest checkpoint is of step 300, the run is at 900",
       [=](Evidence& e) {
         at(e).cells.erase(at(e).cells.begin());
         run_named(e, "full_ft_mrpc_seed42").step = 900;
       }},
      {"the disk is nearly full", "V19", kFail, "the next checkpoint needs",
       [](Evidence& e) { results(e).disk_free_bytes = 1000; }},
      {"nobody knows how full the disk is", "V19", kNot, "not known",
       [](Evidence& e) { results(e).disk_total_bytes = 0; }},
      {"one is overdue", "V19", kFail, "overdue",
       [](Evidence& e) { set_fact(e, kCheckpoint, "overdue", true); }},
  });
}

TEST_CASE("V20 to V24: red flags", "[validate]") {
  check({
      {"the loss diverged", "V20", kFail, "loss-diverged",
       [](Evidence& e) { fire(e, "loss-diverged", kRun); }},
      {"it had when the run ended", "V20", kFail, "gradient-growing",
       [](Evidence& e) { end_alert(e, "gradient-growing", kRun, "closed"); }},
      {"a rule of the user's own fires on a run", "V20", kFail, "a rule of your own",
       [](Evidence& e) { fire(e, "my-rule", kRun); }},
      {"a metric was never logged", "V20", kNot, "gradient_norm_total was never logged",
       [](Evidence& e) { drop_curve(e, kRun, "gradient_norm_total"); }},
      {"W&B has not spoken", "V20", kNot, "has not answered",
       [](Evidence& e) { wandb(e).reachable.reset(); }},
      {"a score is low", "V21", kFail, "score-low",
       [](Evidence& e) { fire(e, "score-low", kRun, Severity::warning); }},
      {"a score is low and no alert says so", "V21", kFail, "below 0.90",
       [](Evidence& e) { run_named(e, kRun).score->value = 0.85; }},
      {"a score is missing", "V21", kNot, "without a score",
       [](Evidence& e) { run_named(e, kRun).score.reset(); }},
      {"a file is damaged", "V22", kFail, "representation-damaged",
       [](Evidence& e) { fire(e, "representation-damaged", ""); }},
      {"a file is damaged and no alert says so", "V22", kFail, "damaged",
       [](Evidence& e) { set_fact(e, kStep + "/layer_0.pt", "verdict", std::string("damaged")); }},
      {"nobody looked inside", "V22", kNot, "nobody has looked",
       [](Evidence& e) { e.contents_checked = false; }},
      {"no forward passes were made", "V22", kNot, "forward", [](Evidence& e) { e.forward_checked = false; }},
      {"memory was never logged", "V23", kNot, "no GPU memory",
       [](Evidence& e) { drop_curve(e, kRun, "gpu_memory_mb"); }},
      {"no log was read", "V23", kNot, "none has been read", [](Evidence& e) { drop_facts(e, "train.log"); }},
      {"only the script's own alert is known of a log", "V23", kNot, "none has been read",
       [](Evidence& e) { set_fact(e, "train.log", "read", false); }},
      {"a log tells of it", "V23", kFail, "cuda_out_of_memory",
       [](Evidence& e) { set_fact(e, "train.log", "error", std::string("cuda_out_of_memory")); }},
      {"a rule fires", "V23", kFail, "rss-leak",
       [](Evidence& e) { fire(e, "rss-leak", kRun, Severity::warning); }},
      {"the card is nearly full", "V23", kFail, "22000",
       [](Evidence& e) { set_values(curve_of(e, kRun, "gpu_memory_mb"), [](double) { return 23500.0; }); }},
      {"a run crashed", "V24", kFail, "crashed at step 300",
       [](Evidence& e) { run_named(e, kRun).info.state = RunState::crashed; }},
      {"a baseline's evaluation failed", "V24", kFail, "base_rte: failed",
       [](Evidence& e) { run_named(e, "base_rte").info.state = RunState::failed; }},
      {"the disk fills", "V24", kFail, "85 % full",
       [](Evidence& e) { results(e).disk_free_bytes = 150'000'000'000; }},
      {"a rule of the user's own fires", "V24", kFail, "a rule of your own",
       [](Evidence& e) { fire(e, "my-host-rule", ""); }},
      {"the disk's alert fires", "V24", kFail, "disk-filling",
       [](Evidence& e) { fire(e, "disk-filling", ""); }},
      {"nobody knows the disk", "V24", kNot, "not known",
       [](Evidence& e) { results(e).disk_total_bytes = 0; }},
      {"W&B cannot be reached", "V24", kFail, "cannot be reached",
       [](Evidence& e) { wandb(e).reachable = false; }},
  });
}

TEST_CASE("V22: a forward pass that was bad is not called one that was never made", "[validate]") {
  Evidence evidence = healthy_evidence();
  set_fact(evidence, kFinal, "forward", std::string("bad"));
  CHECK_THAT(all_words(*judge(evidence).line("V22")), ContainsSubstring("its outputs are bad"));
  set_fact(evidence, kFinal, "output", std::string("critical"));
  const Checklist list = judge(evidence);
  const Line& line = *list.line("V22");
  CHECK(line.verdict == kFail);
  CHECK_THAT(all_words(line), !ContainsSubstring("no forward pass"));
  set_fact(evidence, kFinal, "forward", std::string("not_checked"));
  CHECK_THAT(all_words(*judge(evidence).line("V22")), ContainsSubstring("no forward pass was made"));
}

TEST_CASE("of several runs with one task, method and seed the newest that finished counts", "[validate]") {
  Evidence evidence = healthy_evidence();
  RunView old = run_named(evidence, kRun);
  old.info.key = run_key("old"), old.info.name = "old";
  old.info.created_at -= std::chrono::hours{10};
  old.score->value = 0.2;
  old.info.state = RunState::crashed;
  evidence.overview.runs.push_back(old);
  fire(evidence, "run-failed", "old");
  end_alert(evidence, "loss-diverged", "old", "closed");
  CHECK(judge(evidence).exit_code() == 0);

  SECTION("an older one that finished counts no more either") {
    evidence.overview.runs.back().info.state = RunState::finished;
    CHECK(judge(evidence).exit_code() == 0);
  }
  SECTION("a newer one that crashed does not count, and is not history") {
    evidence.overview.runs.back().info.created_at += std::chrono::hours{20};
    const Checklist list = judge(evidence);
    CHECK(list.line("V7")->verdict == kPass);
    CHECK(list.line("V24")->verdict == kFail);
  }
  SECTION("a newer one that finished counts instead") {
    evidence.overview.runs.back().info.created_at += std::chrono::hours{20};
    evidence.overview.runs.back().info.state = RunState::finished;
    CHECK(judge(evidence).line("V7")->verdict == kFail);
  }
}

TEST_CASE("--task looks at some tasks and passes nothing for the others", "[validate]") {
  Evidence evidence = healthy_evidence();
  std::erase_if(evidence.overview.runs, [](const RunView& run) { return run.info.task == "rte"; });
  ChecklistOptions options;
  options.tasks = {"sst2"};
  const Checklist list = judge(evidence, options);
  CHECK(list.line("V7")->verdict == kPass);
  CHECK(list.line("V6")->verdict == kNot);
  CHECK(list.line("V6")->summary == "MRPC: left out by --task");
  CHECK(list.line("V2")->verdict == kNot);
  CHECK(list.exit_code() == 2);
  run_named(evidence, kRun).score->value = 0.1;
  CHECK(judge(evidence, options).exit_code() == 1);
}

TEST_CASE("every rule that ships speaks to a line", "[validate]") {
  std::size_t rules = 0;
  for (const char* pack : {"generic", "step3"}) {
    std::ifstream file(std::string(REDFLAG_SOURCE_DIR) + "/rules/packs/" + pack + ".yaml");
    REQUIRE(file.good());
    for (std::string line; std::getline(file, line);) {
      const std::string start = "  - rule: ";
      if (!line.starts_with(start)) continue;
      ++rules;
      INFO(line);
      CHECK(group_of(line.substr(start.size())) != RuleGroup::unknown);
    }
  }
  CHECK(rules > 60);
}
