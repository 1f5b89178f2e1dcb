// The inspector with real processes, pipes, signals and limits: a stand-in that misbehaves by the name of the
// file.
#include <boost/asio/io_context.hpp>

#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "daemon/inspection/forward_runner.h"
#include "daemon/inspection/inspector.h"
#include "tests/inspection/support.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using tensors::FileReport;

namespace {

struct Bench {
  asio::io_context context;
  SystemClock clock;
  SystemLauncher launcher{context.get_executor()};
  Memory memory;
  InspectorSettings settings;

  Bench() {
    settings.program = STAND_IN_CHILD;
    settings.memory_bytes = 128 << 20;
  }
  Result<std::vector<FileReport>> inspect(const std::vector<std::string>& names) {
    Inspector inspector(clock, launcher, memory, settings);
    std::vector<InspectionRequest> batch;
    for (const std::string& name : names) batch.push_back({"/r/" + name, 1});
    std::vector<FileReport> reports;
    const Result<void> done = redflag::test::run_to_end(
        context,
        inspector.inspect(batch, [&](InspectionAnswer each) { reports.push_back(std::move(each.report)); }));
    if (!done) return tl::unexpected<Error>(done.error());
    return reports;
  }
};

}  // namespace

TEST_CASE(
    "real readers that crash, eat memory, talk nonsense or without end are told apart, and good files are "
    "read",
    "[real]") {
  Bench bench;
  const auto reports = bench.inspect(
      {"good", "crash", "bomb", "abort", "exit", "garbage", "killed", "fine", "chatty", "last"});
  REQUIRE(reports.has_value());
  std::vector<std::string> said;
  for (const FileReport& report : *reports)
    said.push_back(report.path + " " +
                   (report.findings.empty() ? std::string("-") : report.findings[0].code));
  CHECK(said == std::vector<std::string>{"/r/good -", "/r/crash inspector_crashed",
                                         "/r/bomb inspector_out_of_memory", "/r/abort inspector_crashed",
                                         "/r/exit inspector_crashed", "/r/garbage inspector_bad_answer",
                                         "/r/killed inspector_out_of_memory", "/r/fine -", "/r/chatty -",
                                         "/r/last -"});
  CHECK_THAT((*reports)[1].reason, ContainsSubstring("SIGSEGV"));
  CHECK_THAT((*reports)[2].reason, ContainsSubstring("its last words: out of memory"));
  CHECK_THAT((*reports)[3].reason, ContainsSubstring("SIGABRT"));
}

TEST_CASE("an answer without end is cut off and its writer killed", "[real]") {
  Bench bench;
  bench.settings.longest_line = 4 << 20;
  const auto reports = bench.inspect({"endless", "good"});
  REQUIRE(reports.has_value());
  CHECK(has_finding(reports->at(0), "inspector_bad_answer"));
  CHECK(reports->at(1).verdict == tensors::Verdict::ok);
}

TEST_CASE("a real reader that hangs, or closes its streams and stays, is killed", "[real]") {
  Bench bench;
  bench.settings.base_allowance = 300ms;
  bench.settings.farewell = 300ms;
  const auto hung = bench.inspect({"hang"});
  REQUIRE(hung.has_value());
  CHECK(has_finding(hung->at(0), "inspector_hung"));
  // Closed streams are an end without a word; killed then, it counts as one that was.
  bench.settings.base_allowance = 20s;
  const auto deaf = bench.inspect({"deaf"});
  REQUIRE(deaf.has_value());
  CHECK_THAT(deaf->at(0).reason, ContainsSubstring("its last words: closing everything"));
}

TEST_CASE("many small files go through one real child", "[real]") {
  Bench bench;
  std::vector<std::string> names;
  for (int i = 0; i < 2000; ++i) names.push_back("file" + std::to_string(i));
  bench.settings.files_a_child = 10'000;
  const auto reports = bench.inspect(names);
  REQUIRE(reports.has_value());
  REQUIRE(reports->size() == 2000);
  CHECK(reports->back().path == "/r/file1999");
}

TEST_CASE("a program that is not there, or is none, is an error that names it", "[real]") {
  Bench bench;
  bench.settings.program = "/nonexistent/redflag-inspect";
  const auto missing = bench.inspect({"good"});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK_THAT(missing.error().text(), ContainsSubstring("/nonexistent/redflag-inspect"));
  bench.settings.program = "/etc/passwd";
  const auto no_program = bench.inspect({"good"});
  REQUIRE_FALSE(no_program.has_value());
  CHECK(no_program.error().code == ErrorCode::denied);
  bench.settings.program = "/bin/false";
  const auto useless = bench.inspect({"good"});
  REQUIRE_FALSE(useless.has_value());
  CHECK_THAT(useless.error().text(), ContainsSubstring("exit code 1 even without a file to read"));
}

TEST_CASE("a forward run is held to its memory limit by the kernel", "[real]") {
  Bench bench;
  ForwardLimits limits;
  limits.memory_bytes = 64 << 20;
  ForwardRunner runner(bench.clock, bench.launcher, bench.memory, "/bin/sh");
  const auto run = [&](const std::string& script) {
    return redflag::test::run_to_end(bench.context, runner.run({"-c", script}, limits));
  };
  const ForwardAnswer answer = run("echo \"{\\\"data\\\":\\\"$(ulimit -d)\\\"}\"");
  REQUIRE(answer.checked());
  CHECK(answer.result["data"] == "65536");
  CHECK_FALSE(run("kill -SEGV $$").checked());
}
