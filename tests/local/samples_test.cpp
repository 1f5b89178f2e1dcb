// The samples beside the repository, read as a whole: what is expected of each was found out with other means
// (a decoder of a page of Python, and eyes). Without the samples there is nothing to test.
#include <cmath>

#include "daemon/local/console.h"
#include "daemon/local/local_rows.h"
#include "daemon/local/tfevents.h"
#include "daemon/local/trainer_json.h"
#include "daemon/local/wandb_file.h"
#include "daemon/runs/attempt_tracker.h"
#include "tests/local/reading.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

/// A .wandb file with the console text in it read, too.
struct RunFile {
  Heard heard;
  Heard console;
  LastWords words;

  explicit RunFile(const std::string& bytes) {
    ConsoleReader log(console.sink());
    WandbFileReader reader([&](LocalEvent& event) {
      if (const auto* text = std::get_if<ConsoleText>(&event.what))
        log.feed(text->text, text->time, text->is_stderr);
      heard.events.push_back(event);
    });
    reader.feed(bytes);
    reader.finish();
    log.finish();
    const auto exits = heard.all<Exit>();
    words = log.last_words(exits.empty() ? std::nullopt : std::optional<int>(exits.back().code));
    CHECK(reader.unreadable() == 0);
  }

  RunIdentity run() const {
    const auto runs = heard.all<RunIdentity>();
    return runs.empty() ? RunIdentity{} : runs.front();
  }
  std::string exit() const {
    const auto exits = heard.all<Exit>();
    return exits.empty() ? "none" : std::to_string(exits.front().code);
  }
  std::string cause() const { return words.cause ? words.cause->detail : "none"; }
};

#define SAMPLE_OR_RETURN(variable, name)               \
  const std::filesystem::path variable = sample(name); \
  if (variable.empty()) return

struct Observed {
  std::size_t rows = 0;
  std::size_t summaries = 0;
  std::int64_t last_step = -1;
  std::uint32_t attempts = 1;
};

Observed observe(const std::vector<Row>& rows) {
  static const MetricNames names;
  const RowBuilder builder(names);
  AttemptTracker tracker;
  Observed seen;
  for (const Row& row : rows) {
    auto built = build_row(builder, row, {{SubjectKind::run, "r"}, "r", "sample"});
    if (!built) continue;
    tracker.place(*built);
    ++(built->observation.kind == ObservationKind::summary ? seen.summaries : seen.rows);
    if (built->observation.kind == ObservationKind::row) seen.last_step = built->observation.step;
  }
  seen.attempts = tracker.attempt();
  return seen;
}

}  // namespace

TEST_CASE("sample run files of both SDK generations", "[local][samples]") {
  SAMPLE_OR_RETURN(wandb, "wandb");
  struct Expected {
    const char* path;
    const char* id;
    std::size_t rows;
    std::int64_t last_seq;
    const char* exit;
    std::size_t console_rows;
    bool torn;
  };
  const Expected kFiles[] = {
      {"v0.16.6/offline-run-20261123_024736-small001/run-small001.wandb", "small001", 6, 10, "0", 0, false},
      {"v0.18.7/offline-run-20261123_025156-small001/run-small001.wandb", "small001", 6, 10, "0", 0, false},
      {"v0.16.6/offline-run-20261123_024910-killed01/run-killed01.wandb", "killed01", 989, 988, "none", 10,
       true},
      {"v0.18.7/offline-run-20261123_025234-killed01/run-killed01.wandb", "killed01", 948, 947, "none", 10,
       true},
      {"public/wandb-bin__GulbeycanCagri__IS-584-Term-Project__004.wandb", "gltomj2f", 106, 105, "1", 1,
       false},
      {"public/wandb-bin__Kang346__25SpringDL_Projects__001.wandb", "p2fwbjvk", 0, -1, "none", 0, true},
      {"public/wandb-bin__Kang346__25SpringDL_Projects__003.wandb", "cm98hqhf", 0, -1, "1", 0, false},
      {"public/wandb-bin__befawzy__Decision-transformers__004.wandb", "pu6xmo09", 0, -1, "none", 0, true},
  };
  for (const Expected& expected : kFiles) {
    INFO(expected.path);
    const RunFile file(file_bytes(wandb / expected.path));
    CHECK(file.run().id == expected.id);
    const auto rows = file.heard.all<Row>();
    CHECK(rows.size() == expected.rows);
    CHECK((rows.empty() ? -1 : rows.back().seq) == expected.last_seq);
    CHECK(file.exit() == expected.exit);
    CHECK(file.console.all<Row>().size() == expected.console_rows);
    CHECK(file.heard.all<Trouble>().size() == (expected.torn ? 1 : 0));
  }
}

