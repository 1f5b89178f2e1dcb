#include "rules/lang/functions.h"

namespace redflag {

const std::vector<FunctionInfo>& functions() {
  using Id = FunctionId;
  using Shape = FunctionShape;
  static const std::vector<FunctionInfo> kTable{
      {Id::last, "last", Shape::aggregate, 1, false, "last(train_loss)",
       "newest value; with a window: unknown when no point lies in it"},
      {Id::prev, "prev", Shape::series, 1, false, "prev(train_loss)", "value before the newest"},
      {Id::count, "count", Shape::aggregate, 1, false, "count(train_loss[10m])",
       "number of points that are not NaN"},
      {Id::min, "min", Shape::aggregate, 1, false, "min(eval_loss)", "smallest value, NaN left out"},
      {Id::max, "max", Shape::aggregate, 1, false, "max(train_loss[50 points])",
       "largest value, NaN left out"},
      {Id::mean, "mean", Shape::aggregate, 1, false, "mean(train_loss[50 points])",
       "mean of the finite values"},
      {Id::slope, "slope", Shape::aggregate, 1, false, "slope(train_loss[500 steps])",
       "least-squares slope of the finite values: per step, for time windows per second; needs two points"},
      {Id::absent, "absent", Shape::presence, 1, true, "absent(eval_loss[10m])",
       "nothing came: ever, in the last steps, or in the last stretch of time"},
      {Id::nonfinite, "nonfinite", Shape::presence, 1, true, "nonfinite(train_loss)",
       "the last value, or any in the window, is NaN or infinite"},
      {Id::count_nonfinite, "count_nonfinite", Shape::aggregate, 1, false,
       "count_nonfinite(gradient_norm_total[20 points])", "number of points that are NaN or infinite"},
      {Id::age, "age", Shape::optional_series, 1, false, "age(train_loss)",
       "seconds since the last point (since the subject was first seen when there is none); age() asks for "
       "any row"},
      {Id::final, "final", Shape::series, 1, false, "final(eval_accuracy)",
       "last point of the curve, else the value in the run's summary"},
      {Id::abs, "abs", Shape::values, 1, false, "abs(train_loss - prev(train_loss))", "without its sign"},
      {Id::coalesce, "coalesce", Shape::values, 8, false, "coalesce(final(eval_accuracy), final(accuracy))",
       "the first of its arguments that is known"},
      {Id::fraction, "fraction", Shape::values, 1, false, "fraction(final(eval_f1))",
       "a score from 0 to 1: a value above 1 is read as percent"},
  };
  return kTable;
}

const FunctionInfo* find_function(std::string_view name) {
  for (const FunctionInfo& info : functions()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const FunctionInfo& info : functions()) names.emplace_back(info.name);
  return names;
}

}  // namespace redflag
