// Statistics of a run of numbers, gathered block by block and merged in order: the same whatever the number
// of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/tensors/dtype.h"
#include "daemon/tensors/kernels.h"
#include "daemon/tensors/report.h"

namespace redflag::tensors {

struct Moments {
  std::uint64_t count = 0;
  std::uint64_t nan = 0;
  std::uint64_t positive_infinity = 0;
  std::uint64_t negative_infinity = 0;
  std::uint64_t zeros = 0;
  std::uint64_t finite = 0;
  double min = 0, max = 0;
  double mean = 0;
  double deviation = 0;  ///< sum of squared deviations from the mean

  void add(double x);
  /// `next` follows this one.
  void merge(const Moments& next);
  Statistics statistics() const;
};

/// A number near the mean that sums are taken about; found by the first call and handed to the next ones of
/// the same run.
using Pivot = std::optional<double>;

double pivot_of(DType type, const std::uint8_t* bytes, std::size_t length);

/// Blocks of finite numbers, gathered about one pivot.
class PivotSums {
 public:
  void add(const BlockSums& block, std::uint64_t numbers);
  Moments moments(double pivot) const;

 private:
  Moments counted_;
  double sum_ = 0, squares_ = 0;
};

/// Of `length` bytes that begin with a whole element of `type`; a rest that makes no whole element is left
/// out. Opaque types have none: count stays 0.
Moments moments_of(DType type, const std::uint8_t* bytes, std::size_t length, Pivot& pivot,
                   const Kernels& kernels = best_kernels());

}  // namespace redflag::tensors
