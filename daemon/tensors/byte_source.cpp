#include "daemon/tensors/byte_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace redflag::tensors {
namespace {

FileSource::Identity identity_of(const struct stat& info) {
  FileSource::Identity out;
  out.size = static_cast<std::uint64_t>(info.st_size);
  out.modified_ns = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  out.inode = info.st_ino;
  out.device = info.st_dev;
  return out;
}

}  // namespace

std::string ByteSource::bytes(std::uint64_t offset, std::size_t length) const {
  if (offset >= size()) return {};
  std::string out(static_cast<std::size_t>(std::min<std::uint64_t>(length, size() - offset)), '\0');
  out.resize(read(offset, out.data(), out.size()));
  return out;
}

std::size_t MemorySource::read(std::uint64_t offset, void* out, std::size_t length) const {
  if (offset >= bytes_.size()) return 0;
  const std::size_t there = std::min<std::size_t>(length, bytes_.size() - static_cast<std::size_t>(offset));
  std::memcpy(out, bytes_.data() + offset, there);
  return there;
}

Result<FileSource> FileSource::open(const std::string& path) {
  const std::string doing = "reading " + path;
  // Not blocking: a pipe of that name would otherwise be waited on for ever.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (descriptor < 0) {
    const int error = errno;
    const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::not_found
                           : error == EACCES || error == EPERM ? ErrorCode::denied
                                                               : ErrorCode::unavailable;
    return fail(code, doing, std::strerror(error));
  }
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return fail(ErrorCode::invalid_input, doing, "not a regular file");
  }
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);  // reads ahead twice as far
  return FileSource(descriptor, identity_of(info));
}

FileSource::FileSource(FileSource&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), identity_(other.identity_) {}

FileSource::~FileSource() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t FileSource::read(std::uint64_t offset, void* out, std::size_t length) const {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got = ::pread(descriptor_, static_cast<char*>(out) + done, length - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

FileSource::Identity FileSource::identity_now() const {
  struct stat info {};
  return ::fstat(descriptor_, &info) == 0 ? identity_of(info) : Identity{};
}

bool FileSource::has_writer() const {
  // A read lease is granted only while nobody has the file open for writing, and given back at once.
  if (::fcntl(descriptor_, F_SETLEASE, F_RDLCK) == 0) {
    ::fcntl(descriptor_, F_SETLEASE, F_UNLCK);
    return false;
  }
  return errno == EAGAIN;
}

}  // namespace redflag::tensors
