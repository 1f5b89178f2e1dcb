#include "daemon/cli/replay.h"

#include <sstream>

#include <nlohmann/json.hpp>

#include "tests/cli/support.h"

using namespace redflag;
using namespace redflag::daemon;
using redflag::test::Answer;
using redflag::test::TempDir;

namespace {

/// A directory with a run whose loss is too high from step 30 to 40, and rules that see it.
struct Desk {
  TempDir dir;
  Desk() {
    dir.write("rules.yaml", test::kTestRules);
    std::string rows = "step,train_loss,eval_loss\n";
    for (int step = 10; step <= 60; step += 10)
      rows += std::to_string(step) + (step == 30 || step == 40 ? ",7.5," : ",1.5,") +
              (step == 50 ? "3.5\n" : "\n");
    dir.write("run.csv", rows);
  }

  Answer replay(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--packs", "", "--rules", dir / "rules.yaml"});
    return test::answer_of([&] { return replay_command(words); });
  }
};

}  // namespace

TEST_CASE("a recorded log is replayed: what fired, where, and how often", "[replay]") {
  const Desk desk;
  const Answer answer = desk.replay({desk.dir / "run.csv"});
  CHECK(answer.code == 0);
  CHECK_THAT(answer.out, ContainsSubstring("run.csv: csv, 6 rows"));
  CHECK_THAT(answer.out, ContainsSubstring("CRITICAL  run.csv  loss-too-high"));
  CHECK_THAT(answer.out, ContainsSubstring("step 30"));
  CHECK_THAT(
      answer.out,
      ContainsSubstring("1 file(s) replayed, 0 could not be read; fired: 1 critical, 1 warning, 1 info"));
  CHECK_THAT(answer.out, !ContainsSubstring("└"));  // no curve: nobody watches
}

TEST_CASE("--from hides what came before, yet says what was still firing then", "[replay]") {
  const Desk desk;
  const Answer answer = desk.replay({"--from", "40", desk.dir / "run.csv"});
  CHECK_THAT(answer.out, !ContainsSubstring("CRITICAL  run.csv"));
  CHECK_THAT(answer.out,
             ContainsSubstring("before step 40: loss-too-high had been firing since step 30 (critical)"));
  CHECK_THAT(answer.out, ContainsSubstring("RESOLVED"));
  CHECK_THAT(answer.out, ContainsSubstring("fired: 0 critical, 1 warning, 0 info"));
}

TEST_CASE("--to stops the run there: nothing later is known, nor that it ended", "[replay]") {
  const Desk desk;
  desk.dir.write("trainer_state.json", R"({"global_step": 20, "max_steps": 20, "log_history": [
      {"step": 10, "loss": 9.0}, {"step": 20, "loss": 9.0}]})");
  CHECK_THAT(desk.replay({desk.dir / "trainer_state.json"}).out, ContainsSubstring("the run ended"));
  CHECK_THAT(desk.replay({"--to", "10", desk.dir / "trainer_state.json"}).out,
             !ContainsSubstring("the run ended"));
  const Answer cut = desk.replay({"--to=40", desk.dir / "run.csv"});
  CHECK_THAT(cut.out, ContainsSubstring("fired: 1 critical, 0 warning, 1 info"));
  CHECK_THAT(cut.out, !ContainsSubstring("RESOLVED"));
}

TEST_CASE("a log without steps says that --from and --to leave nothing out", "[replay]") {
  const Desk desk;
  desk.dir.write("x.csv", "epoch,train_loss\n1,9\n");
  const Answer answer = desk.replay({"--from", "40", "--curve", desk.dir / "x.csv"});
  CHECK_THAT(answer.out, ContainsSubstring("--from and --to leave nothing out"));
  CHECK_THAT(answer.out, ContainsSubstring("CRITICAL"));
  CHECK_THAT(answer.out, ContainsSubstring("over row numbers"));
}

TEST_CASE("--curve draws the metric with a sign where a rule fired", "[replay]") {
  const Desk desk;
  const Answer loss = desk.replay({"--curve", desk.dir / "run.csv"});
  CHECK_THAT(loss.out, ContainsSubstring("train_loss  6 points"));
  CHECK_THAT(loss.out, ContainsSubstring("! step 30 loss-too-high critical"));
  const Answer eval = desk.replay({"--metric", "val_loss", desk.dir / "run.csv"});
  CHECK_THAT(eval.out, ContainsSubstring("eval_loss  1 point"));
  const Answer part = desk.replay({"--curve", "--from", "40", "--to", "60", desk.dir / "run.csv"});
  CHECK_THAT(part.out, ContainsSubstring("train_loss  3 points"));
  CHECK_THAT(part.out, !ContainsSubstring("! step 30"));
}

TEST_CASE("a metric that is not in the log is answered with those that are", "[replay]") {
  const Desk desk;
  const Answer answer = desk.replay({"--metric", "train_los", desk.dir / "run.csv"});
  CHECK(answer.code == 1);
  CHECK_THAT(answer.err, ContainsSubstring("did you mean \"train_loss\"?"));
  CHECK_THAT(answer.err, ContainsSubstring("eval_loss, train_loss"));
}

TEST_CASE("a log without rows has no curve, which is no mistake unless a metric was named", "[replay]") {
  const Desk desk;
  desk.dir.write("x.json", R"({"log_history": []})");
  const Answer answer = desk.replay({"--curve", desk.dir / "x.json"});
  CHECK(answer.code == 0);
  CHECK(answer.err.empty());
  CHECK_THAT(answer.out, ContainsSubstring("nothing to judge"));
  CHECK(desk.replay({"--metric", "loss", desk.dir / "x.json"}).code == 1);
}

