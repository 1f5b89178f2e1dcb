#include "daemon/inspection/inspector.h"

#include <csignal>

#include <boost/asio/bind_cancellation_slot.hpp>

#include "tests/inspection/support.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using tensors::Verdict;

namespace {

struct Bench : World {
  InspectorSettings settings;
  std::unique_ptr<Inspector> inspector;
  std::vector<InspectionAnswer> answers;

  Bench() { settings.program = "/usr/bin/redflag-inspect"; }

  Inspector& get() {
    if (!inspector) inspector = std::make_unique<Inspector>(clock, launcher, memory, settings);
    return *inspector;
  }
  Result<void> inspect(const std::vector<std::string>& paths, std::uint64_t size = 1000) {
    std::vector<InspectionRequest> batch;
    for (const std::string& path : paths) {
      files.put(path, size);
      batch.push_back({path, size});
    }
    return run(
        get().inspect(std::move(batch), [this](InspectionAnswer a) { answers.push_back(std::move(a)); }));
  }
  std::vector<std::string> verdicts() const {
    std::vector<std::string> all;
    for (const InspectionAnswer& answer : answers)
      all.push_back(answer.report.path + " " + std::string(to_string(answer.report.verdict)));
    return all;
  }
};

Act dies(ProcessEnd end) {
  Act act;
  act.ends = end;
  return act;
}

}  // namespace

TEST_CASE("a batch is answered in its order by one child, and the next batch by the same", "[inspector]") {
  Bench bench;
  bench.launcher.script = [](const auto&, int) { return Act{.takes = 1s, .cpu = 300ms}; };
  REQUIRE(bench.inspect({"/r/a", "/r/b", "/r/c", "/r/d", "/r/e", "/r/f"}));
  CHECK(bench.verdicts() ==
        std::vector<std::string>{"/r/a ok", "/r/b ok", "/r/c ok", "/r/d ok", "/r/e ok", "/r/f ok"});
  CHECK(bench.answers[3].cpu == Duration{300ms});
  REQUIRE(bench.inspect({"/r/g"}));
  CHECK(bench.answers.size() == 7);
  CHECK(bench.launcher.launched.size() == 1);
}

TEST_CASE("a child is told its limits and its roots, gives way to the training and gets a clean environment",
          "[inspector]") {
  Bench bench;
  bench.settings.roots = {"/data/results", "/home/u/runs"};
  bench.settings.drop_cache = true;
  bench.settings.memory_bytes = 1 << 28;
  REQUIRE(bench.inspect({"/data/results/a"}));
  const SpawnOptions& options = bench.launcher.launched.at(0);
  CHECK(options.program == "/usr/bin/redflag-inspect");
  CHECK(options.arguments == std::vector<std::string>{"--threads", "1", "--memory", "268435456",
                                                      "--cpu-seconds", "3600", "--drop-cache", "--root",
                                                      "/data/results", "--root", "/home/u/runs"});
  CHECK(options.gives_way);
  CHECK(options.environment == std::vector<std::string>{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"});
}

TEST_CASE("a file at which a child dies is tried once more in a child of its own before it is blamed",
          "[inspector]") {
  Bench bench;
  bench.launcher.script = [](const std::string& path, int number) {
    return path == "/r/b" && number == 1 ? dies({0, SIGSEGV}) : Act{};
  };
  REQUIRE(bench.inspect({"/r/a", "/r/b", "/r/c"}));
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok", "/r/b ok", "/r/c ok"});
  CHECK(bench.answers[1].report.findings.empty());
  // Its own child sees nothing but the suspect, and no other file is read by it afterwards.
  CHECK(std::count_if(bench.launcher.asked.begin(), bench.launcher.asked.end(),
                      [](const auto& each) { return each.second == 2; }) == 1);
}

TEST_CASE("a file that kills its reader twice is named for it, and the others are read by a fresh child",
          "[inspector]") {
  Bench bench;
  bench.launcher.last_words = "==1==ERROR: stack-overflow";
  bench.launcher.script = [](const std::string& path, int) {
    return path == "/r/b" ? dies({0, SIGSEGV}) : Act{};
  };
  REQUIRE(bench.inspect({"/r/a", "/r/b", "/r/c"}, 4096));
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok", "/r/b unknown", "/r/c ok"});
  const tensors::FileReport& report = bench.answers[1].report;
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].code == "inspector_crashed");
  CHECK(report.findings[0].severity == Severity::critical);
  CHECK_THAT(report.findings[0].message, ContainsSubstring("the reader died with SIGSEGV on this file"));
  CHECK_THAT(report.findings[0].message, ContainsSubstring("stack-overflow"));
  CHECK(report.size == 4096);
  CHECK(bench.launcher.most_running == 1);
}

