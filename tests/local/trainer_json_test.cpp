#include "daemon/local/trainer_json.h"

#include <cmath>

#include "tests/local/reading.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

using Outcome = TrainerStateReader::Outcome;

std::string state(int rows, double loss = 1.0) {
  std::string history;
  for (int i = 1; i <= rows; ++i)
    history += fmt::format("{}{{\"loss\": {}, \"step\": {}}}", i > 1 ? ",\n" : "", loss, i * 10);
  return fmt::format(
      "{{\"best_metric\": 0.5, \"epoch\": 1.0, \"global_step\": {}, \"log_history\": [{}], "
      "\"max_steps\": 50, \"trial_params\": null, \"stateful_callbacks\": {{\"a\": {{\"b\": [1]}}}}}}",
      rows * 10, history);
}

}  // namespace

TEST_CASE("of a trainer_state.json that is written anew only the new rows are told", "[local][trainer]") {
  Heard heard;
  TrainerStateReader reader(heard.sink());
  CHECK(reader.read(state(2)) == Outcome::read);
  CHECK(heard.texts() == std::vector<std::string>{"row 0 step -1 (row) {\"loss\":1.0,\"step\":10.0}",
                                                  "row 1 step -1 (row) {\"loss\":1.0,\"step\":20.0}"});
  CHECK(reader.read(state(2)) == Outcome::read);
  CHECK(heard.events.size() == 2);
  CHECK(reader.read(state(5)) == Outcome::read);
  CHECK(heard.events.size() == 5);
  CHECK(reader.state().step("max_steps") == 50);
  CHECK(reader.state().head.number_of("best_metric") == 0.5);
  CHECK(reader.state().finished());
  CHECK(reader.state().plan().dump() == R"({"max_steps":50.0})");
}

TEST_CASE("an older checkpoint's state is no news; another history is told from where it differs",
          "[local][trainer]") {
  Heard heard;
  TrainerStateReader reader(heard.sink());
  reader.read(state(5));
  reader.read(state(3));
  CHECK(heard.events.size() == 5);
  // resumed from row 3, with other losses since
  std::string resumed = state(5);
  const auto at = resumed.find("\"loss\": 1, \"step\": 40");
  REQUIRE(at != std::string::npos);
  resumed.replace(at, 9, "\"loss\": 7");
  reader.read(resumed);
  REQUIRE(heard.events.size() == 8);
  CHECK(heard.texts()[5] == "trouble rewritten: the history differs from row 4 on");
  CHECK(heard.texts()[6] == "row 3 step -1 (row) {\"loss\":7.0,\"step\":40.0}");
}

TEST_CASE("after a restart the reader goes on where it was", "[local][trainer]") {
  Heard before;
  TrainerStateReader first(before.sink());
  first.read(state(3));
  for (const auto& [rows, loss, events] :
       {std::tuple{5, 1.0, 2}, std::tuple{3, 1.0, 0}, std::tuple{5, 2.0, 6}}) {
    Heard heard;
    TrainerStateReader second(heard.sink());
    REQUIRE(second.restore(first.serialize()));
    CHECK(second.serialize() == first.serialize());
    second.read(state(rows, loss));
    CHECK(heard.events.size() == static_cast<std::size_t>(events));
  }
  TrainerStateReader third([](LocalEvent&) {});
  CHECK_FALSE(third.restore("nonsense"));
  CHECK_FALSE(third.restore("3"));
  CHECK_FALSE(third.restore(""));
}

TEST_CASE("half a file is not yet, and another software's file is not this", "[local][trainer]") {
  Heard heard;
  TrainerStateReader reader(heard.sink());
  const std::string whole = state(4);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    INFO(whole.substr(0, cut));
    CHECK(reader.read(whole.substr(0, cut)) == Outcome::not_yet);
  }
  CHECK(heard.events.empty());
  CHECK(reader.read("version https://git-lfs.github.com/spec/v1\n") == Outcome::not_this);
  CHECK(reader.reason() == "a git-LFS pointer stands in its place (run: git lfs pull)");
  CHECK(reader.read(R"({"balance": 7, "positions": []})") == Outcome::not_this);
  CHECK(reader.reason() == "there is no log_history; its keys are balance");
  CHECK(reader.read("[1, 2]") == Outcome::not_this);
  CHECK(reader.read("{\"log_history\": [}") == Outcome::not_this);
  CHECK(reader.read(std::string("\x00\x01\x02", 3)) == Outcome::not_this);
}