TEST_CASE("without a train loss the curve is of what the first alert is about", "[replay]") {
  const Desk desk;
  desk.dir.write("x.csv", "step,other,eval_loss,grad_norm\n1,1,1,nan\n2,1,1,2\n");
  CHECK_THAT(desk.replay({"--curve", desk.dir / "x.csv"}).out,
             ContainsSubstring("gradient_norm_total  2 points"));
}

TEST_CASE("a directory means the logs in it, in the order of their names", "[replay]") {
  const Desk desk;
  desk.dir.write("logs/b.jsonl", "{\"step\": 1, \"loss\": 1}\n");
  desk.dir.write("logs/a.csv", "step,loss\n1,1\n");
  desk.dir.write("logs/c.json", R"({"log_history": []})");
  desk.dir.write("logs/notes.txt", "no log");
  desk.dir.write("logs/deeper/d.csv", "step,loss\n1,1\n");
  desk.dir.write("empty/notes.txt", "no log");
  const Answer answer = desk.replay({desk.dir / "logs"});
  CHECK(answer.code == 0);
  CHECK_THAT(answer.out, ContainsSubstring("3 file(s) replayed"));
  CHECK(answer.out.find("a.csv") < answer.out.find("b.jsonl"));
  CHECK(answer.out.find("b.jsonl") < answer.out.find("c.json:"));
  const Answer none = desk.replay({desk.dir / "empty"});
  CHECK(none.code == 1);
  CHECK_THAT(none.err, ContainsSubstring("no .json, .jsonl, .csv or .wandb file"));
}

TEST_CASE("what cannot be read is told and does not stop the rest", "[replay]") {
  const Desk desk;
  desk.dir.write("bad\033[2J.json", "{\"a\033b\": 1}");
  const Answer answer =
      desk.replay({desk.dir / "bad\033[2J.json", desk.dir / "absent.json", desk.dir / "run.csv"});
  CHECK(answer.code == 1);
  CHECK_THAT(answer.err, ContainsSubstring("No such file"));
  CHECK_THAT(answer.out, ContainsSubstring("1 file(s) replayed, 2 could not be read"));
  CHECK((answer.out + answer.err).find('\033') == std::string::npos);
}

TEST_CASE("--json prints one object a line and nothing else", "[replay]") {
  const Desk desk;
  const Answer answer = desk.replay({"--json", "--from", "30", "--to", "35", desk.dir / "run.csv"});
  std::istringstream in(answer.out);
  std::vector<std::string> rules;
  for (std::string line; std::getline(in, line);) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    REQUIRE(object.is_object());
    rules.push_back(object.at("rule"));
  }
  CHECK(rules == std::vector<std::string>{"loss-too-high", "told-aside"});
}

TEST_CASE("a trainer_state.json's plan is told to the rules, of what is set", "[replay]") {
  const TempDir dir;
  dir.write("rules.yaml", R"(rules:
  - {rule: planned, severity: warning, when: count(train_loss) >= 0.05 * config.max_steps and config.logging_steps == 10}
  - {rule: unset, severity: critical, when: config.num_train_epochs < 100}
)");
  dir.write("trainer_state.json",
            R"({"global_step": 20, "max_steps": 40, "num_train_epochs": 0, "logging_steps": 10,
      "log_history": [{"step": 10, "loss": 1.0}, {"step": 20, "loss": 1.0}]})");
  const Answer answer = test::answer_of([&] {
    return replay_command({"--packs", "", "--rules", dir / "rules.yaml", dir / "trainer_state.json"});
  });
  CHECK_THAT(answer.out, ContainsSubstring("at step 20"));
  CHECK_THAT(answer.out, ContainsSubstring("fired: 0 critical, 1 warning"));
}

TEST_CASE("wrong usage of replay is exit code 2 and says what is wrong", "[replay]") {
  const auto wrong = [](std::vector<std::string> words) {
    const Answer answer = test::answer_of([&] { return replay_command(words); });
    CHECK(answer.code == 2);
    CHECK(answer.out.empty());
    return answer.err;
  };
  CHECK_THAT(wrong({}), ContainsSubstring("name at least one log file"));
  CHECK_THAT(wrong({"--json", "--curve", "x"}), ContainsSubstring("--json prints no curve"));
  CHECK_THAT(wrong({"--no-curve", "--metric", "loss", "x"}), ContainsSubstring("contradicts"));
  CHECK_THAT(wrong({"--from", "20", "--to", "10", "x"}), ContainsSubstring("no step is between 20 and 10"));
  CHECK_THAT(wrong({"--from", "soon", "x"}), ContainsSubstring("\"soon\" is not a number"));
  CHECK_THAT(wrong({"--onsets", "o.tsv", "x"}), ContainsSubstring("--onsets belongs to --labels"));
  CHECK_THAT(wrong({"--labels", "l.tsv", "x", "y"}), ContainsSubstring("one directory"));
  CHECK_THAT(wrong({"--labels", "l.tsv", "--from", "1", "x"}),
             ContainsSubstring("--from does not go with --labels"));
  CHECK_THAT(wrong({"--labels", "l.tsv", "/dev/null"}), ContainsSubstring("no directory"));
}
