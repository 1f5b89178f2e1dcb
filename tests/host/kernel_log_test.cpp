// The two ways to the kernel's log, really read: a pipe in the place of /dev/kmsg, a script in the place of
// journalctl.
#include "daemon/host/kernel_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "tests/host/support.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

const std::string kKill = "Out of memory: Killed process 4711 (python3) total-vm:1kB";

/// Bytes are one stream in a pipe, records in the device: so one is written at a time.
class Device {
 public:
  Device() {
    REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
    writer_ = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
  }
  ~Device() { ::close(writer_); }
  std::string path() const { return dir_ / "kmsg"; }
  void write(const std::string& record) {
    REQUIRE(::write(writer_, record.data(), record.size()) == static_cast<ssize_t>(record.size()));
  }

 private:
  TempDir dir_;
  int writer_ = -1;
};

struct Bench {
  asio::io_context loop{1};
  SystemClock clock;
  SystemLauncher launcher{loop.get_executor()};
  KernelLines next(KernelLog& log) {
    Result<KernelLines> lines = run_to_end(loop, log.next());
    REQUIRE(lines);
    return std::move(*lines);
  }
  Result<void> open(KernelLog& log, const std::string& position) {
    return run_to_end(loop, log.open(position));
  }
};

}  // namespace

TEST_CASE("the first start passes over what the kernel said before; a restart goes on behind the last line",
          "[host][kernel]") {
  Bench bench;
  Device device;
  const auto log = make_kmsg(bench.loop.get_executor(), bench.clock, "boot1", device.path());
  device.write("4,41,100,-;" + kKill + "\n");
  REQUIRE(bench.open(*log, ""));
  CHECK(log->position() == "kmsg boot1 41");
  device.write("4,42,200,-;" + kKill + "\n SUBSYSTEM=memory\n");
  KernelLines lines = bench.next(*log);
  REQUIRE(lines.lines.size() == 1);
  CHECK(lines.lines[0].text == kKill);
  CHECK(lines.lines[0].time <= bench.clock.now());
  CHECK(log->position() == "kmsg boot1 42");
  // A new daemon on the same boot: what it had is no news, what came after is.
  const auto again = make_kmsg(bench.loop.get_executor(), bench.clock, "boot1", device.path());
  REQUIRE(bench.open(*again, "kmsg boot1 42"));
  device.write("4,42,200,-;" + kKill + "\n");
  CHECK(bench.next(*again).lines.empty());
  device.write("4,43,200,-;" + kKill + "\n");
  CHECK(bench.next(*again).lines.size() == 1);
  // After a reboot all of it is.
  const auto later = make_kmsg(bench.loop.get_executor(), bench.clock, "boot2", device.path());
  REQUIRE(bench.open(*later, "kmsg boot1 42"));
  device.write("4,3,200,-;" + kKill + "\n");
  CHECK(bench.next(*later).lines.size() == 1);
  CHECK(later->position() == "kmsg boot2 3");
}

TEST_CASE("what a program wrote into the kernel's log, and what is no record, is passed over",
          "[host][kernel]") {
  Bench bench;
  Device device;
  const auto log = make_kmsg(bench.loop.get_executor(), bench.clock, "boot1", device.path());
  REQUIRE(bench.open(*log, ""));
  device.write("12,5,100,-;" + kKill + "\n");
  CHECK(bench.next(*log).lines.empty());
  device.write("no record\n");
  CHECK(bench.next(*log).lines.empty());
  CHECK(log->position() == "kmsg boot1 5");
}

TEST_CASE("a kernel log that may not be read says so", "[host][kernel]") {
  Bench bench;
  const TempDir dir;
  const auto none = make_kmsg(bench.loop.get_executor(), bench.clock, "b", dir / "none");
  const Result<void> opened = bench.open(*none, "");
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().text(), ContainsSubstring("No such file"));
  std::ofstream(dir / "file") << "x";  // a plain file cannot be followed
  const auto file = make_kmsg(bench.loop.get_executor(), bench.clock, "b", dir / "file");
  if (bench.open(*file, "")) CHECK_FALSE(run_to_end(bench.loop, file->next()));
}

TEST_CASE("journalctl is followed from its cursor, and its end is told in its words", "[host][kernel]") {
  Bench bench;
  const TempDir dir;
  const std::string program = dir / "journalctl";
  std::ofstream(program) << "#!/bin/sh\necho \"$@\" >" << dir / "arguments"
                         << R"(
echo '{"__CURSOR":"c1","_TRANSPORT":"kernel","SYSLOG_FACILITY":"0","__REALTIME_TIMESTAMP":"1795392000000000","MESSAGE":"old"}'
echo '{"__CURSOR":"c2","_TRANSPORT":"kernel","SYSLOG_FACILITY":"0","MESSAGE":")"
                         << kKill << R"("}'
echo 'torn {'
echo "No journal files were opened due to insufficient permissions." >&2
exit 1
)";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const auto log = make_journal(bench.launcher, "boot1", program);
  REQUIRE(bench.open(*log, ""));
  std::size_t lines = 0;
  for (;;) {
    const Result<KernelLines> some = run_to_end(bench.loop, log->next());
    if (!some) {
      CHECK_THAT(some.error().text(), ContainsSubstring("insufficient permissions"));
      break;
    }
    lines += some->lines.size();
  }
  CHECK(lines == 1);
  CHECK(log->position() == "journal boot1 c2");
  const auto arguments = [&] { return read_file(dir / "arguments"); };
  CHECK_THAT(arguments(), ContainsSubstring("--lines=1"));
  REQUIRE(bench.open(*log, "journal boot1 c2"));
  while (run_to_end(bench.loop, log->next())) {
  }
  CHECK_THAT(arguments(), ContainsSubstring("--after-cursor=c2 --lines=all"));
  REQUIRE(bench.open(*log, "journal boot0 c2"));
  while (run_to_end(bench.loop, log->next())) {
  }
  CHECK_THAT(arguments(), ContainsSubstring("--lines=all"));
  CHECK(arguments().find("after-cursor") == std::string::npos);
}
