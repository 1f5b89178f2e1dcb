#include "daemon/inspect/self_test.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/inspect/sandbox.h"

namespace redflag::inspect {
namespace {

/// What a try ends with: 0 it was allowed, else the errno that stopped it.
using Try = std::function<int()>;

struct Trial {
  const char* what;
  const char* by;
  Try attempt;
  bool killed = false;  ///< stopped by a signal rather than an error
};

int outcome(long result) {
  return result < 0 ? errno : 0;
}

int burn_processor() {
  volatile std::uint64_t sum = 0;
  for (;;) sum = sum + 1;
}

int open_many(const std::string& path) {
  for (int i = 0; i < 100; ++i) {
    if (::open(path.c_str(), O_RDONLY) < 0) return errno;
  }
  return 0;
}

int take_memory() {
  void* const block =
      ::mmap(nullptr, std::size_t{1} << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return block == MAP_FAILED ? errno : 0;
}

std::vector<Trial> trials(const std::string& root, const std::string& inside) {
  return {
      {"open a socket", "seccomp", [] { return outcome(::socket(AF_INET, SOCK_STREAM, 0)); }},
      {"start a program", "seccomp",
       [] {
         char name[] = "/bin/true";
         char* argv[] = {name, nullptr};
         return outcome(::execve(name, argv, nullptr));
       }},
      {"make a process", "seccomp",
       [] {
         const long child = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
         if (child == 0) ::_exit(0);
         return outcome(child);
       }},
      {"open a file for writing", "seccomp", [inside] { return outcome(::open(inside.c_str(), O_WRONLY)); }},
      {"make a file", "seccomp",
       [root] { return outcome(::open((root + "/new").c_str(), O_RDWR | O_CREAT, 0600)); }},
      {"delete a file", "seccomp", [inside] { return outcome(::unlink(inside.c_str())); }},
      {"map memory to run code from", "seccomp",
       [] {
         void* const block =
             ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return block == MAP_FAILED ? errno : 0;
       }},
      {"look at another process", "seccomp",
       [] { return outcome(::syscall(SYS_ptrace, 16, ::getppid(), 0, 0)); }},
      {"read a file outside its roots", "Landlock", [] { return outcome(::open("/etc/passwd", O_RDONLY)); }},
      {"take 1 GiB of memory", "RLIMIT_AS", take_memory},
      {"open 100 files", "RLIMIT_NOFILE", [inside] { return open_many(inside); }},
      {"compute for more than its CPU seconds", "RLIMIT_CPU", burn_processor, true},
  };
}

struct Ended {
  int error = 0;
  int signal = 0;
};

Ended run_apart(const Trial& trial, const SandboxOptions& options) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto entered = enter_sandbox(options);
    ::_exit(entered ? trial.attempt() : 255);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

}  // namespace

bool run_self_test() {
  char root[] = "/tmp/redflag-self-test-XXXXXX";
  if (::mkdtemp(root) == nullptr) {
    fmt::print(stderr, "redflag-inspect: no directory in /tmp: {}\n", std::strerror(errno));
    return false;
  }
  const std::string inside = std::string(root) + "/file";
  ::close(::open(inside.c_str(), O_WRONLY | O_CREAT, 0600));
  SandboxOptions options;
  options.roots = {root};
  options.cpu_seconds = 1;
  bool all = true;
  const auto report = [&](const char* what, const char* by, bool stopped, const std::string& how) {
    fmt::print("{:<8} {:<40} {} ({})\n", stopped ? "stopped" : "ALLOWED", what, by, how);
    all = all && stopped;
  };
  for (const Trial& trial : trials(root, inside)) {
    const Ended end = run_apart(trial, options);
    if (trial.killed) {
      report(trial.what, trial.by, end.signal == SIGXCPU || end.signal == SIGKILL,
             end.signal != 0 ? ::strsignal(end.signal) : "ended");
    } else {
      report(trial.what, trial.by, end.error != 0 && end.error != 255,
             end.error == 255 ? "no sandbox" : std::strerror(end.error));
    }
  }
  // And that what it is for still works.
  const Ended reading =
      run_apart({"", "", [inside] { return outcome(::open(inside.c_str(), O_RDONLY)); }}, options);
  fmt::print("{:<8} {:<40} its purpose\n", reading.error == 0 ? "allowed" : "STOPPED",
             "read a file below its roots");
  all = all && reading.error == 0;
  ::unlink(inside.c_str());
  ::rmdir(root);
  return all;
}

}  // namespace redflag::inspect
