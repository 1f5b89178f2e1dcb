// Student's t distribution, from Boost.Math; the one file that pays for including it is student.cpp.
#pragma once

namespace redflag::statistics {

/// P(T <= t), and P(T > t) without the loss of digits of 1 - P. `df` above 0, need not be whole; `t` may be
/// infinite.
double t_below(double t, double df);
double t_above(double t, double df);

/// The t with P(T <= t) = p; 0 < p < 1.
double t_quantile(double p, double df);

}  // namespace redflag::statistics
