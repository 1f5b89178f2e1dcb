// Real programs: what they are given, what they are held to, and that nothing of them stays.
#include <csignal>
#include <filesystem>

#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "daemon/base/timed.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

SpawnOptions shell(const std::string& script) {
  SpawnOptions options;
  options.program = "/bin/sh";
  options.arguments = {"-c", script};
  options.environment = {"PATH=/usr/bin:/bin", "ONLY=this"};
  return options;
}

struct Bench {
  asio::io_context context;
  SystemLauncher launcher{context.get_executor()};

  std::unique_ptr<Process> start(SpawnOptions options) {
    auto started = launcher.launch(std::move(options));
    REQUIRE(started.has_value());
    return std::move(*started);
  }
  template <typename T>
  T run(asio::awaitable<T> work) {
    return test::run_to_end(context, std::move(work));
  }
  std::string output(Process& process) {
    std::string said;
    for (bool more = true; more;) more = run(process.read(said));
    return said;
  }
  std::string output(SpawnOptions options) {
    const auto process = start(std::move(options));
    return output(*process);
  }
};

}  // namespace

TEST_CASE("a child answers through its pipes, and its end is told with its code", "[process]") {
  Bench bench;
  const auto process = bench.start(shell("read line; echo \"got $line\"; echo oh dear >&2; exit 3"));
  CHECK(bench.run(process->write("hello\n")));
  CHECK(bench.output(*process) == "got hello\n");
  const ProcessEnd end = bench.run(process->ended());
  CHECK(end == ProcessEnd{3, 0});
  CHECK(end.text() == "exit code 3");
  CHECK(process->last_words() == "oh dear");
}

TEST_CASE("a child that is killed is told from one that ends", "[process]") {
  Bench bench;
  const auto process = bench.start(shell("kill -SEGV $$"));
  const ProcessEnd end = bench.run(process->ended());
  CHECK(end == ProcessEnd{0, SIGSEGV});
  CHECK(end.text() == "SIGSEGV");
  const auto waiting = bench.start(shell("read line"));
  waiting->kill();
  CHECK(bench.run(waiting->ended()).text() == "SIGKILL");
}

TEST_CASE("writing to a child that is gone is told, and is no signal to us", "[process]") {
  Bench bench;
  const auto process = bench.start(shell("exit 0"));
  bench.run(process->ended());
  ::signal(SIGPIPE, SIG_DFL);
  CHECK_FALSE(bench.run(process->write("x")));
}

TEST_CASE("a child that gives way is nice, idle at the disk, first to go for memory, and leaves no core",
          "[process]") {
  Bench bench;
  SpawnOptions options = shell(
      "nice; ionice -p $$; cat /proc/self/oom_score_adj; grep 'core file' /proc/self/limits | tr -s ' '");
  options.gives_way = true;
  const std::string said = bench.output(options);
  CHECK_THAT(said, ContainsSubstring("19\n"));
  CHECK_THAT(said, ContainsSubstring("idle\n"));
  CHECK_THAT(said, ContainsSubstring("1000\n"));
  // A byte is too little for any dump, and the one value that also stops a dump into a pipe.
  CHECK_THAT(said, ContainsSubstring("size 1 1 "));
}

TEST_CASE("limits of memory and CPU time are the kernel's", "[process]") {
  Bench bench;
  SpawnOptions options = shell("ulimit -d; ulimit -t; while :; do :; done");
  options.memory_bytes = 64 << 20;
  options.cpu_seconds = 1;
  const auto process = bench.start(options);
  CHECK(bench.output(*process) == "65536\n1\n");
  CHECK(bench.run(process->ended()).signal == SIGXCPU);
  CHECK(process->cpu_time() >= Duration{100ms});
}

TEST_CASE("a child has three descriptors, its own environment, and no blocked or ignored signals",
          "[process]") {
  Bench bench;
  const int leaky = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  const std::string said =
      bench.output(shell("ls /proc/$$/fd; env | grep -c HOME; env | grep ONLY; "
                         "grep -E 'SigBlk|SigIgn' /proc/self/status"));
  ::sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::close(leaky);
  CHECK_THAT(said, ContainsSubstring("0\n1\n2\n0\nONLY=this\n"));
  CHECK_THAT(said, ContainsSubstring("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"));
}

TEST_CASE("a program that cannot be started is an error that says why", "[process]") {
  Bench bench;
  SpawnOptions options;
  options.program = "/nonexistent/program";
  auto missing = bench.launcher.launch(options);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ErrorCode::not_found);
  CHECK_THAT(missing.error().text(),
             ContainsSubstring("starting /nonexistent/program: there is no such program"));
  options.program = "/etc/passwd";
  auto no_program = bench.launcher.launch(options);
  REQUIRE_FALSE(no_program.has_value());
  CHECK(no_program.error().code == ErrorCode::denied);
}

TEST_CASE("a Process that is let go kills its child and does not wait for it", "[process]") {
  Bench bench;
  const std::string said = [&] {
    const auto process = bench.start(shell("echo $$; read line"));
    std::string pid;
    bench.run(process->read(pid));
    return pid;
  }();
  const auto pid = static_cast<pid_t>(std::stol(said));
  // The loop reaps it in its own time.
  bench.context.restart();
  while (::kill(pid, 0) == 0 && bench.context.run_one() != 0) {
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("what a child writes to standard error neither blocks it nor grows without bound", "[process]") {
  Bench bench;
  const auto process =
      bench.start(shell("i=0; while [ $i -lt 20000 ]; do echo \"line $i\"; i=$((i+1)); done >&2; "
                        "printf '%02000d' 0 >&2; printf '\\033[31m\\377end' >&2"));
  CHECK(bench.run(process->ended()).clean());
  CHECK(process->last_words() == std::string(500, '0'));
}

TEST_CASE("a time limit cancels what takes too long and leaves alone what does not", "[process]") {
  Bench bench;
  SystemClock clock;
  const auto slow = bench.start(shell("read line"));
  std::string said;
  CHECK_FALSE(bench.run(timed(clock, 20ms, slow->read(said))).has_value());
  const auto quick = bench.start(shell("echo yes"));
  const auto got = bench.run(timed(clock, 60s, quick->read(said)));
  REQUIRE(got.has_value());
  CHECK(*got);
  CHECK(said == "yes\n");
}
