// Rows, steps and progress from whole logs.
#include "daemon/local/console.h"

#include <algorithm>
#include <cmath>

#include "daemon/local/local_rows.h"
#include "daemon/runs/attempt_tracker.h"
#include "tests/local/reading.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

Heard read(const std::string& log) {
  Heard heard;
  ConsoleReader reader(heard.sink());
  reader.feed(log);
  reader.finish();
  return heard;
}

/// "step:loss …" of the rows that carry it.
std::string losses(const std::string& log, const char* name = "loss") {
  std::string text;
  for (const Row& row : read(log).all<Row>())
    if (const auto loss = row.values.number_of(name))
      text += (text.empty() ? "" : " ") + std::to_string(row.step) + ":" + fmt::format("{}", *loss);
  return text;
}

std::string bar(int done, int total, const std::string& label = "", const std::string& postfix = "") {
  return fmt::format("\r{}{}%|##   | {}/{} [00:10<01:30,  4.50it/s{}]", label, done * 100 / total, done,
                     total, postfix);
}

}  // namespace

TEST_CASE("HF's rows take their step from the Trainer's bar", "[local][console]") {
  std::string log = "Map: 100%|##########| 900/900 [00:01<00:00, 800.00 examples/s]\n";
  log += bar(0, 30) + bar(9, 30) + bar(10, 30) + "\r                  \r{'loss': 0.5, 'epoch': 1.0}\n" +
         bar(10, 30);
  // an evaluation with a bar of its own
  log += "\n" + bar(1, 7) + bar(7, 7) + "\r    \r{'eval_loss': 0.4, 'epoch': 1.0}\n" + bar(11, 30) +
         bar(20, 30) + "\n{'loss': nan, 'grad_norm': 3.0, 'epoch': 2.0}\n" + bar(30, 30) +
         "\n{'train_runtime': 9.5, 'train_loss': 0.45}\n";
  log += bar(3, 7) + bar(7, 7) + "\n{'eval_loss': 0.3, 'epoch': 3.0}\n";
  CHECK(losses(log) == "10:0.5 20:nan");
  CHECK(losses(log, "eval_loss") == "10:0.4 30:0.3");
  CHECK(read(log).all<Row>()[0].step_from == StepFrom::progress_bar);
}

TEST_CASE("a second training in the same log starts its steps anew", "[local][console]") {
  std::string log;
  for (int fold = 0; fold < 2; ++fold)
    for (int step = 10; step <= 30; step += 10)
      log += bar(step, 30) + fmt::format("\n{{'loss': 0.{}, 'epoch': {}.0}}\n", fold + 1, step / 10);
  CHECK(losses(log) == "10:0.1 20:0.1 30:0.1 10:0.2 20:0.2 30:0.2");
  log += bar(40, 80) + "\n{'loss': 0.9, 'epoch': 1.0}\n";  // another length
  CHECK(losses(log).ends_with("40:0.9"));
}

TEST_CASE("a bar that every epoch has anew counts on", "[local][console]") {
  std::string log;
  for (int epoch = 0; epoch < 3; ++epoch) {
    log += bar(0, 100) + bar(50, 100, "", ", loss=0.5") + bar(100, 100, "", ", loss=0.25") + "\n";
  }
  CHECK(losses(log) == "50:0.5 100:0.25 150:0.5 200:0.25 250:0.5 300:0.25");
}

TEST_CASE("Lightning's bar names its epoch from 0", "[local][console]") {
  std::string log = "Sanity Checking DataLoader 0: 100%|##| 2/2 [00:00<00:00, 9.00it/s]\n";
  for (int epoch = 0; epoch < 2; ++epoch)
    log += bar(50, 100, fmt::format("Epoch {}:  ", epoch), ", v_num=3, train_loss=0.500") +
           bar(100, 100, fmt::format("Epoch {}: ", epoch), ", v_num=3, train_loss=0.250") + "\n";
  CHECK(losses(log, "train_loss") == "50:0.5 100:0.25 150:0.5 200:0.25");
}

TEST_CASE("Keras: validation comes with the last form of an epoch's bar", "[local][console]") {
  std::string log;
  for (int epoch = 1; epoch <= 2; ++epoch) {
    log += fmt::format("Epoch {}/2\n", epoch);
    log += " 1/10 [==>...........................] - ETA: 5s - loss: 0.9000";
    log += "\b\b\b\b\b\b\b\b\r10/10 [==============================] - ETA: 0s - loss: 0.5000";
    log += "\r10/10 [==============================] - 1s 5ms/step - loss: 0.5000 - val_loss: 0.6000\n";
  }
  CHECK(losses(log) == "1:0.9 10:0.5 11:0.9 20:0.5");
  CHECK(losses(log, "val_loss") == "10:0.6 20:0.6");
}

TEST_CASE("lines that name their epoch, beside a bar of each epoch", "[local][console]") {
  std::string log;
  for (int epoch = 1; epoch <= 3; ++epoch)
    log += bar(391, 391) +
           fmt::format("\nEpoch [{}/50], Loss: 0.5, Accuracy: 80.00%\nTest Accuracy: 75.00%\n", epoch);
  CHECK(losses(log) == "391:0.5 782:0.5 1173:0.5");
  CHECK(losses(log, "test_accuracy") == "391:0.75 782:0.75 1173:0.75");
  CHECK(losses("Epoch [1/50], Loss: 0.5\nEpoch [2/50], Loss: 0.25\n") == "-1:0.5 -1:0.25");
  // a bar over the epochs themselves is none of each epoch
  CHECK(losses(bar(1, 50) + "\nEpoch [1/50], Loss: 0.5\n" + bar(2, 50) + "\nEpoch [2/50], Loss: 0.25\n")
            .find("52") == std::string::npos);
}

