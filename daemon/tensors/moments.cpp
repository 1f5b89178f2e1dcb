#include "daemon/tensors/moments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "daemon/tensors/numbers.h"

namespace redflag::tensors {
namespace {

using Kernel = void (*)(const std::uint8_t*, std::size_t, double, BlockSums*);

/// `times` equal numbers at once.
void add_repeated(Moments& out, double x, std::uint64_t times) {
  if (times == 0) return;
  Moments same;
  same.add(x);
  same.count = times;
  for (std::uint64_t* each :
       {&same.nan, &same.positive_infinity, &same.negative_infinity, &same.zeros, &same.finite})
    *each *= times;
  out.merge(same);
}

/// One by one, with everything counted: blocks that hold something not finite, and rests.
template <typename Decode>
Moments slowly(const std::uint8_t* bytes, std::size_t count, std::size_t width, double pivot, Decode decode) {
  Moments out;
  double sum = 0, squares = 0;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = decode(bytes + i * width);
    if (!std::isfinite(x)) {
      ++(std::isnan(x) ? out.nan : x > 0 ? out.positive_infinity : out.negative_infinity);
      continue;
    }
    low = std::min(low, x);
    high = std::max(high, x);
    out.zeros += x == 0 ? 1 : 0;
    sum += x - pivot;
    squares += (x - pivot) * (x - pivot);
  }
  out.count = count;
  out.finite = count - out.nan - out.positive_infinity - out.negative_infinity;
  if (out.finite == 0) return out;
  const auto n = static_cast<double>(out.finite);
  out.min = low;
  out.max = high;
  out.mean = low == high ? low : pivot + sum / n;
  out.deviation = low == high ? 0 : std::max(0.0, squares - sum * sum / n);
  return out;
}

template <typename Decode>
Moments floating(DType type, Kernel kernel, const std::uint8_t* bytes, std::size_t count, std::size_t width,
                 Pivot& about, Decode decode) {
  if (!about) about = redflag::tensors::pivot_of(type, bytes, count * width);
  const double pivot = *about;
  PivotSums fast;
  Moments slow;  // of blocks that hold something not finite, and of the rest
  for (std::size_t at = 0; at < count;) {
    const std::size_t n = std::min(kBlock, count - at) / 64 * 64;
    if (n == 0) {
      slow.merge(slowly(bytes + at * width, count - at, width, pivot, decode));
      break;
    }
    BlockSums block;
    kernel(bytes + at * width, n, pivot, &block);
    if (std::isfinite(block.squares)) {
      fast.add(block, n);
    } else {
      slow.merge(slowly(bytes + at * width, n, width, pivot, decode));
    }
    at += n;
  }
  Moments out = fast.moments(pivot);
  out.merge(slow);
  return out;
}

/// Eight bits: count each value, then look at 256 numbers.
template <typename Decode>
Moments by_histogram(const std::uint8_t* bytes, std::size_t count, Decode decode) {
  std::array<std::array<std::uint32_t, 256>, 4>
      tables{};  // four, or each increment would wait for the one before
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) ++tables[k][bytes[i + k]];
  }
  for (; i < count; ++i) ++tables[0][bytes[i]];
  Moments out;
  for (std::size_t value = 0; value < 256; ++value) {
    const std::uint64_t times =
        std::uint64_t{tables[0][value]} + tables[1][value] + tables[2][value] + tables[3][value];
    add_repeated(out, decode(static_cast<std::uint8_t>(value)), times);
  }
  return out;
}

template <typename Raw>
Moments integers(const std::uint8_t* bytes, std::size_t count) {
  Moments out;
  if (count == 0) return out;
  Raw low, high;
  std::memcpy(&low, bytes, sizeof low);
  high = low;
  const auto pivot = static_cast<double>(low);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Raw x;
    std::memcpy(&x, bytes + i * sizeof(Raw), sizeof(Raw));
    low = std::min(low, x);
    high = std::max(high, x);
    out.zeros += x == 0 ? 1 : 0;
    const double d = static_cast<double>(x) - pivot;
    sum += d;
    squares += d * d;
  }
  out.count = out.finite = count;
  out.min = static_cast<double>(low);
  out.max = static_cast<double>(high);
  const auto n = static_cast<double>(count);
  out.mean = pivot + sum / n;
  out.deviation = low == high ? 0 : std::max(0.0, squares - sum * sum / n);
  return out;
}

template <typename Raw>
Raw raw_at(const std::uint8_t* bytes) {
  Raw raw;
  std::memcpy(&raw, bytes, sizeof raw);
  return raw;
}

}  // namespace

double pivot_of(DType type, const std::uint8_t* bytes, std::size_t length) {
  const auto width = static_cast<std::size_t>(size_of(type));
  double sum = 0;
  std::size_t finite = 0;
  for (std::size_t at = 0; at + width <= std::min<std::size_t>(length, 256 * width); at += width) {
    const double x = decode_number(type, {reinterpret_cast<const char*>(bytes) + at, width}).value_or(0);
    if (!std::isfinite(x)) continue;
    sum += x;
    ++finite;
  }
  const double mean = finite == 0 ? 0 : sum / static_cast<double>(finite);
  return std::isfinite(mean) ? static_cast<double>(static_cast<float>(mean)) : 0;
}

