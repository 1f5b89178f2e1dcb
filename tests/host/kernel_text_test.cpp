// Lines as kernels and drivers wrote them, and lines that were written to mislead.
#include "daemon/host/kernel_text.h"

#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

OomKill kill_of(std::string_view line) {
  const KernelNews news = read_kernel_text(line);
  INFO(line);
  REQUIRE(std::holds_alternative<OomKill>(news));
  return std::get<OomKill>(news);
}

XidError xid_of(std::string_view line) {
  const KernelNews news = read_kernel_text(line);
  INFO(line);
  REQUIRE(std::holds_alternative<XidError>(news));
  return std::get<XidError>(news);
}

bool nothing(std::string_view line) {
  return std::holds_alternative<std::monostate>(read_kernel_text(line));
}

}  // namespace

TEST_CASE("OOM kills of kernels from 4.4 to 6.x are read", "[host][kernel]") {
  const OomKill machine = kill_of(
      "Out of memory: Killed process 4711 (python3) total-vm:98304000kB, anon-rss:60100000kB, "
      "file-rss:1000kB, shmem-rss:2000kB, UID:1000 pgtables:190000kB oom_score_adj:0");
  CHECK(machine.pid == 4711);
  CHECK(machine.command == "python3");
  CHECK(machine.rss_kb == 60103000);
  CHECK_FALSE(machine.in_cgroup);

  const OomKill cgroup = kill_of(
      "Memory cgroup out of memory: Killed process 812 (pt_main_thread) total-vm:9000kB, anon-rss:8000kB, "
      "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:100kB oom_score_adj:1000");
  CHECK(cgroup.command == "pt_main_thread");
  CHECK(cgroup.in_cgroup);

  const OomKill summary = kill_of(
      "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/user.slice/"
      "job,"
      "task_memcg=/user.slice/job/a,task=python3,pid=812,uid=1000");
  CHECK(summary.pid == 812);
  CHECK(summary.command == "python3");
  CHECK(summary.constraint == "CONSTRAINT_MEMCG");
  CHECK(summary.cgroup == "/user.slice/job/a");
  CHECK(summary.in_cgroup);

  const OomKill global = kill_of(
      "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=user.slice,mems_allowed=0,global_oom,"
      "task_memcg=/user.slice/user-1000.slice/session-3.scope,task=python3,pid=4711,uid=1000");
  CHECK_FALSE(global.in_cgroup);
  CHECK(global.pid == 4711);

  const OomKill old = kill_of("Out of memory: Kill process 3021 (python) score 912 or sacrifice child");
  CHECK(old.pid == 3021);
  CHECK(old.command == "python");
  const OomKill old_second =
      kill_of("Killed process 3021 (python) total-vm:33554432kB, anon-rss:30000000kB, file-rss:12kB");
  CHECK(old_second.pid == 3021);
  CHECK(old_second.rss_kb == 30000012);
  CHECK(kill_of("Out of memory (oom_kill_allocating_task): Killed process 5 (a) total-vm:1kB").pid == 5);
}

TEST_CASE("what accompanies a kill, or only sounds like one, is no kill", "[host][kernel]") {
  CHECK(nothing(
      "python3 invoked oom-killer: gfp_mask=0x1100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0"));
  CHECK(nothing("oom_reaper: reaped process 4711 (python3), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"));
  CHECK(nothing("[   4711]  1000  4711 24576000 15025000 190000000        0             0 python3"));
  CHECK(nothing("usb 1-1: Product: Killed process 1 (x)"));
  CHECK(nothing("audit: comm=\"Out of memory: Killed process 1 (x)\""));
  CHECK(nothing("Out of memory and no killable processes..."));
  CHECK(nothing(""));
}

TEST_CASE("a process may call itself what it likes, and a line may be cut anywhere", "[host][kernel]") {
  CHECK(kill_of("Out of memory: Killed process 7 (a) b (c) total-vm:1kB, anon-rss:5kB").command == "a) b (c");
  CHECK(kill_of("Out of memory: Killed process 7 () total-vm:1kB").command.empty());
  const OomKill comma =
      kill_of("oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/a,task=x,b,task=y,pid=1,pid=8,uid=0");
  CHECK(comma.pid == 8);
  const std::string line =
      "Out of memory: Killed process 4711 (python3) total-vm:98304000kB, anon-rss:60100000kB, UID:1000";
  for (std::size_t cut = 0; cut < line.size(); ++cut) {
    const KernelNews news = read_kernel_text(std::string_view(line).substr(0, cut));
    if (const auto* kill = std::get_if<OomKill>(&news)) CHECK(kill->pid == 4711);
  }
  CHECK(nothing("Out of memory: Killed process 99999999999999999999 (x) total-vm:1kB"));
  CHECK(nothing("Out of memory: Killed process -1 (x) total-vm:1kB"));
  CHECK(nothing("Out of memory: Killed process 0 (x) total-vm:1kB"));
  CHECK(kill_of("Out of memory: Killed process 1 (x) total-vm:1kB, anon-rss:18446744073709551615kB").rss_kb ==
        0);
  CHECK(nothing("oom-kill:constraint=CONSTRAINT_NONE,task=x"));
  CHECK(nothing("oom-kill:,pid=1,task=x"));
}

