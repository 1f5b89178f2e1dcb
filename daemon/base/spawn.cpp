#include "daemon/base/spawn.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/give_way.h"

namespace redflag::daemon {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const std::string& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

/// Descriptors that are closed unless somebody takes them.
class Pipe {
 public:
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  bool open() { return ::pipe2(ends_.data(), O_CLOEXEC) == 0 && move_up(); }
  /// The same by a socket: writing to a child that is gone is then an error (MSG_NOSIGNAL), and not SIGPIPE.
  bool open_socket() {
    return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()) == 0 && move_up();
  }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  int take_reader() { return std::exchange(ends_[0], -1); }
  int take_writer() { return std::exchange(ends_[1], -1); }

 private:
  bool move_up() {
    // A daemon that was started without standard streams gets 0, 1 and 2 here: the child's dup2 would trip
    // over them.
    for (int& end : ends_) {
      if (end > STDERR_FILENO) continue;
      const int higher = ::fcntl(end, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      if (higher < 0) return false;
      ::close(end);
      end = higher;
    }
    return true;
  }

  std::array<int, 2> ends_{-1, -1};
};

// --- In the child: only what is async-signal-safe ---

void limit(__rlimit_resource what, rlim_t soft, rlim_t hard) {
  const rlimit wanted{soft, hard};
  (void)::setrlimit(what, &wanted);
}

/// At once, not by exec: a child that gives way may wait for the processor before it gets there, and would
/// hold on to what its parent holds (the lock of the state directory) although the parent was killed
/// meanwhile.
void close_all_but(int kept) {
  const auto fd = static_cast<unsigned>(kept);
  const bool below = fd == 3 || ::syscall(SYS_close_range, 3U, fd - 1, 0U) == 0;
  if (below && ::syscall(SYS_close_range, fd + 1, ~0U, 0U) == 0) return;
  for (int other = 3; other < 1024; ++other) {  // before Linux 5.9
    if (other != kept) (void)::close(other);
  }
}

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
}

/// `pipe_end` is -1 unless the stream is a pipe.
bool set_stream(int target, ChildStream stream, int pipe_end) {
  if (stream == ChildStream::inherit) return true;
  if (stream == ChildStream::pipe) return ::dup2(pipe_end, target) == target;
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  return nothing == target ? ::fcntl(nothing, F_SETFD, 0) == 0 : ::dup2(nothing, target) == target;
}

[[noreturn]] void report_and_leave(int status) {
  const int failure = errno;
  (void)!::write(status, &failure, sizeof failure);
  ::_exit(127);
}

void apply_limits(const SpawnOptions& options) {
  // 1 byte, not 0: that also stops a dump into a pipe (systemd-coredump), see core(5) and do_coredump() in
  // Linux.
  limit(RLIMIT_CORE, 1, 1);
  if (options.memory_bytes != 0) limit(RLIMIT_DATA, options.memory_bytes, options.memory_bytes);
  if (options.cpu_seconds != 0) limit(RLIMIT_CPU, options.cpu_seconds, options.cpu_seconds + 5);
  if (options.gives_way) give_way();
}

// --- In the parent ---

tl::unexpected<Error> start_failure(const std::string& program, int number) {
  const std::string doing = "starting " + program;
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return fail(ErrorCode::not_found, doing, "there is no such program");
    case EACCES:
    case EPERM:
      return fail(ErrorCode::denied, doing, std::strerror(number),
                  "make it executable for the user that runs redflag");
    default:
      return fail(ErrorCode::unavailable, doing, std::strerror(number), {},
                  number == EAGAIN || number == ENOMEM);
  }
}

/// What exec answered: 0 once it has happened (the status pipe closes with it).
int exec_failure(int status_reader) {
  int failure = 0;
  for (;;) {
    const ssize_t got = ::read(status_reader, &failure, sizeof failure);
    if (got < 0 && errno == EINTR) continue;
    return got == static_cast<ssize_t>(sizeof failure) ? failure : 0;
  }
}

int pidfd_of(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));  // close-on-exec by itself
}

}  // namespace

Result<Spawned> spawn(const SpawnOptions& options) {
  Pipe input;
  Pipe output;
  Pipe errors;
  Pipe status;
  if ((options.input == ChildStream::pipe && !input.open_socket()) ||
      (options.output == ChildStream::pipe && !output.open()) ||
      (options.errors == ChildStream::pipe && !errors.open()) || !status.open()) {
    return start_failure(options.program, errno);
  }
  std::vector<std::string> words{options.program};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(options.environment);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    reset_signals();
    if (!set_stream(STDIN_FILENO, options.input, input.reader()) ||
        !set_stream(STDOUT_FILENO, options.output, output.writer()) ||
        !set_stream(STDERR_FILENO, options.errors, errors.writer())) {
      report_and_leave(status.writer());
    }
    close_all_but(status.writer());
    apply_limits(options);
    ::execve(options.program.c_str(), argv.data(), envp.data());
    report_and_leave(status.writer());
  }
  if (pid < 0) return start_failure(options.program, errno);
  ::close(status.take_writer());
  if (const int failure = exec_failure(status.reader()); failure != 0) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return start_failure(options.program, failure);
  }
  return Spawned{pid, pidfd_of(pid), input.take_writer(), output.take_reader(), errors.take_reader()};
}

}  // namespace redflag::daemon
