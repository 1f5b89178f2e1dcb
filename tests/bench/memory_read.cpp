// The speed limit of anything that reads a file from the page cache: its mapping added up in the widest
// registers the processor has, and nothing else done.
//
// usage: redflag_bench_memory_read FILE THREADS REPEATS
// prints: mapped GB/s (pages mapped before the clock starts), fresh GB/s (mapping and page faults counted);
// medians
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using Sum = std::uint64_t (*)(const std::uint8_t*, std::size_t);

std::uint64_t sum_plain(const std::uint8_t* data, std::size_t size) {
  std::uint64_t sums[4] = {};
  for (std::size_t at = 0; at + sizeof sums <= size; at += sizeof sums) {
    std::uint64_t words[4];
    std::memcpy(words, data + at, sizeof words);
    for (int i = 0; i < 4; ++i) sums[i] += words[i];
  }
  return sums[0] + sums[1] + sums[2] + sums[3];
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::uint64_t sum_avx2(const std::uint8_t* data, std::size_t size) {
  __m256i sums[8] = {};
  for (std::size_t at = 0; at + sizeof sums <= size; at += sizeof sums) {
    for (std::size_t i = 0; i < 8; ++i) {
      const auto* from = reinterpret_cast<const __m256i*>(data + at + i * 32);
      sums[i] = _mm256_add_epi64(sums[i], _mm256_loadu_si256(from));
    }
  }
  for (std::size_t i = 1; i < 8; ++i) sums[0] = _mm256_add_epi64(sums[0], sums[i]);
  return static_cast<std::uint64_t>(_mm256_extract_epi64(sums[0], 0) ^ _mm256_extract_epi64(sums[0], 3));
}

__attribute__((target("avx512f"))) std::uint64_t sum_avx512(const std::uint8_t* data, std::size_t size) {
  __m512i sums[8] = {};
  for (std::size_t at = 0; at + sizeof sums <= size; at += sizeof sums) {
    for (std::size_t i = 0; i < 8; ++i)
      sums[i] = _mm512_add_epi64(sums[i], _mm512_loadu_si512(data + at + i * 64));
  }
  for (std::size_t i = 1; i < 8; ++i) sums[0] = _mm512_add_epi64(sums[0], sums[i]);
  std::uint64_t words[8];
  std::memcpy(words, &sums[0], sizeof words);
  return words[0] ^ words[7];
}
#endif

Sum fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return sum_avx512;
  if (__builtin_cpu_supports("avx2")) return sum_avx2;
#endif
  return sum_plain;
}

/// Each thread takes a contiguous share.
std::uint64_t read_all(const std::uint8_t* data, std::size_t size, std::size_t threads) {
  const Sum sum = fastest();
  std::vector<std::uint64_t> sums(threads);
  std::vector<std::thread> others;
  const std::size_t share = size / threads;
  for (std::size_t i = 1; i < threads; ++i) {
    others.emplace_back([&, i] { sums[i] = sum(data + i * share, share); });
  }
  sums[0] = sum(data, share);
  for (auto& other : others) other.join();
  for (std::size_t i = 1; i < threads; ++i) sums[0] ^= sums[i];
  return sums[0];
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

const std::uint8_t* map(int file, std::size_t size, int flags) {
  void* at = mmap(nullptr, size, PROT_READ, MAP_SHARED | flags, file, 0);
  if (at == MAP_FAILED) {
    std::perror("mmap");
    std::exit(1);
  }
  return static_cast<const std::uint8_t*>(at);
}

void unmap(const std::uint8_t* at, std::size_t size) {
  munmap(const_cast<std::uint8_t*>(at), size);
}

}  // namespace

int main(int argc, char** argv) {
  const int file = argc == 4 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  struct stat status {};
  if (file < 0 || fstat(file, &status) != 0 || status.st_size <= 0) {
    std::fprintf(stderr, "usage: redflag_bench_memory_read FILE THREADS REPEATS\n");
    return 2;
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  const auto threads = static_cast<std::size_t>(std::max(1, std::atoi(argv[2])));
  const int repeats = std::max(1, std::atoi(argv[3]));
  std::uint64_t kept = 0;
  std::vector<double> mapped;
  std::vector<double> fresh;
  for (int i = 0; i < repeats; ++i) {
    const double start = seconds_now();
    const std::uint8_t* data = map(file, size, 0);
    kept ^= read_all(data, size, threads);
    unmap(data, size);
    fresh.push_back(static_cast<double>(size) / (seconds_now() - start) / 1e9);
  }
  const std::uint8_t* data = map(file, size, MAP_POPULATE);
  kept ^= read_all(data, size, threads);
  for (int i = 0; i < repeats; ++i) {
    const double start = seconds_now();
    kept ^= read_all(data, size, threads);
    mapped.push_back(static_cast<double>(size) / (seconds_now() - start) / 1e9);
  }
  unmap(data, size);
  std::printf("mapped %.3f fresh %.3f sum %016llx\n", median(mapped), median(fresh),
              static_cast<unsigned long long>(kept));
  return 0;
}
