// How alike two sets of representations are. All in float64, over matrices [rows, hidden].
// Linear CKA: Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited", eq. 3 and
// section 3.
#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

namespace redflag::forward {

/// What is computed of one matrix and used for each comparison with it.
struct Shaped {
  at::Tensor rows;            ///< as given
  at::Tensor centred;         ///< less the mean row
  bool by_rows = true;        ///< gram is [rows, rows]; else [hidden, hidden]
  at::Tensor gram;            ///< of `centred`
  double gram_norm = 0;       ///< Frobenius
  double energy = 0;          ///< sum of squares of `rows`
  double centred_energy = 0;  ///< of `centred`
};
Shaped shape_of(const at::Tensor& rows);

/// Mean over the rows of the cosine between row i of both; rows where either is zero are left out. nullopt:
/// no row.
std::optional<double> mean_cosine(const at::Tensor& a, const at::Tensor& b);

/// 0 = nothing in common, 1 = the same up to rotation and scale. Same number of rows; nullopt when either is
/// constant.
std::optional<double> linear_cka(const Shaped& a, const Shaped& b);

/// How much of it lies in one direction.
struct Spectrum {
  double top_share = 0;          ///< largest singular value squared in their sum
  double centred_top_share = 0;  ///< the same around the mean row; 0 when all rows are equal
  double effective_rank = 0;  ///< of the centred matrix: (sum of s^2)^2 / sum of s^4, between 1 and the rank;
                              ///< 0 when rows are equal
  bool rows_equal = false;    ///< within a millionth of the energy
  /// Everything in one direction, around the origin and around the mean; of at least 8 rows and columns.
  bool collapsed = false;
};
Spectrum spectrum_of(const Shaped& matrix);

}  // namespace redflag::forward
