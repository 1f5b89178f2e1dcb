// Reports made by hand, short enough that a test shows what is in its directory.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/tensors/report.h"

namespace redflag::tensors::test {

using Shape = std::vector<std::int64_t>;

/// A healthy tensor of normally distributed numbers. Its hash follows from name, shape and `content`.
inline TensorReport tensor(const std::string& name, Shape shape, const std::string& dtype = "float32",
                           const std::string& content = "") {
  TensorReport out;
  out.name = name;
  out.dtype = dtype;
  const auto elements = static_cast<std::uint64_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
  const std::uint64_t width = dtype == "float64" || dtype == "int64" ? 8 : dtype == "float32" ? 4 : 2;
  out.bytes = elements * width;
  std::string identity = name + '|' + content + '|' + dtype;
  for (const std::int64_t each : shape) identity += '|' + std::to_string(each);
  out.hash = std::hash<std::string>()(identity) | 1U;
  out.statistics = Statistics{elements, 0, 0, 0, 0, -2.5, 2.5, 0.001, 0.02};
  out.shape = std::move(shape);
  return out;
}

inline TensorReport with_nan(TensorReport of, std::uint64_t nan, std::uint64_t infinite = 0) {
  of.statistics->nan = nan;
  of.statistics->positive_infinity = infinite;
  return of;
}

/// All elements `value`.
inline TensorReport filled(TensorReport of, double value) {
  Statistics& statistics = *of.statistics;
  statistics.zeros = value == 0 ? statistics.count : 0;
  statistics.min = statistics.max = statistics.mean = value;
  statistics.stddev = 0;
  return of;
}

class ReportBuilder {
 public:
  explicit ReportBuilder(const std::string& path, FileKind kind = FileKind::torch_zip) {
    report_.path = path;
    report_.kind = kind;
    report_.verdict = Verdict::ok;
    report_.size = 500;
  }
  ReportBuilder& add(TensorReport tensor) {
    report_.size += tensor.bytes;
    report_.tensors.push_back(std::move(tensor));
    return *this;
  }
  ReportBuilder& set(const std::string& name, Value value) {
    report_.values.emplace_back(name, std::move(value));
    return *this;
  }
  ReportBuilder& set(const std::string& name, double value) { return set(name, Value(value)); }
  ReportBuilder& set(const std::string& name, const char* value) { return set(name, std::string(value)); }
  ReportBuilder& list(const std::string& name, const std::vector<Value>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) set(name + '.' + std::to_string(i), values[i]);
    return set(name + ".length", static_cast<double>(values.size()));
  }
  ReportBuilder& size(std::uint64_t bytes) {
    report_.size = bytes;
    return *this;
  }
  ReportBuilder& verdict(Verdict verdict, const std::string& reason) {
    report_.verdict = verdict;
    report_.reason = reason;
    return *this;
  }
  ReportBuilder& finding(const std::string& code, Severity severity, const std::string& message) {
    report_.findings.push_back({code, severity, message, ""});
    return *this;
  }
  operator FileReport() const { return report_; }

 private:
  FileReport report_;
};

inline const Finding* find(const std::vector<Finding>& findings, std::string_view code) {
  for (const Finding& each : findings) {
    if (each.code == code) return &each;
  }
  return nullptr;
}

/// "nan all_zero": the codes of all findings of `least` severity and above, to compare at a glance.
inline std::string codes(const std::vector<Finding>& findings, Severity least = Severity::warning) {
  std::string out;
  for (const Finding& each : findings) {
    if (each.severity < least) continue;
    out += (out.empty() ? "" : " ") + each.code;
  }
  return out;
}

}  // namespace redflag::tensors::test
