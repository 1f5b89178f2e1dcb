#include "daemon/base/system_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/event.h"
#include "daemon/base/log.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kReadAtOnce = std::size_t{64} << 10;
constexpr std::size_t kLongestWords = 500;
constexpr int kLoggedLines = 100;

ProcessEnd end_of(int status) {
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

Duration duration_of(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

std::string printable(std::string_view line) {
  std::string out;
  for (const char c : line.substr(0, kLongestWords)) {
    const bool plain = c >= ' ' && c <= '~';
    out += plain ? c : '?';
  }
  return out;
}

/// What lives until the program has ended, longer perhaps than the Process: the loop's handlers share it.
struct Life : std::enable_shared_from_this<Life> {
  Life(const asio::any_io_executor& executor, const Spawned& spawned, std::string program)
      : name(program.substr(program.rfind('/') + 1)),
        pid(spawned.pid),
        input(executor, asio::local::stream_protocol(), spawned.input),
        output(executor, spawned.output),
        errors(executor, spawned.errors),
        pidfd(executor, spawned.pidfd),
        end_told(executor) {}
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;
  ~Life() {
    // The loop is gone before the program: it is told to go, and init will reap it.
    if (end) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, WNOHANG);
  }

  void start() {
    await_end();
    follow_errors();
  }

  void await_end() {
    pidfd.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error) self->reap();
                     });
  }

  void reap() {
    int status = 0;
    rusage usage{};
    const pid_t got = ::wait4(pid, &status, WNOHANG, &usage);
    if (got == 0 || (got < 0 && errno == EINTR)) return await_end();
    end = got == pid ? end_of(status) : ProcessEnd{127, 0};
    cpu_at_end = duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
    // What it said last is read before its end is told; a read that is under way comes first.
    if (errors_done) return end_told.set();
    boost::system::error_code ignored;
    errors.cancel(ignored);
  }

  void follow_errors() {
    errors.async_read_some(
        asio::buffer(error_bytes),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
          if (!error) self->take(std::string_view(self->error_bytes.data(), size));
          if (!error && !self->end) return self->follow_errors();
          if (self->end) self->drain_errors();
          self->say_line();
          self->errors_done = true;
          if (self->end) self->end_told.set();
        });
  }

  void drain_errors() {
    boost::system::error_code error;
    errors.non_blocking(true, error);
    std::array<char, 4096> bytes;
    while (!error) {
      const std::size_t size = errors.read_some(asio::buffer(bytes), error);
      take(std::string_view(bytes.data(), size));
    }
  }

  void take(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n') {
        say_line();
      } else if (line.size() < kLongestWords) {
        line += c;
      }
    }
  }

  void say_line() {
    if (line.empty()) return;
    words = printable(line);
    line.clear();
    if (++lines <= kLoggedLines) log_debug(name, "{}", words);
    if (lines == kLoggedLines) log_debug(name, "it says more; the rest is not logged");
  }

  std::string name;
  pid_t pid;
  asio::local::stream_protocol::socket input;
  asio::posix::stream_descriptor output;
  asio::posix::stream_descriptor errors;
  asio::posix::stream_descriptor pidfd;
  Event end_told;
  std::optional<ProcessEnd> end;
  Duration cpu_at_end{};
  std::array<char, 4096> error_bytes;
  std::string line;
  std::string words;
  int lines = 0;
  bool errors_done = false;
};

void close(auto& stream) {
  boost::system::error_code ignored;
  if (stream.is_open()) stream.close(ignored);
}

class SystemProcess final : public Process {
 public:
  explicit SystemProcess(std::shared_ptr<Life> life) : life_(std::move(life)) {}
  ~SystemProcess() override {
    kill();
    close(life_->input);
    close(life_->output);
    // The errors and the pidfd go on until the program is gone, which a disk that hangs may delay for hours.
  }

  asio::awaitable<bool> write(std::string_view bytes) override {
    boost::system::error_code error;
    co_await asio::async_write(life_->input, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
    co_return !error;
  }
  void close_input() override { close(life_->input); }

  asio::awaitable<bool> read(std::string& into) override {
    boost::system::error_code error;
    const std::size_t size = co_await life_->output.async_read_some(
        asio::buffer(buffer_), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
    if (error) co_return false;
    into.append(buffer_, 0, size);
    co_return true;
  }

  asio::awaitable<ProcessEnd> ended() override {
    while (!life_->end || !life_->errors_done) {
      const std::uint64_t seen = life_->end_told.count();
      co_await life_->end_told.wait_past(seen);
    }
    co_return *life_->end;
  }

  void kill() override {
    if (!life_->end) ::kill(life_->pid, SIGKILL);  // not reaped yet, so the number is still its own
  }

  Duration cpu_time() const override {
    clockid_t clock{};
    timespec used{};
    if (life_->end) return life_->cpu_at_end;
    if (::clock_getcpuclockid(life_->pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return {};
    return std::chrono::floor<Duration>(std::chrono::seconds{used.tv_sec} +
                                        std::chrono::nanoseconds{used.tv_nsec});
  }

  std::string last_words() const override {
    return life_->line.empty() ? life_->words : printable(life_->line);
  }

 private:
  std::shared_ptr<Life> life_;
  std::string buffer_ = std::string(kReadAtOnce, '\0');
};

}  // namespace

Result<std::unique_ptr<Process>> SystemLauncher::launch(SpawnOptions options) {
  options.input = ChildStream::pipe;
  options.output = ChildStream::pipe;
  options.errors = ChildStream::pipe;
  const Result<Spawned> spawned = spawn(options);
  if (!spawned) return tl::unexpected<Error>(spawned.error());
  if (spawned->pidfd < 0) {
    for (const int fd : {spawned->input, spawned->output, spawned->errors}) ::close(fd);
    ::kill(spawned->pid, SIGKILL);
    ::waitpid(spawned->pid, nullptr, 0);
    return fail(ErrorCode::unavailable, "starting " + options.program,
                fmt::format("the kernel gives no pidfd ({})", std::strerror(errno)),
                "run it on Linux 5.3 or newer");
  }
  auto life = std::make_shared<Life>(executor_, *spawned, options.program);
  life->start();
  return std::unique_ptr<Process>(new SystemProcess(std::move(life)));
}

}  // namespace redflag::daemon
