#include "daemon/forward/drift_math.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

namespace redflag::forward {
namespace {

double sum_of(const at::Tensor& tensor) {
  return tensor.sum().item<double>();
}

double sum_of_squares(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.flatten();
  return at::dot(flat, flat).item<double>();
}

/// Largest eigenvalue of a positive semidefinite matrix by Lanczos' method with full reorthogonalization, to
/// 10 digits or what 200 steps give. Representations without structure have their largest eigenvalues close
/// together: power iteration takes a thousand products with the matrix there, this a few dozen.
double largest_eigenvalue(const at::Tensor& gram) {
  constexpr std::int64_t kMostSteps = 200;
  constexpr std::int64_t kLookEvery = 8;
  const std::int64_t size = gram.size(0);
  const std::int64_t most = std::min(size, kMostSteps);
  // Begins with the row of the largest diagonal element, which lies in the range, and a little of everything
  // else.
  const auto strongest = gram.diagonal().argmax().item<std::int64_t>();
  at::Tensor next = gram[strongest] +
                    1e-3 * gram.diagonal().mean() * at::linspace(-1, 1.1, size, at::kDouble).mul(97).sin();
  const at::Tensor basis = at::zeros({most, size}, at::kDouble);
  const at::Tensor small = at::zeros({most, most}, at::kDouble);  // the matrix as the basis sees it
  auto element = small.accessor<double, 2>();
  const double largest_diagonal = gram.diagonal().max().item<double>();
  const auto largest_of_first = [&](std::int64_t steps) {
    const at::Tensor part = small.narrow(0, 0, steps).narrow(1, 0, steps);
    return steps == 0 ? 0.0 : std::get<0>(at::linalg_eigh(part)).max().item<double>();
  };
  double value = 0;
  for (std::int64_t i = 0; i < most; ++i) {
    const double length = next.norm().item<double>();
    // What is left is rounding: the basis holds all that the matrix does to the first vector.
    if (!(length > (i == 0 ? 0.0 : 1e-14 * largest_diagonal))) return largest_of_first(i);
    if (i > 0) element[i][i - 1] = element[i - 1][i] = length;
    const at::Tensor v = next / length;
    basis[i].copy_(v);
    next = at::mv(gram, v);
    element[i][i] = at::dot(v, next).item<double>();
    const at::Tensor known = basis.narrow(0, 0, i + 1);
    for (int pass = 0; pass < 2; ++pass) next = next - at::mv(known.t(), at::mv(known, next));
    if ((i + 1) % kLookEvery != 0) continue;
    const double now = largest_of_first(i + 1);
    if (i + 1 > kLookEvery && std::abs(now - value) <= 1e-10 * std::abs(now)) return now;
    value = now;
  }
  return largest_of_first(most);
}

/// The Gram matrix of the rows as given, from that of the centred ones: adding the mean back loses no digits.
at::Tensor uncentred_gram(const Shaped& m) {
  const at::Tensor mean = m.rows.mean(0);
  if (!m.by_rows) return m.gram + at::outer(mean, mean) * static_cast<double>(m.rows.size(0));
  const at::Tensor along = at::mv(m.centred, mean);
  return m.gram + along.unsqueeze(1) + along.unsqueeze(0) + at::dot(mean, mean);
}

}  // namespace

Shaped shape_of(const at::Tensor& rows) {
  Shaped out;
  out.rows = rows;
  out.centred = rows - rows.mean(0, true);
  out.by_rows = rows.size(0) <= rows.size(1);
  out.gram = out.by_rows ? at::mm(out.centred, out.centred.t()) : at::mm(out.centred.t(), out.centred);
  out.gram_norm = std::sqrt(sum_of_squares(out.gram));
  out.energy = sum_of_squares(rows);
  out.centred_energy = sum_of_squares(out.centred);
  return out;
}

std::optional<double> mean_cosine(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor lengths = a.norm(2, 1) * b.norm(2, 1);
  const at::Tensor usable = lengths > 0;
  const auto count = usable.sum().item<std::int64_t>();
  if (count == 0) return std::nullopt;
  const at::Tensor cosines = at::where(usable, (a * b).sum(1) / lengths, at::zeros_like(lengths));
  return sum_of(cosines) / static_cast<double>(count);
}

std::optional<double> linear_cka(const Shaped& a, const Shaped& b) {
  // Rounding of the mean leaves noise where all rows are equal: it is no structure.
  constexpr double kConstant = 1e-20;
  if (a.centred_energy <= kConstant * a.energy || b.centred_energy <= kConstant * b.energy)
    return std::nullopt;
  const double norms = a.gram_norm * b.gram_norm;
  if (!(norms > 0)) return std::nullopt;
  // |B'A|^2 = <AA', BB'>: whichever is at hand.
  const double common =
      a.by_rows && b.by_rows ? sum_of(a.gram * b.gram) : sum_of_squares(at::mm(b.centred.t(), a.centred));
  return common / norms;
}

Spectrum spectrum_of(const Shaped& m) {
  constexpr double kRowsEqual = 1e-6;
  Spectrum out;
  if (!(m.energy > 0)) return out;
  out.rows_equal = m.centred_energy <= kRowsEqual * m.energy;
  out.top_share = std::min(1.0, largest_eigenvalue(uncentred_gram(m)) / m.energy);
  if (m.centred_energy > 1e-20 * m.energy) {
    out.centred_top_share = std::min(1.0, largest_eigenvalue(m.gram) / m.centred_energy);
    out.effective_rank = m.centred_energy * m.centred_energy / (m.gram_norm * m.gram_norm);
  }
  const bool large = m.rows.size(0) >= 8 && m.rows.size(1) >= 8;
  out.collapsed = large && out.top_share > 0.999 && (out.rows_equal || out.centred_top_share > 0.999);
  return out;
}

}  // namespace redflag::forward
