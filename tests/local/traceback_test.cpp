// What a run died of, from logs as real programs write them.
#include "daemon/local/console.h"
#include "tests/local/reading.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

struct Reading {
  Heard heard;
  LastWords words;
  std::vector<LogMatch> matches() const { return heard.all<LogMatch>(); }
};

Reading read(const std::string& log, std::optional<int> exit_code = std::nullopt) {
  Reading reading;
  ConsoleReader reader(reading.heard.sink());
  reader.feed(log);
  reader.finish();
  reading.words = reader.last_words(exit_code);
  return reading;
}

std::string cause(const std::string& log, std::optional<int> exit_code = std::nullopt) {
  const LastWords words = read(log, exit_code).words;
  return words.cause ? words.cause->kind + " | " + words.cause->detail : "none";
}

std::string traceback(const std::string& exception) {
  return "Traceback (most recent call last):\n"
         "  File \"/home/u/train.py\", line 42, in main\n"
         "    trainer.train()\n"
         "  File \"/opt/env/lib/python3.11/site-packages/transformers/trainer.py\", line 1885, in train\n"
         "    return inner_training_loop(\n"
         "           ^^^^^^^^^^^^^^^^^^^^\n" +
         exception + "\n";
}

std::string bar(int done) {
  return "\r 10%|#         | " + std::to_string(done) + "/500 [00:10<01:30,  4.50it/s]";
}

const std::string kOom =
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of "
    "23.69 GiB";

}  // namespace

TEST_CASE("the exception at the end of the log is what the run died of", "[local][console]") {
  const Reading reading = read("loading\n" + bar(49) + "\n" + traceback("ValueError: too many dimensions"));
  REQUIRE(reading.words.cause);
  CHECK(reading.words.cause->kind == "exception");
  CHECK(reading.words.cause->exception == "ValueError");
  CHECK(reading.words.cause->detail == "ValueError: too many dimensions");
  CHECK(reading.words.cause->where == "train.py:42 in main");
  CHECK(reading.words.cause->severity == LogSeverity::critical);
  CHECK_FALSE(reading.words.went_on);
  CHECK(reading.matches().size() == 1);
}

TEST_CASE("an exception that was only logged is told and is no cause, for training went on",
          "[local][console]") {
  const std::string log = bar(10) + "\nERROR:root:upload failed\n" + traceback("ConnectionError: no route") +
                          bar(11) + bar(12) + "\n{'loss': 0.5, 'epoch': 0.1}\n";
  const Reading reading = read(log);
  CHECK_FALSE(reading.words.cause);
  REQUIRE(reading.words.last_error);
  CHECK(reading.words.last_error->exception == "ConnectionError");
  CHECK(reading.words.went_on);
  CHECK(cause(log + traceback("KeyError: 'labels'")) == "exception | KeyError: 'labels'");
}

TEST_CASE("a process that ended well died of nothing, whatever its log says", "[local][console]") {
  CHECK(cause(traceback("ValueError: caught"), 0) == "none");
  CHECK(cause(traceback("ValueError: caught"), 1) == "exception | ValueError: caught");
}

TEST_CASE("a bar that is drawn once more on the way out is no sign of life", "[local][console]") {
  const std::string log = bar(49) + "\n" + traceback(kOom) + bar(50) + "\n";
  CHECK(read(log).words.cause->kind == "cuda_out_of_memory");
}

TEST_CASE("logging errors and ignored exceptions kill nobody", "[local][console]") {
  const std::string logging =
      "--- Logging error ---\n"
      "Traceback (most recent call last):\n"
      "  File \"/usr/lib/python3.8/logging/__init__.py\", line 1089, in emit\n    self.flush()\n"
      "OSError: [Errno 5] Input/output error\n"
      "Call stack:\n  File \"train.py\", line 3, in <module>\n    log.info(\"Killed\")\n"
      "Message: 'saving'\nArguments: ()\n";
  CHECK(cause(logging) == "none");
  REQUIRE(read(logging).matches().size() == 1);
  CHECK(read(logging).matches()[0].kind == "logged_error");
  CHECK(read(logging).matches()[0].severity == LogSeverity::warning);
  CHECK(cause("Exception ignored in: <function _MultiProcessingDataLoaderIter.__del__ at 0x7f>\n" +
              traceback("AttributeError: 'NoneType' object")) == "none");
  CHECK(cause("Exception in thread Thread-4 (_pin_memory_loop):\n" +
              traceback("RuntimeError: Pin memory thread") + traceback("KeyboardInterrupt")) ==
        "interrupted | KeyboardInterrupt");
}