TEST_CASE("what the small sample runs hold is all there", "[local][samples]") {
  SAMPLE_OR_RETURN(wandb, "wandb");
  for (const char* path : {"v0.16.6/offline-run-20261123_024736-small001/run-small001.wandb",
                           "v0.18.7/offline-run-20261123_025156-small001/run-small001.wandb"}) {
    INFO(path);
    const RunFile file(file_bytes(wandb / path));
    CHECK(file.run().entity == "ent");
    CHECK(file.run().project == "samples");
    CHECK(file.run().name == "small-nan");
    CHECK(file.heard.all<ConfigChange>().at(0).values.dump() ==
          R"({"lr":0.0003,"model":{"dim":64,"layers":2},"note":"hello"})");
    REQUIRE(file.heard.all<UserAlert>().size() == 1);
    CHECK(file.heard.all<UserAlert>()[0].title == "High Loss");
    std::size_t nan = 0;
    LoggedRow all;
    for (const Row& row : file.heard.all<Row>())
      for (std::size_t i = 0; i < row.values.size(); ++i) {
        if (!row.values.is_number(i)) continue;
        nan += std::isnan(row.values.number(i)) ? 1 : 0;
        all.add(row.values.name(i), row.values.number(i));
      }
    CHECK(nan == 1);
    CHECK(all.number_of("inf") == HUGE_VAL);
    CHECK(all.number_of("neg_inf") == -HUGE_VAL);
    CHECK(all.number_of("nested.b.c") == 2.5);
    CHECK(all.number_of("only_at_10") == 1.0);
    CHECK_FALSE(all.find("hist.values"));
    std::string text;
    for (const ConsoleText& piece : file.heard.all<ConsoleText>()) text += piece.text;
    CHECK(text == "stdout line one\nstderr line\ndone\n");
  }
}

TEST_CASE("the public run files tell what their runs died of", "[local][samples]") {
  SAMPLE_OR_RETURN(wandb, "wandb/public");
  const RunFile died(file_bytes(wandb / "wandb-bin__Kang346__25SpringDL_Projects__003.wandb"));
  CHECK(died.cause() == "NameError: name 'teacher_softmax_loader' is not defined");
  CHECK(died.words.cause->where == "train.py:99 in train_model");
  const RunFile cut(file_bytes(wandb / "wandb-bin__Kang346__25SpringDL_Projects__001.wandb"));
  CHECK(cut.cause() == "none");
  REQUIRE_FALSE(cut.console.all<Progress>().empty());
  CHECK(cut.console.all<Progress>().back().done == 89);
  CHECK(cut.console.all<Progress>().back().total == 391);
  const RunFile failed(file_bytes(wandb / "wandb-bin__GulbeycanCagri__IS-584-Term-Project__004.wandb"));
  CHECK(failed.cause() == "none");  // it exits with 1 and does not say why
  CHECK(observe(failed.heard.all<Row>()).last_step == 10360);
  CHECK(failed.heard.all<SystemRow>().size() == 228);
}

TEST_CASE("the edge cases of blocks", "[local][samples]") {
  SAMPLE_OR_RETURN(edge, "wandb/edge");
  for (const char* name : {"left0", "left6", "left7", "left8"}) {
    INFO(name);
    const RunFile file(file_bytes(edge / (std::string(name) + ".wandb")));
    CHECK(file.heard.all<Trouble>().empty());
    CHECK(file.heard.all<Row>().size() == 4);
  }
}

