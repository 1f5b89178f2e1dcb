#include "daemon/tensors/chunk_reader.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace redflag::tensors {
namespace {

constexpr std::size_t kPiece = 256 * 1024;

struct Free {
  void operator()(std::uint8_t* bytes) const { std::free(bytes); }
};

/// One for each thread, for all files: fresh pages would cost a fault each. Aligned, as loads that straddle
/// cache lines cost double.
std::uint8_t* piece_buffer() {
  thread_local std::unique_ptr<std::uint8_t, Free> buffer(
      static_cast<std::uint8_t*>(std::aligned_alloc(4096, kPiece)));
  if (!buffer) throw std::bad_alloc();
  return buffer.get();
}

/// Is it in memory before we come? Then it is somebody's, and stays. Mapped only to ask: nothing is touched.
bool resident(int file, std::uint64_t offset, std::size_t length) {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before = static_cast<std::size_t>(offset % page);
  const std::size_t span = before + length;
  void* const start = ::mmap(nullptr, span, PROT_READ, MAP_SHARED, file, static_cast<off_t>(offset - before));
  if (start == MAP_FAILED) return true;
  std::vector<unsigned char> pages((span + page - 1) / page);
  const bool told = ::mincore(start, span, pages.data()) == 0;
  ::munmap(start, span);
  const auto held =
      std::count_if(pages.begin(), pages.end(), [](unsigned char each) { return (each & 1U) != 0; });
  return !told || static_cast<std::size_t>(held) * 2 > pages.size();
}

}  // namespace

bool ChunkReader::walk(std::uint64_t offset, std::size_t length, const Use& use) {
  const int file = source_.descriptor();
  const bool drop = drop_cache_ && file >= 0 && !resident(file, offset, length);
  std::uint8_t* const buffer = piece_buffer();
  bool whole = true;
  for (std::size_t at = 0; at < length && whole; at += kPiece) {
    const std::size_t n = std::min(kPiece, length - at);
    whole = source_.read(offset + at, buffer, n) == n;
    if (whole) use(buffer, n);
  }
  if (drop)
    ::posix_fadvise(file, static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_DONTNEED);
  return whole;
}

}  // namespace redflag::tensors
