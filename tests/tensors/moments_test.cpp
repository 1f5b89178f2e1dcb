// The kernels against arithmetic too simple to be wrong.
#include "daemon/tensors/moments.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "daemon/tensors/checksum.h"
#include "daemon/tensors/fused_scan.h"
#include "daemon/tensors/numbers.h"
#include "tests/support/catch.h"

namespace redflag::tensors {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> out{&kPlainKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out.push_back(&kAvx2Kernels);
  if (&best_kernels() == &kAvx512Kernels) out.push_back(&kAvx512Kernels);
#endif
  return out;
}

template <typename Raw>
void append(Bytes& bytes, Raw raw) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(&raw);
  bytes.insert(bytes.end(), from, from + sizeof raw);
}

/// bfloat16 by cutting off, half by way of every value there is: good enough to make inputs.
Bytes encode(DType type, const std::vector<double>& numbers) {
  Bytes out;
  for (const double x : numbers) {
    switch (type) {
      case DType::float64:
        append(out, x);
        break;
      case DType::float32:
        append(out, static_cast<float>(x));
        break;
      case DType::bfloat16: {
        const auto narrow = static_cast<float>(x);
        std::uint32_t bits = 0;
        std::memcpy(&bits, &narrow, sizeof bits);
        append(out, static_cast<std::uint16_t>(std::isnan(x) ? 0x7fc0U : bits >> 16));
        break;
      }
      default:
        append(out, static_cast<std::uint16_t>(static_cast<int>(std::fabs(x) * 1e4) & 0xffff));
    }
  }
  return out;
}

/// In long double, two passes.
Statistics naive(DType type, const Bytes& bytes) {
  const std::size_t width = size_of(type);
  std::vector<double> finite;
  Statistics out;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    const double x = *decode_number(type, {reinterpret_cast<const char*>(bytes.data()) + at, width});
    ++out.count;
    if (std::isnan(x)) {
      ++out.nan;
    } else if (std::isinf(x)) {
      ++(x > 0 ? out.positive_infinity : out.negative_infinity);
    } else {
      finite.push_back(x);
      out.zeros += x == 0 ? 1 : 0;
    }
  }
  if (finite.empty()) return out;
  out.min = *std::min_element(finite.begin(), finite.end());
  out.max = *std::max_element(finite.begin(), finite.end());
  long double sum = 0, squares = 0;
  for (const double x : finite) sum += x;
  const long double mean = sum / static_cast<long double>(finite.size());
  for (const double x : finite) squares += (x - mean) * (x - mean);
  out.mean = static_cast<double>(mean);
  out.stddev = std::sqrt(static_cast<double>(squares / static_cast<long double>(finite.size())));
  return out;
}

void expect_same(const Statistics& got, const Statistics& wanted) {
  CHECK(got.count == wanted.count);
  CHECK(got.nan == wanted.nan);
  CHECK(got.positive_infinity == wanted.positive_infinity);
  CHECK(got.negative_infinity == wanted.negative_infinity);
  CHECK(got.zeros == wanted.zeros);
  CHECK(got.min == wanted.min);
  CHECK(got.max == wanted.max);
  const double scale = wanted.stddev + std::fabs(wanted.mean) * 1e-6 + 1e-300;
  CHECK(std::fabs(got.mean - wanted.mean) <= scale * 1e-5);
  CHECK(std::fabs(got.stddev - wanted.stddev) <= scale * 1e-4);
}

