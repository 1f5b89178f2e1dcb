// /dev/kmsg: each read gives one record, whole; EPIPE says that some were overwritten meanwhile.
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/host/kernel_log.h"
#include "daemon/host/kernel_text.h"
#include "daemon/host/small_file.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMostAtOnce = 256;
constexpr std::size_t kMostSkipped = 4096;  ///< records of no interest before others get their turn

class Kmsg final : public KernelLog {
 public:
  Kmsg(asio::any_io_executor executor, Clock& clock, std::string boot, std::string path)
      : clock_(clock), boot_(std::move(boot)), path_(std::move(path)), stream_(std::move(executor)) {}

  asio::awaitable<Result<void>> open(std::string position) override {
    boost::system::error_code ignored;
    stream_.close(ignored);
    const int fd = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
      const bool denied = errno == EACCES || errno == EPERM;
      co_return fail(denied ? ErrorCode::denied : ErrorCode::unavailable, "opening " + path_,
                     std::strerror(errno));
    }
    boost::system::error_code error;
    stream_.assign(fd, error);
    if (error) {  // no device, but a file that somebody put there
      ::close(fd);
      co_return fail(ErrorCode::unavailable, "following " + path_, error.message());
    }
    after_ = 0;
    skip_ = false;
    const std::string kept = "kmsg " + boot_ + " ";
    if (!boot_.empty() && position.starts_with(kept)) {
      after_ = leading_number(std::string_view(position).substr(kept.size())).value_or(0);
      skip_ = true;
    } else if (!position.starts_with("kmsg ")) {
      pass_over();
    }
    co_return Result<void>{};
  }

  asio::awaitable<Result<KernelLines>> next() override {
    KernelLines out;
    std::array<char, 8192> record;
    for (std::size_t read = 0;;) {
      const ssize_t got = ::read(stream_.native_handle(), record.data(), record.size());
      if (got > 0) {
        take(std::string_view(record.data(), static_cast<std::size_t>(got)), out);
        if (out.lines.size() == kMostAtOnce || ++read == kMostSkipped) co_return out;
        continue;
      }
      const int error = got == 0 ? EIO : errno;
      if (error == EINTR || error == EINVAL) continue;  // EINVAL: longer than any record of the kernel's
      if (error == EPIPE) {
        out.lost = true;
        continue;
      }
      if (error != EAGAIN)
        co_return fail(ErrorCode::unavailable, "reading " + path_, std::strerror(error), {}, true);
      if (!out.lines.empty() || read > 0) co_return out;
      boost::system::error_code failed;
      co_await stream_.async_wait(asio::posix::stream_descriptor::wait_read,
                                  asio::redirect_error(asio::use_awaitable, failed));
      if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
      if (failed) co_return fail(ErrorCode::unavailable, "following " + path_, failed.message(), {}, true);
    }
  }

  std::string position() const override { return "kmsg " + boot_ + " " + std::to_string(after_); }
  std::string_view name() const override { return "/dev/kmsg"; }

 private:
  /// To the end, read and not seeked: a position is the number of the last record, which a seek does not
  /// tell.
  void pass_over() {
    std::array<char, 8192> record;
    KernelLines old;
    for (std::size_t most = 0; most < 1'000'000; ++most) {
      const ssize_t got = ::read(stream_.native_handle(), record.data(), record.size());
      if (got > 0) take(std::string_view(record.data(), static_cast<std::size_t>(got)), old);
      if (got <= 0 && (got == 0 || (errno != EPIPE && errno != EINTR && errno != EINVAL))) break;
      old.lines.clear();
    }
  }

  void take(std::string_view record, KernelLines& out) {
    std::optional<KmsgRecord> one = parse_kmsg(record);
    if (!one || (skip_ && one->seq <= after_)) return;
    after_ = one->seq;
    skip_ = true;
    if (!one->from_kernel || std::holds_alternative<std::monostate>(read_kernel_text(one->text))) return;
    // The kernel stamps with its own clock, which stands still while the machine sleeps: so does this one.
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t since_boot = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
    const std::int64_t age = since_boot - static_cast<std::int64_t>(one->microseconds);
    out.lines.push_back({std::move(one->text), clock_.now() - Duration{std::max<std::int64_t>(age, 0)}});
  }

  Clock& clock_;
  std::string boot_;
  std::string path_;
  asio::posix::stream_descriptor stream_;
  std::uint64_t after_ = 0;
  bool skip_ = false;
};

}  // namespace

std::unique_ptr<KernelLog> make_kmsg(asio::any_io_executor executor, Clock& clock, std::string boot,
                                     std::string path) {
  return std::make_unique<Kmsg>(std::move(executor), clock, std::move(boot), std::move(path));
}

}  // namespace redflag::daemon
