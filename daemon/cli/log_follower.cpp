#include "daemon/cli/log_follower.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace redflag::daemon {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kMostAtOnce = 8 << 20;
constexpr std::size_t kMostLine = 1 << 20;
constexpr std::size_t kHead = 64;

std::string bytes_at(int fd, std::uint64_t offset, std::size_t count) {
  std::string bytes(count, '\0');
  const ssize_t got = ::pread(fd, bytes.data(), count, static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

}  // namespace

LogFollower::LogFollower(std::string path, std::size_t lines) : path_(std::move(path)), lines_(lines) {}

LogFollower::~LogFollower() {
  close();
}

void LogFollower::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool LogFollower::open() {
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) {
    trouble_ = std::strerror(errno);
    close();
    return false;
  }
  if (!S_ISREG(status.st_mode)) {
    trouble_ = "not a regular file";
    close();
    return false;
  }
  trouble_.clear();
  device_ = status.st_dev;
  inode_ = status.st_ino;
  offset_ = 0;
  head_.clear();
  partial_.clear();
  cutting_ = false;
  return true;
}

/// Reads backwards until there are enough line ends.
void LogFollower::begin_before_the_end(std::size_t lines) {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return;
  std::uint64_t at = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t end = at;
  std::size_t seen = 0;
  while (at > 0) {
    const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(at, kPiece));
    const std::string bytes = bytes_at(fd_, at - piece, piece);
    if (bytes.size() < piece) break;
    for (std::size_t i = piece; i-- > 0;) {
      // The line end at the very end closes the last line, it does not begin another.
      if (bytes[i] != '\n' || at - piece + i + 1 == end) continue;
      if (++seen < std::max<std::size_t>(lines, 1)) continue;
      offset_ = lines == 0 ? end : at - piece + i + 1;
      return;
    }
    at -= piece;
  }
  offset_ = lines == 0 ? end : 0;
}

/// The same file with less in it, or with something else in it: it was truncated and written anew.
bool LogFollower::changed_under_us() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return false;
  if (static_cast<std::uint64_t>(status.st_size) < offset_) return true;
  return !head_.empty() && bytes_at(fd_, 0, head_.size()) != head_;
}

void LogFollower::read(News& news) {
  more_ = false;
  std::array<char, kPiece> buffer{};
  for (std::size_t total = 0; total < kMostAtOnce;) {
    const ssize_t got = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset_));
    if (got <= 0) return;
    total += static_cast<std::size_t>(got);
    offset_ += static_cast<std::uint64_t>(got);
    std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view piece = rest.substr(0, end);
      if (!cutting_) partial_ += piece;
      if (partial_.size() > kMostLine) {
        partial_.resize(kMostLine);
        cutting_ = true;
      }
      if (end == std::string_view::npos) break;
      news.lines.push_back(std::move(partial_));
      partial_.clear();
      cutting_ = false;
      rest.remove_prefix(end + 1);
    }
  }
  more_ = true;
}

LogFollower::News LogFollower::poll() {
  News news;
  if (fd_ < 0) {
    if (!open()) {
      first_ = false;
      more_ = false;
      return news;
    }
    // A file that comes later is new from its beginning.
    if (first_) begin_before_the_end(lines_);
  } else if (changed_under_us()) {
    news.remark = "the log was truncated";
    offset_ = 0;
    head_.clear();
    partial_.clear();
    cutting_ = false;
  }
  first_ = false;
  read(news);
  if (head_.size() < kHead) head_ = bytes_at(fd_, 0, kHead);
  if (more_) return news;
  struct stat status {};
  const bool there = ::stat(path_.c_str(), &status) == 0;
  if (there && status.st_dev == device_ && status.st_ino == inode_) return news;
  if (!there) return news;  // moved away: what is still written to it is read until another takes its name
  if (!partial_.empty()) news.lines.push_back(std::move(partial_));
  close();
  if (open()) {
    news.remark = "the log was rotated";
    read(news);
    head_ = bytes_at(fd_, 0, kHead);
  }
  return news;
}

std::string LogFollower::rest() {
  return std::move(partial_);
}

}  // namespace redflag::daemon