TEST_CASE("Xid lines of old and new drivers are read", "[host][kernel]") {
  const XidError fell =
      xid_of("NVRM: Xid (PCI:0000:65:00): 79, pid=4711, name=python3, GPU has fallen off the bus.");
  CHECK(fell.number == 79);
  CHECK(fell.pci == "0000:65:00.0");
  CHECK(fell.pid == 4711);
  CHECK(fell.command == "python3");
  CHECK(fell.words == "GPU has fallen off the bus.");

  const XidError unknown = xid_of(
      "NVRM: Xid (PCI:0000:3b:00): 63, pid='<unknown>', name=<unknown>, Row Remapper: New row marked for "
      "remapping, reset gpu to activate.");
  CHECK(unknown.number == 63);
  CHECK(unknown.pid == 0);
  CHECK(unknown.command.empty());

  const XidError old = xid_of("NVRM: Xid (0000:65:00): 31, Ch 00000010, engmask 00000101, intr 10000000");
  CHECK(old.number == 31);
  CHECK(old.words == "Ch 00000010, engmask 00000101, intr 10000000");
  CHECK(xid_of("NVRM: Xid (PCI:0000:17:00): 13, Graphics SM Warp Exception").number == 13);
  CHECK(xid_of("NVRM: Xid (PCI:0000:17:00): 119, pid=1, name=a b, Timeout waiting for RPC").command == "a b");

  const KernelNews card =
      read_kernel_text("NVRM: GPU at PCI:0000:65:00: GPU-b850f46d-d5ea-c752-ddf3-c7b0b6c0a2d5");
  REQUIRE(std::holds_alternative<GpuAddress>(card));
  CHECK(std::get<GpuAddress>(card).uuid == "GPU-b850f46d-d5ea-c752-ddf3-c7b0b6c0a2d5");
  CHECK(std::get<GpuAddress>(card).pci == "0000:65:00.0");
}

TEST_CASE("what is no Xid line is none", "[host][kernel]") {
  CHECK(nothing("NVRM: Xid (PCI:0000:65:00)"));
  CHECK(nothing("NVRM: Xid (PCI:0000:65:00): "));
  CHECK(nothing("NVRM: Xid (PCI:0000:65:00): x, pid=1"));
  CHECK(nothing("NVRM: Xid (PCI:../../etc/passwd): 79, pid=1"));
  CHECK(nothing("NVRM: Xid (PCI:0000:65:00): 0, pid=1"));
  CHECK(nothing("NVRM: Xid (PCI:0000:65:00): 99999999999, pid=1"));
  CHECK(nothing("NVRM: loading NVIDIA UNIX x86_64 Kernel Module  535.161.08"));
  CHECK(nothing("NVRM: GPU at PCI:0000:65:00: GPU-"));
}

TEST_CASE("one card has one address, however it is written", "[host][kernel]") {
  CHECK(normal_pci("0000:65:00") == "0000:65:00.0");
  CHECK(normal_pci("00000000:65:00.0") == "0000:65:00.0");
  CHECK(normal_pci("0000:AB:00") == "0000:ab:00.0");
}

TEST_CASE("a record of /dev/kmsg has a number, a time and a text", "[host][kernel]") {
  const auto record = parse_kmsg(
      "4,1234,5678901234,-;Out of memory: Killed process 1 (a\\x0ab) total-vm:1kB\n SUBSYSTEM=pci\n "
      "DEVICE=+pci:x\n");
  REQUIRE(record);
  CHECK(record->seq == 1234);
  CHECK(record->microseconds == 5678901234);
  CHECK(record->from_kernel);
  CHECK(record->text == "Out of memory: Killed process 1 (a\nb) total-vm:1kB");
  // What a program wrote into the log is no word of the kernel's.
  CHECK_FALSE(parse_kmsg("12,5,1,-;Out of memory: Killed process 1 (x)")->from_kernel);
  CHECK(parse_kmsg("6,5,1,c,caller=T1;text")->text == "text");
  CHECK_FALSE(parse_kmsg(""));
  CHECK_FALSE(parse_kmsg("6,5;text"));
  CHECK_FALSE(parse_kmsg("a,b,c,-;text"));
  CHECK_FALSE(parse_kmsg("6,5,1,-"));
  CHECK(parse_kmsg("6,5,1,-;back\\x5cslash \\xzz \\x")->text == "back\\slash \\xzz \\x");
}

TEST_CASE("a line of the journal has a cursor, a boot and a text", "[host][kernel]") {
  const auto record = parse_journal(
      R"({"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1795392000000000","_BOOT_ID":"b","_TRANSPORT":"kernel",)"
      R"("SYSLOG_FACILITY":"0","MESSAGE":"NVRM: Xid (PCI:0000:65:00): 79, pid=1, name=a, x"})");
  REQUIRE(record);
  CHECK(record->cursor == "s=1;i=2");
  CHECK(record->boot == "b");
  CHECK(record->from_kernel);
  CHECK(to_rfc3339(record->time) == "2026-11-23T00:00:00Z");
  // Text that is no UTF-8 comes as numbers.
  CHECK(parse_journal(R"({"__CURSOR":"c","MESSAGE":[79,117,116,255]})")->text == "Out\xff");
  CHECK(parse_journal(R"({"__CURSOR":"c","MESSAGE":[79,999]})")->text.empty());
  CHECK(parse_journal(R"({"__CURSOR":"c","MESSAGE":null})")->text.empty());
  CHECK_FALSE(parse_journal(R"({"__CURSOR":"c","_TRANSPORT":"stdout","MESSAGE":"x"})")->from_kernel);
  CHECK_FALSE(parse_journal(R"({"MESSAGE":"x"})"));
  CHECK_FALSE(parse_journal("-- No entries --"));
  CHECK_FALSE(parse_journal("[1]"));
}