TEST_CASE("each way in which a reader dies has its own words", "[inspector]") {
  struct Case {
    ProcessEnd end;
    const char* code;
    const char* words;
  };
  const Case each =
      GENERATE(Case{{0, SIGABRT}, "inspector_crashed", "SIGABRT"},
               Case{{0, SIGSYS}, "inspector_crashed", "tried what its sandbox forbids"},
               Case{{9, 0}, "inspector_crashed", "exit code 9"},
               Case{{65, 0}, "inspector_out_of_memory", "its limit is 537 MB"},
               Case{{0, SIGKILL}, "inspector_out_of_memory", "as the kernel does when memory runs out"},
               Case{{0, SIGXCPU}, "inspector_hung", "3600 s of CPU time"},
               Case{{0, 0}, "inspector_bad_answer", "ended without an answer"});
  Bench bench;
  bench.launcher.script = [&](const std::string&, int) { return dies(each.end); };
  REQUIRE(bench.inspect({"/r/a"}));
  REQUIRE(bench.answers.size() == 1);
  CHECK(bench.answers[0].report.verdict != Verdict::ok);
  REQUIRE(bench.answers[0].report.findings.size() == 1);
  CHECK(bench.answers[0].report.findings[0].code == each.code);
  CHECK_THAT(bench.answers[0].report.findings[0].message, ContainsSubstring(each.words));
  CHECK(bench.answers[0].report.reason == bench.answers[0].report.findings[0].message);
}