TEST_CASE("of chained exceptions the last counts, and the kind of what it came of", "[local][console]") {
  const std::string during = traceback(kOom) +
                             "\nDuring handling of the above exception, another exception occurred:\n\n" +
                             traceback("RuntimeError: training failed");
  const LastWords words = read(during).words;
  REQUIRE(words.cause);
  CHECK(words.cause->kind == "cuda_out_of_memory");
  CHECK(words.cause->exception == "RuntimeError");
  CHECK(words.cause->detail.starts_with(
      "RuntimeError: training failed (after torch.OutOfMemoryError: CUDA out of"));
  const std::string direct = traceback("KeyError: 'a'") +
                             "\nThe above exception was the direct cause of the following exception:\n\n" +
                             traceback("ValueError: bad row");
  CHECK(cause(direct) == "exception | ValueError: bad row (after KeyError: 'a')");
}

TEST_CASE("ExceptionGroups name what they hold", "[local][console]") {
  const std::string log =
      "  + Exception Group Traceback (most recent call last):\n"
      "  |   File \"/home/u/x.py\", line 3, in <module>\n"
      "  |     raise ExceptionGroup(\"many\", [ValueError(1), TypeError(\"x\")])\n"
      "  | ExceptionGroup: many (2 sub-exceptions)\n"
      "  +-+---------------- 1 ----------------\n"
      "    | ValueError: 1\n"
      "    +---------------- 2 ----------------\n"
      "    | TypeError: x\n"
      "    +------------------------------------\n";
  CHECK(cause(log) == "exception | ExceptionGroup: many (2 sub-exceptions): ValueError: 1: TypeError: x");
  CHECK(cause(log + "\nbye\n") ==
        "exception | ExceptionGroup: many (2 sub-exceptions): ValueError: 1: TypeError: x");
}

TEST_CASE("ranks that speak at once are kept apart", "[local][console]") {
  std::string log;
  const std::string zero[] = {
      "Traceback (most recent call last):", "  File \"/home/u/train.py\", line 9, in f", "    x()", kOom};
  const std::string one[] = {
      "Traceback (most recent call last):", "  File \"/home/u/train.py\", line 12, in g", "    y()",
      "torch.distributed.DistBackendError: NCCL error in: ../x.cpp"};
  for (int i = 0; i < 4; ++i) log += "[rank0]: " + zero[i] + "\n[rank1]: " + one[i] + "\n";
  const Reading reading = read(log);
  REQUIRE(reading.matches().size() == 2);
  CHECK(reading.matches()[0].rank == "rank0");
  CHECK(reading.matches()[0].where == "train.py:9 in f");
  CHECK(reading.matches()[1].kind == "nccl_error");
  CHECK(reading.matches()[1].where == "train.py:12 in g");
  CHECK(reading.words.cause->kind == "cuda_out_of_memory");
}

TEST_CASE("launchers that report a child's death do not hide it", "[local][console]") {
  const std::string torchrun =
      "E1123 02:11:11.000000 77 torch/distributed/elastic/multiprocessing/api.py:862] failed (exitcode: 1) "
      "local_rank: 0 "
      "(pid: 99) of binary: /usr/bin/python\n"
      "Traceback (most recent call last):\n"
      "  File \"/usr/local/bin/torchrun\", line 8, in <module>\n    sys.exit(main())\n"
      "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
      "============================================================\n"
      "train.py FAILED\n"
      "------------------------------------------------------------\n"
      "Failures:\n  <NO_OTHER_FAILURES>\n"
      "Root Cause (first observed failure):\n[0]:\n  rank      : 0 (local_rank: 0)\n  exitcode  : 1 (pid: "
      "99)\n"
      "============================================================\n";
  CHECK(cause(traceback("ValueError: bad labels") + torchrun) == "exception | ValueError: bad labels");
  const std::string accelerate = traceback(
      "subprocess.CalledProcessError: Command '['python', 'train.py']' returned non-zero exit status 1.");
  CHECK(cause(traceback(kOom) + accelerate).starts_with("cuda_out_of_memory"));
  // and where nobody else says anything, they do
  CHECK(cause(torchrun).starts_with("child_failed"));
  CHECK(cause("  exitcode  : -9 (pid: 99)\n  traceback : Signal 9 (SIGKILL) received by PID 99\n")
            .starts_with("killed"));
}