TEST_CASE("NaN, overflow, duplicate keys and odd rows", "[local][trainer]") {
  Heard heard;
  TrainerStateReader reader(heard.sink());
  CHECK(reader.read(
            R"({"log_history": [{"loss": NaN, "step": 1}, {"loss": 1e309, "step": 2}, {"loss": 1, "loss": 2},
                        7, null, ["x"], {}, {"eval_loss": -Infinity}]})") == Outcome::read);
  CHECK(heard.texts() == std::vector<std::string>{"row 0 step -1 (row) {\"loss\":\"NaN\",\"step\":1.0}",
                                                  "row 1 step -1 (row) {\"loss\":\"Infinity\",\"step\":2.0}",
                                                  "row 2 step -1 (row) {\"loss\":2.0}",
                                                  "row 3 step -1 (row) {}",
                                                  "row 4 step -1 (row) {\"eval_loss\":\"-Infinity\"}"});
}

TEST_CASE("JSON lines are told as they are appended", "[local][trainer]") {
  const std::string file =
      "{\"current_steps\": 5, \"total_steps\": 240, \"loss\": 2.5, \"lr\": 0.0005, \"elapsed_time\": "
      "\"0:00:25\"}\r\n"
      "\n{\"current_steps\": 10, \"loss\": NaN}\n{\"current_steps\": 15, \"los";
  Heard heard;
  JsonLinesReader reader(heard.sink());
  reader.feed(file);
  CHECK(
      heard.texts() ==
      std::vector<std::string>{
          R"(row 0 step -1 (row) {"current_steps":5.0,"elapsed_time":"0:00:25","loss":2.5,"lr":0.0005,"total_steps":240.0})",
          R"(row 2 step -1 (row) {"current_steps":10.0,"loss":"NaN"})"});
  reader.finish();
  CHECK(heard.events.size() == 2);
  const std::uint64_t cursor = reader.cursor();
  reader.feed("s\": 1}");
  CHECK(heard.events.size() == 2);
  reader.finish();  // whole, though without a line end
  CHECK(heard.events.size() == 3);
  Heard rest;
  JsonLinesReader resumed(rest.sink(), cursor, 3);
  resumed.feed(file.substr(cursor) + "s\": 1}\n");
  CHECK(rest.texts() == std::vector<std::string>{R"(row 3 step -1 (row) {"current_steps":15.0,"loss":1.0})"});
}

TEST_CASE("a line of 100 MB is passed over without being kept", "[local][trainer]") {
  Heard heard;
  JsonLinesReader reader(heard.sink());
  reader.feed("{\"loss\": 1}\n{\"x\": \"");
  const std::string piece(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 100; ++i) reader.feed(piece);
  reader.feed("\"}\n{\"loss\": 2}\n");
  CHECK(heard.texts() == std::vector<std::string>{"row 0 step -1 (row) {\"loss\":1.0}",
                                                  "trouble too large: a line of more than 1 MB was skipped",
                                                  "row 2 step -1 (row) {\"loss\":2.0}"});
}

TEST_CASE("a file of other lines is given up, one damaged line is not", "[local][trainer]") {
  Heard heard;
  JsonLinesReader reader(heard.sink());
  reader.feed("{\"loss\": 1}\nWARNING: disk\n{\"loss\": 2}\n");
  CHECK(heard.all<Row>().size() == 2);
  CHECK(reader.unreadable() == 1);
  Heard other;
  JsonLinesReader prose(other.sink());
  for (int i = 0; i < 500; ++i) prose.feed("a line of prose\n");
  CHECK(prose.stopped());
  CHECK(other.all<Trouble>().back().kind == Trouble::Kind::not_this);
}

}  // namespace redflag::daemon::local
