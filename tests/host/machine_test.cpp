// Disks and memory: what files of the kernel say, and what the real machine answers.
#include <atomic>
#include <thread>

#include "daemon/base/off_loop.h"
#include "daemon/base/system_clock.h"
#include "daemon/host/disk.h"
#include "daemon/host/memory.h"
#include "daemon/host/small_file.h"
#include "tests/host/support.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

TEST_CASE("a path lies on the longest mount above it, the last of equals", "[host][disk]") {
  const auto mounts = parse_mountinfo(
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "30 22 8:2 / /data rw shared:5 - xfs /dev/sdb1 rw\n"
      "31 22 0:40 / /data rw - nfs4 server:/data rw\n"
      "32 22 0:41 / /with\\040space\\134back rw - tmpfs tmpfs rw\n"
      "torn line\n"
      "33 22 0:42 / relative rw - tmpfs tmpfs rw\n"
      "34 22 0:43 / /no rw tmpfs\n");
  REQUIRE(mounts.size() == 4);
  CHECK(mount_of(mounts, "/data/results")->type == "nfs4");
  CHECK(mount_of(mounts, "/data")->type == "nfs4");
  CHECK(mount_of(mounts, "/database")->point == "/");
  CHECK(mount_of(mounts, "/with space\\back/x")->type == "tmpfs");
  CHECK(mount_of({}, "/x") == nullptr);
  CHECK(parse_mountinfo("").empty());
}

TEST_CASE("the file system of a directory that does not exist yet is that of the one above", "[host][disk]") {
  const TempDir dir;
  const DiskReading there = read_disk(dir.path(), "/proc/self/mountinfo");
  const DiskReading not_yet = read_disk(dir / "a/b/c", "/proc/self/mountinfo");
  CHECK(there.state == DiskReading::State::ok);
  CHECK(there.total_bytes > 0);
  CHECK(there.used_percent >= 0.0);
  CHECK(there.used_percent <= 100.0);
  CHECK(not_yet.state == DiskReading::State::ok);
  CHECK(not_yet.mount == there.mount);
  CHECK(not_yet.device == there.device);
  // Without mountinfo the path itself has to do.
  CHECK(read_disk(dir.path(), dir / "none").mount == std::filesystem::canonical(dir.path()).string());
}

TEST_CASE("work that hangs costs one thread and no more, and a later answer is used again", "[host][disk]") {
  asio::io_context loop(1);
  SystemClock clock;
  OffLoop<int> work(loop.get_executor());
  auto go = std::make_shared<std::atomic<bool>>(false);
  auto started = std::make_shared<std::atomic<int>>(0);
  const std::function<int()> hangs = [go, started] {
    ++*started;
    while (!*go) std::this_thread::yield();
    return 7;
  };
  CHECK_FALSE(run_to_end(loop, work.run(clock, 20ms, hangs)));
  CHECK(work.hangs());
  CHECK_FALSE(run_to_end(loop, work.run(clock, 20ms, hangs)));
  while (*started == 0) std::this_thread::yield();
  CHECK(*started == 1);
  *go = true;
  while (work.hangs()) {
    loop.restart();
    loop.run_one();
  }
  CHECK(run_to_end(loop, work.run(clock, 10s, hangs)) == 7);
}

TEST_CASE("a thread that comes back when nobody waits any more is harmless", "[host][disk]") {
  auto go = std::make_shared<std::atomic<bool>>(false);
  auto done = std::make_shared<std::atomic<bool>>(false);
  {
    asio::io_context loop(1);
    SystemClock clock;
    OffLoop<int> work(loop.get_executor());
    CHECK_FALSE(run_to_end(loop, work.run(clock, 5ms, std::function<int()>([go, done] {
                                            while (!*go) std::this_thread::yield();
                                            *done = true;
                                            return 1;
                                          }))));
  }
  *go = true;
  while (!*done) std::this_thread::yield();
}

TEST_CASE("meminfo is read, and nonsense refused", "[host][memory]") {
  const auto reading = parse_meminfo(
      "MemTotal:       32768000 kB\nMemFree:  1000 kB\nMemAvailable:   16384000 kB\nSwapTotal: 1000 "
      "kB\nSwapFree: 250 kB\n");
  REQUIRE(reading);
  CHECK(reading->available_percent() == Approx(50.0));
  CHECK(reading->swap_free_bytes == 256000);
  CHECK_FALSE(parse_meminfo(""));
  CHECK_FALSE(parse_meminfo("MemTotal: 5 kB\n"));
  CHECK_FALSE(parse_meminfo("MemTotal: 0 kB\nMemAvailable: 0 kB\n"));
  CHECK_FALSE(parse_meminfo("MemTotal: 99999999999999999999 kB\nMemAvailable: 1 kB\n"));
  CHECK_FALSE(parse_meminfo("MemTotal: x kB\nMemAvailable: 1 kB\n"));
  CHECK(parse_meminfo("MemTotal: 5 kB\nMemAvailable: 9 kB\n")->available_percent() == Approx(100.0));
}

TEST_CASE("the pressure is the share in which everything stood still", "[host][memory]") {
  CHECK(parse_pressure("some avg10=9.00 avg60=8.00 avg300=7.00 total=1\nfull avg10=3.00 avg60=2.50 "
                       "avg300=1.00 total=1\n") == Approx(2.5));
  CHECK_FALSE(parse_pressure("some avg10=9.00 avg60=8.00 avg300=7.00 total=1\n"));
  CHECK_FALSE(parse_pressure("full avg60=nan\n"));
  CHECK_FALSE(parse_pressure("full avg60=400\n"));
}

TEST_CASE("in a container its limit counts, with the file pages that nobody uses", "[host][memory]") {
  FakeProc proc;
  const auto cgroup = [&](const std::string& max) {
    proc.put("cgroup/memory.max", max);
    proc.put("cgroup/memory.current", "7000000000\n");
    proc.put("cgroup/memory.stat", "anon 1\ninactive_file 2000000000\nactive_file 5\n");
    return *read_memory(proc.root(), proc.root() + "/cgroup");
  };
  const MemoryReading limited = cgroup("8000000000\n");
  CHECK(limited.contained);
  CHECK(limited.total_bytes == 8'000'000'000);
  CHECK(limited.available_bytes == 3'000'000'000);
  CHECK_FALSE(cgroup("max\n").contained);
  CHECK_FALSE(cgroup("9223372036854771712\n").contained);
  // Over the limit is nothing left, and not less.
  CHECK(cgroup("4000000000\n").available_bytes == 0);
  CHECK_FALSE(read_memory(proc.root() + "/none", proc.root()));
}