void PivotSums::add(const BlockSums& block, std::uint64_t numbers) {
  counted_.min = counted_.finite == 0 ? block.min : std::min(counted_.min, block.min);
  counted_.max = counted_.finite == 0 ? block.max : std::max(counted_.max, block.max);
  counted_.finite += numbers;
  counted_.zeros += block.zeros;
  sum_ += block.sum;
  squares_ += block.squares;
}

Moments PivotSums::moments(double pivot) const {
  Moments out = counted_;
  out.count = out.finite;
  if (out.finite == 0) return out;
  const auto n = static_cast<double>(out.finite);
  out.mean = pivot + sum_ / n;
  out.deviation = std::max(0.0, squares_ - sum_ * sum_ / n);
  if (out.min == out.max) {  // all equal: say so exactly
    out.mean = out.min;
    out.deviation = 0;
  }
  return out;
}

void Moments::add(double x) {
  ++count;
  if (std::isnan(x)) {
    ++nan;
    return;
  }
  if (std::isinf(x)) {
    ++(x > 0 ? positive_infinity : negative_infinity);
    return;
  }
  min = finite == 0 ? x : std::min(min, x);
  max = finite == 0 ? x : std::max(max, x);
  if (x == 0) ++zeros;
  ++finite;
  const double step = x - mean;
  mean += step / static_cast<double>(finite);
  deviation += step * (x - mean);
}

void Moments::merge(const Moments& next) {
  count += next.count;
  nan += next.nan;
  positive_infinity += next.positive_infinity;
  negative_infinity += next.negative_infinity;
  zeros += next.zeros;
  if (next.finite == 0) return;
  if (finite == 0) {
    finite = next.finite;
    min = next.min;
    max = next.max;
    mean = next.mean;
    deviation = next.deviation;
    return;
  }
  // Chan, Golub, LeVeque: updating formulae and a pairwise algorithm (1979).
  const auto a = static_cast<double>(finite);
  const auto b = static_cast<double>(next.finite);
  const double apart = next.mean - mean;
  finite += next.finite;
  mean += apart * (b / (a + b));
  deviation += next.deviation + apart * apart * (a * b / (a + b));
  min = std::min(min, next.min);
  max = std::max(max, next.max);
}

Statistics Moments::statistics() const {
  Statistics out{count, nan, positive_infinity, negative_infinity, zeros, min, max, mean, 0};
  if (finite != 0) out.stddev = std::sqrt(deviation / static_cast<double>(finite));
  return out;
}

Moments moments_of(DType type, const std::uint8_t* bytes, std::size_t length, Pivot& pivot,
                   const Kernels& kernels) {
  const std::size_t width = static_cast<std::size_t>(size_of(type));
  const std::size_t count = length / width;
  switch (type) {
    case DType::float64:
    case DType::complex128:
      return floating(type, kernels.float64, bytes, length / 8, 8, pivot,
                      [](const std::uint8_t* p) { return raw_at<double>(p); });
    case DType::float32:
    case DType::complex64:
      return floating(type, kernels.float32, bytes, length / 4, 4, pivot,
                      [](const std::uint8_t* p) { return static_cast<double>(raw_at<float>(p)); });
    case DType::float16:
    case DType::complex32:
      return floating(type, kernels.float16, bytes, length / 2, 2, pivot, [](const std::uint8_t* p) {
        return static_cast<double>(float_from_half(raw_at<std::uint16_t>(p)));
      });
    case DType::bfloat16:
      return floating(type, kernels.bfloat16, bytes, count, 2, pivot, [](const std::uint8_t* p) {
        return static_cast<double>(float_from_bfloat16(raw_at<std::uint16_t>(p)));
      });
    case DType::float8_e4m3:
    case DType::float8_e5m2:
    case DType::float8_e4m3fnuz:
    case DType::float8_e5m2fnuz:
    case DType::float8_e8m0:
      return by_histogram(bytes, count,
                          [type](std::uint8_t x) { return static_cast<double>(float_from_8bit(type, x)); });
    case DType::int8:
      return by_histogram(bytes, count,
                          [](std::uint8_t x) { return static_cast<double>(static_cast<std::int8_t>(x)); });
    case DType::uint8:
    case DType::boolean:
      return by_histogram(bytes, count, [](std::uint8_t x) { return static_cast<double>(x); });
    case DType::int16:
      return integers<std::int16_t>(bytes, count);
    case DType::uint16:
      return integers<std::uint16_t>(bytes, count);
    case DType::int32:
      return integers<std::int32_t>(bytes, count);
    case DType::uint32:
      return integers<std::uint32_t>(bytes, count);
    case DType::int64:
      return integers<std::int64_t>(bytes, count);
    case DType::uint64:
      return integers<std::uint64_t>(bytes, count);
    case DType::opaque8:
    case DType::opaque32:
      break;
  }
  return {};
}

}  // namespace redflag::tensors
