#include "daemon/forward/limits.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/give_way.h"

namespace redflag::forward {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kShadowMemory = true;  // counted as data, terabytes of it
#else
constexpr bool kShadowMemory = false;
#endif

void set_limit(int resource, std::uint64_t soft, std::uint64_t hard) {
  const rlimit limit{soft, hard};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

extern "C" void out_of_cpu(int) {
  static constexpr char kText[] =
      "{\"status\":\"not_checked\",\"reason\":\"stopped: it used more CPU time than --cpu-seconds "
      "allows\"}\n";
  const ssize_t ignored = ::write(STDOUT_FILENO, kText, sizeof(kText) - 1);
  ::_exit(ignored > 0 ? 0 : 1);
}

void limit_cpu(std::uint64_t seconds) {
  struct sigaction action {};
  action.sa_handler = out_of_cpu;
  ::sigaction(SIGXCPU, &action, nullptr);
  set_limit(RLIMIT_CPU, seconds, seconds + 5);
}

/// A line of /proc/self/status in bytes: "VmHWM:   123 kB".
std::uint64_t status_bytes(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    std::istringstream words(line.substr(key.size()));
    std::uint64_t kilobytes = 0;
    words >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

void deny(scmp_filter_ctx filter, int call) {
  if (call >= 0) seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
}

void deny_opening_for_writing(scmp_filter_ctx filter) {
  for (const int bit : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND}) {
    const auto flag = static_cast<scmp_datum_t>(bit);
    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 1,
                     SCMP_A1(SCMP_CMP_MASKED_EQ, flag, flag));
    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1,
                     SCMP_A2(SCMP_CMP_MASKED_EQ, flag, flag));
  }
  seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0);  // its flags lie in memory
}

/// TorchScript can save to files; a library that a hostile file took over could do more.
bool confine_system_calls() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) return false;
  for (const int call : {SCMP_SYS(execve),
                         SCMP_SYS(execveat),
                         SCMP_SYS(fork),
                         SCMP_SYS(vfork),
                         SCMP_SYS(ptrace),
                         SCMP_SYS(socket),
                         SCMP_SYS(connect),
                         SCMP_SYS(bind),
                         SCMP_SYS(sendto),
                         SCMP_SYS(sendmsg),
                         SCMP_SYS(creat),
                         SCMP_SYS(unlink),
                         SCMP_SYS(unlinkat),
                         SCMP_SYS(rename),
                         SCMP_SYS(renameat),
                         SCMP_SYS(renameat2),
                         SCMP_SYS(mkdir),
                         SCMP_SYS(mkdirat),
                         SCMP_SYS(rmdir),
                         SCMP_SYS(link),
                         SCMP_SYS(linkat),
                         SCMP_SYS(symlink),
                         SCMP_SYS(symlinkat),
                         SCMP_SYS(mknod),
                         SCMP_SYS(mknodat),
                         SCMP_SYS(chmod),
                         SCMP_SYS(fchmod),
                         SCMP_SYS(fchmodat),
                         SCMP_SYS(chown),
                         SCMP_SYS(fchown),
                         SCMP_SYS(fchownat),
                         SCMP_SYS(lchown),
                         SCMP_SYS(truncate),
                         SCMP_SYS(process_vm_readv),
                         SCMP_SYS(process_vm_writev),
                         SCMP_SYS(kill),
                         SCMP_SYS(tkill),
                         SCMP_SYS(setxattr),
                         SCMP_SYS(mount),
                         SCMP_SYS(bpf),
                         SCMP_SYS(io_uring_setup),
                         SCMP_SYS(userfaultfd),
                         SCMP_SYS(perf_event_open),
                         SCMP_SYS(memfd_create)})
    deny(filter, call);
  deny_opening_for_writing(filter);
  seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);  // the BLAS has started its threads already
  const bool loaded = seccomp_load(filter) == 0;
  seccomp_release(filter);
  return loaded;
}

}  // namespace

Confinement confine(const Limits& limits) {
  Confinement got;
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  set_limit(RLIMIT_CORE, 0, 0);
  daemon::give_way();
  if (limits.cpu_seconds > 0) limit_cpu(limits.cpu_seconds);
  if (limits.memory_bytes > 0 && !kShadowMemory) {
    // Libraries and thread stacks are counted as data before they are touched: the limit is for what comes on
    // top.
    const std::uint64_t most = status_bytes("VmData:") + limits.memory_bytes;
    set_limit(RLIMIT_DATA, most, most);
    got.memory = true;
  }
  got.seccomp = confine_system_calls();
  return got;
}

MemoryUse memory_use() {
  return {status_bytes("VmRSS:"), status_bytes("VmHWM:")};
}

}  // namespace redflag::forward
