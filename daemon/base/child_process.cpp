#include "daemon/base/child_process.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/spawn.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;

}  // namespace

Result<ChildProcess> ChildProcess::start(asio::any_io_executor executor, const std::string& program,
                                         const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& environment) {
  SpawnOptions options;
  options.program = program;
  options.arguments = arguments;
  options.environment = environment;
  const Result<Spawned> spawned = spawn(options);
  if (!spawned) return tl::unexpected<Error>(spawned.error());
  if (spawned->pidfd >= 0) ::close(spawned->pidfd);
  return ChildProcess(spawned->pid, asio::posix::stream_descriptor(executor, spawned->errors));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), stream_(std::move(other.stream_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

void ChildProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

asio::awaitable<void> ChildProcess::read_lines(std::function<void(std::string_view)> each) {
  std::string pending;
  std::string buffer(16384, '\0');
  for (;;) {
    boost::system::error_code error;
    const std::size_t size = co_await stream_.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    pending.append(buffer, 0, size);
    std::size_t begin = 0;
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
      each(std::string_view(pending).substr(begin, end - begin));
      begin = end + 1;
    }
    pending.erase(0, begin);
    if (pending.size() > kLongestLine) pending.resize(kLongestLine);
  }
  if (!pending.empty()) each(pending);
}

int ChildProcess::wait() {
  if (pid_ <= 0) return 0;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string sibling_program(const std::string& name) {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return name;
  const std::string self(path, static_cast<std::size_t>(size));
  return program_near(self.substr(0, self.rfind('/') + 1), name);
}

std::string program_near(const std::string& folder, const std::string& name) {
  const std::string beside = folder + name;
  const std::string apart = folder + "../libexec/redflag/";
  // The folder decides, not the program: what is installed later (redflag-forward) is then found without a
  // restart.
  const bool packaged = ::access(beside.c_str(), F_OK) != 0 && ::access(apart.c_str(), F_OK) == 0;
  return packaged ? apart + name : beside;
}

}  // namespace redflag::daemon