std::vector<double> stream(std::mt19937& random, int kind, std::size_t count) {
  std::normal_distribution<double> normal(kind == 1 ? 1000.0 : 0.0, kind == 2 ? 1e18 : 0.02);
  std::vector<double> out(count);
  for (double& x : out) x = normal(random);
  const auto put = [&](double value, std::size_t times) {
    for (std::size_t i = 0; i < times && count != 0; ++i) out[random() % count] = value;
  };
  if (kind == 3) put(0.0, count / 2);
  if (kind == 4) {
    put(std::numeric_limits<double>::quiet_NaN(), 3);
    put(std::numeric_limits<double>::infinity(), 2);
    put(-std::numeric_limits<double>::infinity(), 1);
  }
  if (kind == 5) std::fill(out.begin(), out.end(), 0.125);
  if (kind == 6) std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());
  if (kind == 7) put(-0.0, count / 3);
  if (kind == 8) put(3e38, 5);  // squares overflow a float
  if (kind == 9) put(1e-40, count / 2);
  return out;
}

}  // namespace

TEST_CASE("every kernel counts and measures what the plain arithmetic does", "[tensors][kernels]") {
  std::mt19937 random(7);
  for (const Kernels* kernels : runnable()) {
    for (const DType type : {DType::float32, DType::bfloat16, DType::float16, DType::float64}) {
      for (int kind = 0; kind < 10; ++kind) {
        for (const std::size_t count : {0U, 1U, 63U, 64U, 65U, 2048U, 2049U, 70'001U}) {
          INFO(kernels->name << " " << to_string(type) << " kind " << kind << " count " << count);
          Bytes bytes = encode(type, stream(random, kind, count));
          Pivot pivot;
          // From an odd address: files do not align.
          Bytes moved(bytes.size() + 3);
          if (!bytes.empty()) std::memcpy(moved.data() + 3, bytes.data(), bytes.size());
          expect_same(moments_of(type, moved.data() + 3, bytes.size(), pivot, *kernels).statistics(),
                      naive(type, bytes));
        }
      }
    }
  }
}

TEST_CASE("one pass gives the checksum, hash and statistics that three passes give", "[tensors][kernels]") {
  if (fused_kernels() == nullptr) return;  // a processor without AVX-512 and VPCLMULQDQ
  std::mt19937 random(23);
  for (const DType type : {DType::float32, DType::bfloat16, DType::float16}) {
    for (int kind = 0; kind < 10; ++kind) {
      for (const std::size_t count : {0U, 1U, 100U, 4096U, 4097U, 8192U, 100'003U}) {
        INFO(to_string(type) << " kind " << kind << " count " << count);
        const Bytes bytes = encode(type, stream(random, kind, count));
        for (const bool checksum : {false, true}) {
          FusedScan fused(type, checksum, true), apart(type, checksum, true, nullptr);
          for (std::size_t at = 0; at < bytes.size(); at += 65'536) {
            const std::size_t length = std::min<std::size_t>(65'536, bytes.size() - at);
            fused.add(bytes.data() + at, length);
            apart.add(bytes.data() + at, length);
          }
          CHECK(fused.checksum() == apart.checksum());
          CHECK(fused.checksum() == (checksum ? crc32_of(0, bytes.data(), bytes.size()) : 0));
          CHECK(fused.hash() == apart.hash());
          expect_same(fused.moments().statistics(), naive(type, bytes));
        }
      }
    }
  }
}

TEST_CASE("statistics do not depend on where a run of numbers is cut", "[tensors]") {
  std::mt19937 random(11);
  const Bytes bytes = encode(DType::float32, stream(random, 4, 50'000));
  const Statistics whole = naive(DType::float32, bytes);
  for (const std::size_t piece : {4U, 64U, 4096U, 100'000U}) {
    Moments sum;
    Pivot pivot;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      sum.merge(moments_of(DType::float32, bytes.data() + at, std::min<std::size_t>(piece, bytes.size() - at),
                           pivot));
    }
    expect_same(sum.statistics(), whole);
  }
}

TEST_CASE("integers, booleans and 8-bit floats are measured too", "[tensors]") {
  std::mt19937 random(13);
  for (const DType type :
       {DType::int8, DType::uint8, DType::int16, DType::uint16, DType::int32, DType::uint32, DType::int64,
        DType::uint64, DType::boolean, DType::float8_e4m3, DType::float8_e5m2, DType::float8_e4m3fnuz,
        DType::float8_e5m2fnuz, DType::float8_e8m0}) {
    INFO(to_string(type));
    Bytes bytes(8 * 1001);
    for (auto& each : bytes)
      each = static_cast<std::uint8_t>(type == DType::boolean ? random() % 2 : random());
    Pivot pivot;
    expect_same(moments_of(type, bytes.data(), bytes.size(), pivot).statistics(), naive(type, bytes));
  }
}

TEST_CASE("the 8-bit floats are those of their definitions", "[tensors]") {
  CHECK(float_from_8bit(DType::float8_e4m3, 0x38) == 1.0F);
  CHECK(float_from_8bit(DType::float8_e4m3, 0x7e) == 448.0F);
  CHECK(std::isnan(float_from_8bit(DType::float8_e4m3, 0xff)));
  CHECK(float_from_8bit(DType::float8_e5m2, 0x7b) == 57344.0F);
  CHECK(std::isinf(float_from_8bit(DType::float8_e5m2, 0xfc)));
  CHECK(float_from_8bit(DType::float8_e4m3fnuz, 0x7f) == 240.0F);
  CHECK(std::isnan(float_from_8bit(DType::float8_e5m2fnuz, 0x80)));
  CHECK(float_from_8bit(DType::float8_e8m0, 127) == 1.0F);
  CHECK(float_from_half(0x3c00) == 1.0F);
  CHECK(float_from_half(0x0001) == std::ldexp(1.0F, -24));
  CHECK(float_from_half(0xfbff) == -65504.0F);
}

TEST_CASE("the content hash is the same from every kernel, and of every cut", "[tensors][kernels]") {
  std::mt19937 random(17);
  Bytes bytes(9001);
  for (auto& each : bytes) each = static_cast<std::uint8_t>(random());
  std::uint64_t reference[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  kPlainKernels.hash(reference, bytes.data(), 140, 0);
  for (const Kernels* kernels : runnable()) {
    INFO(kernels->name);
    std::uint64_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    kernels->hash(state, bytes.data(), 21, 0);
    kernels->hash(state, bytes.data() + 21 * 64, 119, 21);
    CHECK(std::memcmp(state, reference, sizeof state) == 0);
  }
  ContentHash whole, parts;
  whole.add(bytes.data(), bytes.size());
  parts.add(bytes.data(), 64);
  parts.add(bytes.data() + 64, bytes.size() - 64);
  CHECK(whole.value() == parts.value());
}

TEST_CASE("one changed bit, two exchanged blocks or one more zero change the content hash", "[tensors]") {
  std::mt19937 random(19);
  Bytes bytes(4096);
  for (auto& each : bytes) each = static_cast<std::uint8_t>(random());
  const auto hash = [](const Bytes& of) {
    ContentHash out;
    out.add(of.data(), of.size());
    return out.value();
  };
  const std::uint64_t before = hash(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 37) {
    Bytes other = bytes;
    other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ 1U << bit % 8);
    REQUIRE(hash(other) != before);
  }
  for (std::size_t block = 64; block < bytes.size(); block += 64) {
    Bytes other = bytes;
    std::swap_ranges(other.begin(), other.begin() + 64, other.begin() + static_cast<std::ptrdiff_t>(block));
    REQUIRE(hash(other) != before);
  }
  Bytes zeros(100, 0), more(101, 0);
  CHECK(hash(zeros) != hash(more));
}

TEST_CASE("checksums of parts join to the checksum of the whole", "[tensors]") {
  const std::string text = "123456789";
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  CHECK(crc32_of(0, bytes, 9) == 0xcbf43926U);
  CHECK(crc32_joined(crc32_of(0, bytes, 4), crc32_of(0, bytes + 4, 5), 5) == 0xcbf43926U);
}

}  // namespace redflag::tensors
