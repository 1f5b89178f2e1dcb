#include "daemon/inspect/sandbox.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/give_way.h"

namespace redflag::inspect {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;  // its shadow takes terabytes of address space
#else
constexpr bool kSanitized = false;
#endif

Result<void> limit(decltype(RLIMIT_AS) what, const char* name, std::uint64_t value) {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return fail(ErrorCode::unavailable, name, std::strerror(errno));
  // A lower limit that is already there stays.
  now.rlim_max = std::min<rlim_t>(now.rlim_max, value);
  now.rlim_cur = now.rlim_max;
  if (::setrlimit(what, &now) == 0) return {};
  return fail(ErrorCode::unavailable, name, std::strerror(errno));
}

Result<void> set_limits(const SandboxOptions& options) {
  if (!kSanitized) {
    if (auto done = limit(RLIMIT_AS, "limiting memory", options.memory_bytes); !done) return done;
  }
  if (auto done = limit(RLIMIT_CPU, "limiting CPU time", options.cpu_seconds); !done) return done;
  if (auto done = limit(RLIMIT_NOFILE, "limiting open files", options.open_files); !done) return done;
  return limit(RLIMIT_CORE, "switching off core dumps", 0);
}

/// "" when it holds.
std::string restrict_paths(const std::vector<std::string>& roots) {
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return "no Landlock in this kernel";
  landlock_ruleset_attr attributes{};
  // Everything of the first version: what later ones add is denied by seccomp.
  attributes.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  const int rules =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  if (rules < 0) return "no Landlock in this kernel";
  for (const std::string& root : roots) {
    landlock_path_beneath_attr beneath{};
    beneath.parent_fd = ::open(root.c_str(), O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0) continue;  // gone: then nothing below it can be opened either
    beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0 &&
        errno == EINVAL) {
      beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;  // a root that is a file
      ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    }
    ::close(beneath.parent_fd);
  }
  const bool held = ::syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  ::close(rules);
  return held ? "" : std::string("Landlock could not be switched on: ") + std::strerror(errno);
}

Result<void> filter_calls() {
  constexpr const char* kDoing = "filtering system calls";
  scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == nullptr) return fail(ErrorCode::unavailable, kDoing, "out of memory");
  int bad = 0;
  const auto allow = [&](int call) {
    bad = bad != 0 ? bad : ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
  };
  for (const int call : {SCMP_SYS(read),
                         SCMP_SYS(pread64),
                         SCMP_SYS(readv),
                         SCMP_SYS(close),
                         SCMP_SYS(fstat),
                         SCMP_SYS(newfstatat),
                         SCMP_SYS(statx),
                         SCMP_SYS(lseek),
                         SCMP_SYS(getdents64),
                         SCMP_SYS(munmap),
                         SCMP_SYS(mremap),
                         SCMP_SYS(madvise),
                         SCMP_SYS(mincore),
                         SCMP_SYS(brk),
                         SCMP_SYS(fadvise64),
                         SCMP_SYS(futex),
                         SCMP_SYS(rt_sigaction),
                         SCMP_SYS(rt_sigprocmask),
                         SCMP_SYS(rt_sigreturn),
                         SCMP_SYS(sigaltstack),
                         SCMP_SYS(exit),
                         SCMP_SYS(exit_group),
                         SCMP_SYS(getpid),
                         SCMP_SYS(gettid),
                         SCMP_SYS(tgkill),
                         SCMP_SYS(clock_gettime),
                         SCMP_SYS(clock_nanosleep),
                         SCMP_SYS(sched_yield),
                         SCMP_SYS(sched_getaffinity),
                         SCMP_SYS(getrandom),
                         SCMP_SYS(set_robust_list),
                         SCMP_SYS(rseq),
                         SCMP_SYS(restart_syscall),
                         SCMP_SYS(getrusage)}) {
    allow(call);
  }
  const auto allow_if = [&](int call, scmp_arg_cmp condition) {
    bad = bad != 0 ? bad : ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, condition);
  };
  // Open for reading alone; write to standard output and error alone; map nothing executable; threads, but no
  // processes.
  allow_if(SCMP_SYS(openat),
           SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE, O_RDONLY));
  allow_if(SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
  for (const std::uint64_t output : {STDOUT_FILENO, STDERR_FILENO}) {
    allow_if(SCMP_SYS(write), SCMP_A0(SCMP_CMP_EQ, output));
    allow_if(SCMP_SYS(writev), SCMP_A0(SCMP_CMP_EQ, output));
  }
  allow_if(SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  allow_if(SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  allow_if(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  for (const std::uint64_t command : {F_GETFL, F_GETFD, F_SETLEASE})
    allow_if(SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, command));
  // Its flags lie in memory, where a filter cannot look: the C library then takes clone.
  if (bad == 0) bad = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  if (bad == 0) bad = ::seccomp_load(filter);
  ::seccomp_release(filter);
  if (bad != 0) return fail(ErrorCode::unavailable, kDoing, std::strerror(-bad));
  return {};
}

}  // namespace

Result<std::string> enter_sandbox(const SandboxOptions& options) {
  daemon::give_way();
  if (auto done = set_limits(options); !done) return tl::unexpected(done.error());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail(ErrorCode::unavailable, "giving up privileges", std::strerror(errno));
  }
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const std::string lacking = restrict_paths(options.roots);
  if (!kSanitized) {
    if (auto done = filter_calls(); !done) return tl::unexpected(done.error());
  }
  return lacking;
}

}  // namespace redflag::inspect