TEST_CASE("a reader that hangs is killed after 20 s and a second for each 50 MB, and the batch goes on",
          "[inspector]") {
  Bench bench;
  bench.launcher.script = [](const std::string& path, int) { return Act{.hangs = path == "/r/b"}; };
  REQUIRE(bench.inspect({"/r/a", "/r/b", "/r/c"}, 2'500'000'000));
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok", "/r/b refused", "/r/c ok"});
  CHECK(has_finding(bench.answers[1].report, "inspector_hung"));
  CHECK_THAT(bench.answers[1].report.reason, ContainsSubstring("within 1 min 10 s"));
  CHECK(bench.since_start() == Duration{70s});
  CHECK(bench.launcher.launched.size() == 2);  // it was not tried again
}

TEST_CASE("a file that takes nearly all of its time is waited for", "[inspector]") {
  Bench bench;
  bench.launcher.script = [](const std::string&, int) { return Act{.takes = 69s}; };
  REQUIRE(bench.inspect({"/r/a", "/r/b"}, 2'500'000'000));
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok", "/r/b ok"});
}

TEST_CASE("what is no report about the file is never taken for one", "[inspector]") {
  Bench bench;
  const std::string other = bench.launcher.good_report("/r/other");
  const std::string said = GENERATE_REF(as<std::string>{}, "", "hello", "{}", "[]", "[[[[[[[[[[[[",
                                        R"({"path":"/r/b","verdict":"ok")", other, "\xff\xfe");
  bench.launcher.script = [&](const std::string& path, int) {
    Act act;
    if (path == "/r/b") act.says = said;
    return act;
  };
  REQUIRE(bench.inspect({"/r/a", "/r/b", "/r/c"}));
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok", "/r/b unknown", "/r/c ok"});
  CHECK(has_finding(bench.answers[1].report, "inspector_bad_answer"));
}

TEST_CASE("an answer that does not end is cut off at its limit", "[inspector]") {
  Bench bench;
  bench.settings.longest_line = 10'000;
  bench.launcher.script = [](const std::string& path, int) {
    Act act;
    if (path == "/r/b") act.says = std::string(50'000, ' ');
    return act;
  };
  REQUIRE(bench.inspect({"/r/a", "/r/b", "/r/c"}));
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok", "/r/b refused", "/r/c ok"});
  CHECK_THAT(bench.answers[1].report.reason, ContainsSubstring("longer than 10 kB"));
}

TEST_CASE("without the program the answer is an error that says so, and no file is called good or bad",
          "[inspector]") {
  Bench bench;
  bench.launcher.refuses =
      Error{ErrorCode::not_found, false, "starting /usr/bin/redflag-inspect", "no such program", ""};
  const Result<void> done = bench.inspect({"/r/a"});
  REQUIRE_FALSE(done.has_value());
  CHECK_THAT(done.error().text(), ContainsSubstring("no such program"));
  CHECK(bench.answers.empty());
  const tensors::FileReport report = not_checked_report({"/r/a", 5}, done.error().text());
  CHECK(report.verdict == Verdict::unknown);
  CHECK_THAT(report.reason,
             ContainsSubstring("not checked: starting /usr/bin/redflag-inspect: no such program"));
  CHECK(report.findings.empty());
}

TEST_CASE("a program that cannot work here is told from files that kill it", "[inspector]") {
  Bench bench;
  bench.launcher.ends_unasked = ProcessEnd{4, 0};
  bench.launcher.last_words = "redflag-inspect: no seccomp";
  const Result<void> done = bench.inspect({"/r/a", "/r/b"});
  REQUIRE_FALSE(done.has_value());
  CHECK_THAT(done.error().text(), ContainsSubstring("exit code 4 even without a file to read"));
  CHECK_THAT(done.error().text(), ContainsSubstring("no seccomp"));
  CHECK(bench.answers.empty());
}

TEST_CASE("no child starts while memory is short, and that it waits is said", "[inspector]") {
  Bench bench;
  bench.memory.available = 100'000'000;
  std::string said;
  asio::co_spawn(
      bench.context,
      [&]() -> asio::awaitable<void> {
        co_await bench.clock.sleep(35s);
        said = bench.get().waiting_for();
        CHECK(bench.launcher.launched.empty());
        bench.memory.available = std::uint64_t{4} << 30;
      },
      [](const std::exception_ptr&) {});
  REQUIRE(bench.inspect({"/r/a"}));
  CHECK_THAT(said, ContainsSubstring("memory is short: 100 MB available"));
  CHECK(bench.since_start() == Duration{40s});
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok"});
  CHECK(bench.get().waiting_for().empty());
}

TEST_CASE("who cannot wait for memory is told that it is short", "[inspector]") {
  Bench bench;
  bench.memory.available = 100'000'000;
  bench.settings.memory_patience = 30s;
  const Result<void> done = bench.inspect({"/r/a"});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().retryable);
  CHECK_THAT(done.error().text(), ContainsSubstring("memory is short: 100 MB available"));
  CHECK(bench.launcher.launched.empty());
}

TEST_CASE("where the system does not tell its memory, nobody waits for it", "[inspector]") {
  Bench bench;
  bench.memory.available.reset();
  REQUIRE(bench.inspect({"/r/a"}));
  CHECK(bench.since_start() == Duration{0});
}

TEST_CASE("cancelling ends the child; the next batch has a child of its own", "[inspector]") {
  Bench bench;
  bench.launcher.script = [](const std::string&, int number) { return Act{.hangs = number == 1}; };
  asio::cancellation_signal stop;
  bool cancelled = false;
  asio::co_spawn(
      bench.context, bench.get().inspect({{"/r/a", 1000}}, [](const InspectionAnswer&) {}),
      asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& error, const Result<void>&) {
        cancelled = error != nullptr;
      }));
  bench.clock.run_for(bench.context, 5s);
  CHECK(bench.launcher.running == 1);
  stop.emit(asio::cancellation_type::terminal);
  bench.clock.run_for(bench.context, 5s);
  CHECK(cancelled);
  CHECK(bench.launcher.running == 0);
  REQUIRE(bench.inspect({"/r/a"}));
  CHECK(bench.verdicts() == std::vector<std::string>{"/r/a ok"});
}

TEST_CASE("when a killed reader does not go away no second one is put beside it", "[inspector]") {
  Bench bench;
  bench.launcher.immortal = true;
  bench.launcher.script = [](const std::string&, int) { return Act{.hangs = true}; };
  const Result<void> done = bench.inspect({"/mnt/nfs/a", "/mnt/nfs/b"});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().retryable);
  CHECK_THAT(done.error().text(), ContainsSubstring("network file system hangs"));
  REQUIRE(bench.answers.size() == 1);
  CHECK(has_finding(bench.answers[0].report, "inspector_hung"));
  CHECK(bench.launcher.launched.size() == 1);
}

TEST_CASE("a path that the kernel could not open is not sent, whatever its bytes", "[inspector]") {
  Bench bench;
  const std::string odd = "/r/\xff\n\\x41 b";
  REQUIRE(bench.inspect(
      {"relative", "/r/a", std::string("/r/nul\0byte", 11), "/" + std::string(5000, 'x'), odd, ""}));
  REQUIRE(bench.answers.size() == 6);
  CHECK(bench.launcher.order() == std::vector<std::string>{"/r/a", odd});
  CHECK(bench.answers[0].report.reason == "not checked: its path is not absolute");
  CHECK(bench.answers[4].report.verdict == Verdict::ok);
  CHECK(bench.answers[4].report.path == odd);
}

TEST_CASE("a child is replaced after the number of files it is meant for", "[inspector]") {
  Bench bench;
  bench.settings.files_a_child = 3;
  REQUIRE(bench.inspect({"/r/1", "/r/2", "/r/3", "/r/4", "/r/5", "/r/6", "/r/7"}));
  CHECK(bench.answers.size() == 7);
  CHECK(bench.launcher.launched.size() == 3);
  CHECK(bench.launcher.asked.size() == 7);  // none was read twice for it
}