TEST_CASE("those who waited for the dead one are not the cause", "[local][console]") {
  const std::string watchdog =
      "[rank1]:[E1123 10:00:00.1 ProcessGroupNCCL.cpp:616] [Rank 1] Watchdog caught collective operation "
      "timeout: "
      "WorkNCCL(SeqNum=7, OpType=ALLREDUCE) ran for 600000 milliseconds before timing out.\n"
      "terminate called after throwing an instance of 'c10::DistBackendError'\nAborted (core dumped)\n";
  CHECK(cause(watchdog).starts_with("nccl_timeout"));
  CHECK(cause(traceback("IndexError: list index out of range") + watchdog)
            .starts_with("exception | IndexError"));
}

TEST_CASE("an exception long survived gives way to the one that killed", "[local][console]") {
  std::string log = traceback("ImportError: flash_attn is not installed");
  for (int i = 0; i < 100; ++i) log += "preparing shard " + std::to_string(i) + "\n";
  CHECK(cause(log + traceback("ValueError: empty dataset")) == "exception | ValueError: empty dataset");
  CHECK(cause(log) == "none");  // and that alone, with so much said since, proves no death
  CHECK(cause(log, 1) == "exception | ImportError: flash_attn is not installed");
}

TEST_CASE("rich's and Jupyter's tracebacks are tracebacks", "[local][console]") {
  CHECK(cause("╭───────────── Traceback (most recent call last) ─────────────╮\n"
              "│ /home/u/train.py:12 in main                                  │\n"
              "│ ❱ 12 raise ValueError('CUDA out of memory is what it says')  │\n"
              "╰──────────────────────────────────────────────────────────────╯\n"
              "ValueError: no such file\n") == "exception | ValueError: no such file");
  CHECK(cause("---------------------------------------------------------------------------\n"
              "KeyError                                  Traceback (most recent call last)\n"
              "<ipython-input-7-abc> in <module>\n----> 1 train()\n\n"
              "/usr/lib/python3/x.py in get(self)\n      3 raise\n"
              "KeyError: 'text'\n") == "exception | KeyError: 'text'");
}

TEST_CASE("a script with a syntax error dies without a header", "[local][console]") {
  CHECK(cause("  File \"train.py\", line 3\n    def x(\n         ^\nSyntaxError: '(' was never closed\n") ==
        "exception | SyntaxError: '(' was never closed");
}

TEST_CASE("timestamps, launchers' marks and colours before a traceback do not hide it", "[local][console]") {
  for (const char* prefix :
       {"2026-11-23T02:11:11.123456789Z ", "2026-11-23 02:11:11,123 ", "[2026-11-23 02:11:11] ",
        "0: ", "[default0]:", "[1,3]<stderr>:", "(RayTrainWorker pid=77, ip=10.0.0.1) ",
        "2026-11-23T02:11:11.123456789Z stderr F ", "\x1b[36m(Worker pid=5)\x1b[0m "}) {
    INFO(prefix);
    std::string log;
    std::istringstream lines(traceback("ValueError: bad"));
    for (std::string line; std::getline(lines, line);) log += prefix + line + "\n";
    CHECK(cause(log) == "exception | ValueError: bad");
  }
}

TEST_CASE("source code in a traceback is no message", "[local][console]") {
  const Reading reading = read(
      "Traceback (most recent call last):\n  File \"/home/u/a.py\", line 1, in f\n"
      "    raise RuntimeError(\"CUDA out of memory, Segmentation fault\")\nTypeError: not that\n");
  REQUIRE(reading.matches().size() == 1);
  CHECK(reading.matches()[0].kind == "exception");
}

TEST_CASE("a recursion's thousand frames and a traceback that never ends are bounded", "[local][console]") {
  std::string log = "Traceback (most recent call last):\n";
  for (int i = 0; i < 30000; ++i) log += "  File \"/home/u/a.py\", line 1, in f\n    f()\n";
  CHECK(read(log + "ok\n").heard.events.size() < 3);
  CHECK(cause("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    f()\n  [Previous line "
              "repeated 996 "
              "more times]\nRecursionError: maximum recursion depth exceeded\n") ==
        "exception | RecursionError: maximum recursion depth exceeded");
}

TEST_CASE("read in any pieces a log tells the same", "[local][console]") {
  const std::string log = bar(49) + "\n" + traceback(kOom) +
                          "\nDuring handling of the above exception, another exception "
                          "occurred:\n\n" +
                          traceback("RuntimeError: x") + "Killed\n";
  const Reading whole = read(log);
  for (std::size_t piece = 1; piece < 40; piece += 3) {
    Heard heard;
    ConsoleReader reader(heard.sink());
    for (std::size_t at = 0; at < log.size(); at += piece)
      reader.feed(std::string_view(log).substr(at, piece));
    reader.finish();
    CHECK(heard.texts() == whole.heard.texts());
  }
}

}  // namespace redflag::daemon::local
