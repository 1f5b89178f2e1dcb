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

/// Largest eigenvalue of a positive semidefinite matrix by power iteration, to 10 digits or what 1,000 steps
/// give.
double largest_eigenvalue(const at::Tensor& gram) {
  const std::int64_t size = gram.size(0);
  // Begins with the row of the largest diagonal element, which lies in the range, and a little of everything
  // else.
  const auto strongest = gram.diagonal().argmax().item<std::int64_t>();
  at::Tensor v = gram[strongest] +
                 1e-3 * gram.diagonal().mean() * at::linspace(-1, 1.1, size, at::kDouble).mul(97).sin();
  double value = 0;
  for (int i = 0; i < 1000; ++i) {
    const double length = v.norm().item<double>();
    if (!(length > 0)) return 0;
    v = v / length;
    const at::Tensor next = at::mv(gram, v);
    const double now = at::dot(v, next).item<double>();
    if (i > 8 && std::abs(now - value) <= 1e-10 * std::abs(now)) return now;
    value = now;
    v = next;
  }
  return value;
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
