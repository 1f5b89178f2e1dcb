#include "daemon/host/kernel_events.h"

#include "tests/host/support.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

const char* const kSummary =
    "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,"
    "task=python3,pid=4711,uid=1000";
const char* const kKilled =
    "Out of memory: Killed process 4711 (python3) total-vm:98304000kB, anon-rss:60100000kB, file-rss:0kB, "
    "shmem-rss:0kB, UID:1000 pgtables:190000kB oom_score_adj:0";
const char* const kFell =
    "NVRM: Xid (PCI:0000:65:00): 79, pid=4711, name=python3, GPU has fallen off the bus.";

KernelEvents events(const std::string& run = {}) {
  return KernelEvents("gpu1", [run](std::uint64_t pid) {
    return KernelEvents::Victim{pid == 4711 ? run : std::string(), pid == 99};
  });
}

}  // namespace

TEST_CASE("the lines about one kill are one event", "[host][kernel]") {
  KernelEvents kept = events("h/e/p/r1");
  const auto told = kept.take({{kSummary, kStart}, {kKilled, kStart + 1ms}}, kStart + 1s);
  REQUIRE(told.size() == 1);
  CHECK(word(told[0], "victim") == "trainer");
  CHECK(told[0].run == "h/e/p/r1");
  CHECK(word(told[0], "detail") == "python3 (pid 4711) with 60.1 GB, the machine's memory had run out");
  CHECK(kept.killed(4711));
  // Also when the second line comes with a later read.
  KernelEvents late = events();
  CHECK(late.take({{kSummary, kStart}}, kStart).size() == 1);
  const auto more = late.take({{kKilled, kStart + 2s}}, kStart + 2s);
  REQUIRE(more.size() == 1);
  CHECK(more[0].subject.key == told[0].subject.key);
  CHECK(late.open() == 1);
}

TEST_CASE("the same pid killed again an hour later is another kill", "[host][kernel]") {
  KernelEvents kept = events();
  const auto first = kept.take({{kKilled, kStart}}, kStart);
  const auto second = kept.take({{kKilled, kStart + 50min}}, kStart + 50min);
  CHECK(first.at(0).subject.key != second.at(0).subject.key);
}

TEST_CASE("who was killed decides how bad it is", "[host][kernel]") {
  const auto victim = [](const std::string& line) {
    KernelEvents kept = events();
    return word(kept.take({{line, kStart}}, kStart).at(0), "victim");
  };
  CHECK(victim(kKilled) == "python");
  CHECK(victim("Out of memory: Killed process 5 (pt_data_worker) total-vm:1kB") == "python");
  CHECK(victim("Out of memory: Killed process 5 (redflag-inspect) total-vm:1kB") == "redflag");
  CHECK(victim("Out of memory: Killed process 99 (x) total-vm:1kB") == "redflag");
  CHECK(victim("Memory cgroup out of memory: Killed process 5 (node) total-vm:1kB") == "other");
}

TEST_CASE("what a card says a thousand times is one event", "[host][kernel]") {
  KernelEvents kept = events();
  std::vector<KernelLine> storm(1000, KernelLine{kFell, kStart});
  const auto told = kept.take(storm, kStart);
  REQUIRE(told.size() == 1);
  CHECK(std::get<double>(*attribute(told[0], "count")) == 1000.0);
  CHECK(std::get<double>(*attribute(told[0], "xid")) == 79.0);
  CHECK(word(told[0], "detail") == "GPU has fallen off the bus, in python3 (pid 4711)");
  CHECK(told[0].subject.key == "gpu1:xid:0000:65:00.0:79");
}

TEST_CASE("a storm of different events stays bounded, and what is left out is counted", "[host][kernel]") {
  KernelEvents kept = events();
  std::vector<KernelLine> storm;
  for (int pid = 1; pid <= 1000; ++pid)
    storm.push_back({"Out of memory: Killed process " + std::to_string(pid) + " (a) total-vm:1kB", kStart});
  CHECK(kept.take(storm, kStart).size() == KernelEvents::kMostOpen);
  CHECK(kept.left_out() == 1000 - KernelEvents::kMostOpen);
}

TEST_CASE("an event is over after an hour of silence, also when redflag was restarted", "[host][kernel]") {
  KernelEvents kept = events();
  kept.take({{kFell, kStart}}, kStart);
  kept.take({{kFell, kStart + 30min}}, kStart + 30min);
  CHECK(kept.expire(kStart + 61min).empty());
  KernelEvents again = events();
  again.restore(kept.kept());
  const auto over = again.expire(kStart + 90min);
  REQUIRE(over.size() == 1);
  CHECK(over[0].key == "gpu1:xid:0000:65:00.0:79");
  CHECK(again.open() == 0);
  again.restore("{damaged");
  again.restore(R"([{"key": 5}, 7, null])");
  CHECK(again.open() == 0);
}

TEST_CASE("a line from the future happened now", "[host][kernel]") {
  KernelEvents kept = events();
  const auto told = kept.take({{kKilled, kStart + 400h}}, kStart);
  CHECK(told.at(0).time == kStart);
}

TEST_CASE("hostile names stay text", "[host][kernel]") {
  KernelEvents kept = events();
  const auto told = kept.take(
      {{"Out of memory: Killed process 7 (\x1b[2J\xff\n) total-vm:1kB, anon-rss:5kB", kStart}}, kStart);
  const std::string detail = word(told.at(0), "detail");
  CHECK(detail.find('\x1b') == std::string::npos);
  CHECK(detail.find('\n') == std::string::npos);
  CHECK(detail.find("\\xff") != std::string::npos);
}