TEST_CASE("steps that a script counts anew in each epoch", "[local][console]") {
  CHECK(losses("Epoch [1][50/100] loss: 3\nEpoch [1][100/100] loss: 2\nEpoch [2][50/100] loss: 1\n") ==
        "50:3 100:2 150:1");
  CHECK(losses("epoch 1 step 50 loss 3\nepoch 1 step 100 loss 2\nepoch 2 step 150 loss 1\n") ==
        "50:3 100:2 150:1");
}

TEST_CASE("a bar is told once for each place, and what is drawn but not ended when the log is silent",
          "[local][console]") {
  Heard heard;
  ConsoleReader reader(heard.sink());
  reader.feed(bar(1, 30) + bar(1, 30) + bar(2, 30));
  CHECK(heard.all<Progress>().size() == 1);
  reader.flush();
  reader.flush();
  CHECK(heard.all<Progress>().size() == 2);
  reader.feed(bar(3, 30) + "\n");
  CHECK(heard.all<Progress>().size() == 3);
}

TEST_CASE("stdout and stderr are put into lines apart", "[local][console]") {
  Heard heard;
  ConsoleReader reader(heard.sink());
  reader.feed("{'loss': 0.5,", Time{}, false);
  reader.feed("\r 10%|#   | 3/30 [00:10<01:30,  4.50it/s]\r", Time{}, true);
  reader.feed(" 'epoch': 1.0}\n", Time{}, false);
  reader.finish();
  REQUIRE(heard.all<Row>().size() == 1);
  CHECK(heard.all<Row>()[0].step == 3);
}

TEST_CASE("rows become observations with the step that was found", "[local][console]") {
  const MetricNames names;
  const RowBuilder builder(names);
  AttemptTracker tracker;
  std::vector<BuiltRow> built;
  for (const Row& row :
       read(bar(10, 30) + "\n{'loss': nan, 'epoch': 1.0}\n" + bar(20, 30) + "\n{'loss': 2.5}\n").all<Row>()) {
    built.push_back(*build_row(builder, row, {{SubjectKind::run, "r"}, "r", "console"}));
    tracker.place(built.back());
  }
  REQUIRE(built.size() == 2);
  CHECK(built[0].observation.step == 10);
  const auto& samples = built[0].observation.samples;
  CHECK(std::any_of(samples.begin(), samples.end(),
                    [](const Sample& one) { return one.metric == "train_loss" && std::isnan(one.value); }));
  CHECK(built[1].observation.step == 20);
  CHECK(built[1].observation.attempt == 1);
}

TEST_CASE("binary, endless and empty lines do no harm", "[local][console]") {
  std::string log(3 << 20, 'x');
  log += "\n" + std::string(100000, '\0') + "\n\xff\xfe\xfd{'loss': \x80}\n\n\n\r\r\r\b\b\n{'loss': 1.0}\n";
  const Heard heard = read(log);
  REQUIRE(heard.all<Row>().size() == 1);
  std::string endless;
  for (int i = 0; i < 100000; ++i) endless += bar(i % 1000, 1000);
  Heard bars;
  ConsoleReader reader(bars.sink());
  reader.feed(endless);
  CHECK(reader.cursor() > endless.size() - 100);  // no line end for megabytes, and nothing is kept of it
}

TEST_CASE("the cursor waits for what is not told in whole", "[local][console]") {
  Heard heard;
  ConsoleReader reader(heard.sink());
  reader.feed("hello\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n");
  CHECK(reader.cursor() == 6);
  reader.feed("ValueError: x\nhalf a li");
  CHECK(reader.cursor() == reader.next_offset() - 9);
}

TEST_CASE("after a restart a log goes on in its steps, its line numbers and its last error",
          "[local][console]") {
  std::string log;
  for (int epoch = 0; epoch < 3; ++epoch)
    for (int step = 25; step <= 100; step += 25) log += bar(step, 100, "", ", loss=0.5") + "\n";
  log +=
      "CUDA out of memory\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: "
      "x\nbye\n";
  const Heard whole = read(log);
  for (std::size_t cut = 0; cut < log.size(); cut += 7) {
    INFO(cut);
    Heard heard;
    ConsoleReader first(heard.sink());
    first.feed(std::string_view(log).substr(0, cut));
    ConsoleReader second(heard.sink());
    REQUIRE(second.restore(first.cursor(), first.serialize()));
    second.feed(std::string_view(log).substr(first.cursor()));
    second.finish();
    CHECK(heard.texts() == whole.texts());
    REQUIRE(second.last_words().cause);
    CHECK(second.last_words().cause->kind == "cuda_out_of_memory");
  }
  ConsoleReader reader([](LocalEvent&) {});
  for (const char* nonsense : {"", "{}", "7", "{\"lines\": 3}", "[]"})
    CHECK_FALSE(reader.restore(0, nonsense));
}

}  // namespace redflag::daemon::local