TEST_CASE("sample event files", "[local][samples]") {
  SAMPLE_OR_RETURN(files, "tfevents");
  struct Expected {
    const char* name;
    std::size_t train_losses;
    std::size_t eval_losses;
    std::size_t summaries;
    std::int64_t last_step;
    std::uint64_t scalars;
  };
  const Expected kFiles[] = {
      {"tfevents__AguLeon__LoRA_RoBERTa_AGNews__001.tfevents", 12, 12, 1, 1200, 126},
      {"tfevents__RTiberiu__CM4107-Advanced-Artificial-Intelligence-CW__005.tfevents", 6, 4, 1, 3128, 50},
      {"tfevents__advaithbalram__Jurisight__003.tfevents", 527, 3, 1, 5274, 2129},
      {"tfevents__si-rui126__text-gen-app__001.tfevents", 31, 0, 1, 3189, 130},
  };
  for (const Expected& expected : kFiles) {
    INFO(expected.name);
    Heard heard;
    TfeventsReader reader(heard.sink());
    reader.feed(file_bytes(files / expected.name));
    reader.finish();
    std::size_t train = 0;
    std::size_t eval = 0;
    for (const Row& row : heard.all<Row>()) {
      train += row.values.find("train/loss") ? 1 : 0;
      eval += row.values.find("eval/loss") ? 1 : 0;
      CHECK_FALSE((row.values.find("eval/loss") && row.values.find("train/train_runtime")));
    }
    CHECK(train == expected.train_losses);
    CHECK(eval == expected.eval_losses);
    CHECK(reader.scalars() == expected.scalars);
    CHECK(heard.all<Row>().back().step == expected.last_step);
    CHECK(observe(heard.all<Row>()).summaries == expected.summaries);
    CHECK(heard.all<Trouble>().empty());
    CHECK_FALSE(heard.all<ConfigChange>().empty());
  }
  Heard pointer;
  TfeventsReader reader(pointer.sink());
  reader.feed(file_bytes(files / "tfevents__P4P4N1CK__whisper-large-v2-japanese-5k-steps__001.tfevents"));
  CHECK(reader.stopped());
}

TEST_CASE("sample console logs: rows, and what each run died of", "[local][samples]") {
  SAMPLE_OR_RETURN(logs, "logs");
  struct Expected {
    const char* name;
    std::size_t rows;
    std::int64_t last_step;
    const char* cause;
    const char* where;
  };
  const Expected kLogs[] = {
      {"output_1.log", 0, -1,
       "FileNotFoundError: [Errno 2] No such file or directory: 'teacher_softmax_outputs.npy'",
       "train.py:68 in train_model"},
      {"output_2.log", 100, 19550, "none", ""},
      {"output_3.log", 0, -1, "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x1920 and 480x10)",
       "model.py:166 in forward"},
      {"output_4.log", 0, -1,
       "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 "
       "and cpu!",
       "train.py:107 in train_model"},
      {"output_5.log", 0, -1, "none", ""},
      {"output_6.log", 51, 250, "none", ""},
      {"output_7.log", 0, -1, "'Parent appears to have exited, shutting down.'",
       ""},  // the OSError was only logged
      {"output_8.log", 0, -1, "wandb: Ctrl + C detected. Stopping sweep.", ""},
  };
  for (const Expected& expected : kLogs) {
    INFO(expected.name);
    Heard heard;
    ConsoleReader reader(heard.sink());
    reader.feed(file_bytes(logs / expected.name));
    reader.finish();
    const LastWords words = reader.last_words();
    const auto rows = heard.all<Row>();
    CHECK(rows.size() == expected.rows);
    CHECK((rows.empty() ? -1 : rows.back().step) == expected.last_step);
    CHECK((words.cause ? words.cause->detail : "none") == expected.cause);
    CHECK((words.cause ? words.cause->where : "") == expected.where);
    CHECK(observe(rows).attempts == 1);
  }
}

TEST_CASE("sample trainer_log.jsonl and trainer_state.json", "[local][samples]") {
  SAMPLE_OR_RETURN(logs, "logs");
  for (const auto& [name, rows, last] :
       {std::tuple{"trainer_log_1.jsonl", 34, 336}, std::tuple{"trainer_log_2.jsonl", 49, 240}}) {
    INFO(name);
    Heard heard;
    JsonLinesReader reader(heard.sink());
    reader.feed(file_bytes(logs / name));
    reader.finish();
    CHECK(heard.all<Row>().size() == static_cast<std::size_t>(rows));
    CHECK(observe(heard.all<Row>()).last_step == last);
    CHECK(reader.unreadable() == 0);
  }
  SAMPLE_OR_RETURN(runs, "runs");
  std::size_t files = 0;
  std::istringstream labels(file_bytes(runs / "labels.tsv"));
  for (std::string line; std::getline(labels, line);) {
    std::istringstream fields(line);
    std::string name;
    std::string rows;
    std::getline(fields, name, '\t');
    std::getline(fields, rows, '\t');
    if (!name.ends_with(".json")) continue;
    INFO(line);
    ++files;
    Heard heard;
    TrainerStateReader reader(heard.sink());
    const auto outcome = reader.read(file_bytes(runs / name));
    if (name == "130.json" || name == "131.json") {  // another program's state, a git-LFS pointer
      CHECK(outcome == TrainerStateReader::Outcome::not_this);
      continue;
    }
    CHECK(outcome == TrainerStateReader::Outcome::read);
    CHECK(heard.all<Row>().size() == static_cast<std::size_t>(std::stoi(rows)));
  }
  CHECK(files == 52);
}

}  // namespace redflag::daemon::local
