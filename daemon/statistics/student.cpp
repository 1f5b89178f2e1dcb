// Boost.Math behind three plain functions, with its exceptions switched off.
#include "daemon/statistics/student.h"

#include <cmath>
#include <limits>

#include <boost/math/distributions/students_t.hpp>

namespace redflag::statistics {
namespace {

namespace policies = boost::math::policies;

using Policy = policies::policy<
    policies::domain_error<policies::ignore_error>, policies::pole_error<policies::ignore_error>,
    policies::overflow_error<policies::ignore_error>, policies::underflow_error<policies::ignore_error>,
    policies::evaluation_error<policies::ignore_error>>;
using StudentsT = boost::math::students_t_distribution<double, Policy>;

}  // namespace

double t_below(double t, double df) {
  if (std::isnan(t) || std::isnan(df)) return std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(t)) return t > 0 ? 1.0 : 0.0;
  return boost::math::cdf(StudentsT(df), t);
}

double t_above(double t, double df) {
  return t_below(-t, df);
}

double t_quantile(double p, double df) {
  return boost::math::quantile(StudentsT(df), p);
}

}  // namespace redflag::statistics
