// The half of logits.h that needs no LibTorch: values, comparison, JSON.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/forward/logits.h"

namespace redflag::forward {
namespace {

/// FNV-1a over the bytes, as 16 hex digits.
std::string hash_of(const std::vector<float>& values) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const float value : values) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ ((bits >> shift) & 0xff)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", hash);
}

Json numbers_json(const std::vector<float>& values) {
  Json all = Json::array();
  for (const float value : values) all.push_back(number_json(value));
  return all;
}

Json format_json(const FormatLogits& logits) {
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -lowest;
  double sum = 0;
  std::size_t count = 0;
  for (const float value : logits.values) {
    if (!std::isfinite(value)) continue;
    lowest = std::min<double>(lowest, value);
    highest = std::max<double>(highest, value);
    sum += value;
    ++count;
  }
  const auto known = [&](double value) { return count > 0 ? Json(value) : Json(nullptr); };
  return {{"format", logits.format},
          {"stored", logits.stored},
          {"shape", logits.shape},
          {"finite", logits.finite()},
          {"nan", logits.nan},
          {"inf", logits.infinite},
          {"hash", hash_of(logits.values)},
          {"min", known(lowest)},
          {"max", known(highest)},
          {"mean", known(sum / static_cast<double>(count > 0 ? count : 1))},
          {"sample", numbers_json(logits.sample())},
          {"reload_difference", number_json(logits.reload_difference)}};
}

/// The format called `name` in an earlier report, or its first.
const nlohmann::json* earlier_format(const nlohmann::json& earlier, const std::string& name) {
  const auto formats = earlier.find("formats");
  if (formats == earlier.end() || !formats->is_array() || formats->empty()) return nullptr;
  for (const nlohmann::json& format : *formats)
    if (format.is_object() && format.contains("format") && format["format"] == name) return &format;
  return formats->front().is_object() ? &formats->front() : nullptr;
}

std::optional<std::vector<float>> sample_of(const nlohmann::json& format) {
  const auto sample = format.find("sample");
  if (sample == format.end() || !sample->is_array()) return std::nullopt;
  std::vector<float> values;
  for (const nlohmann::json& value : *sample) {
    const auto number = number_from_json(value);
    if (!number) return std::nullopt;
    values.push_back(static_cast<float>(*number));
  }
  return values;
}

void add(LogitsReport& report, Severity severity, std::string message, std::string where) {
  report.findings.push_back({"forward_changed", severity, std::move(message), std::move(where)});
}

void compare_format(const nlohmann::json& earlier, const FormatLogits& now, LogitsReport& report) {
  const nlohmann::json* format = earlier_format(earlier, now.format);
  const auto before = format != nullptr ? sample_of(*format) : std::nullopt;
  if (!before || before->empty()) {
    add(report, Severity::info, "the earlier report holds no logits to compare with", now.format);
    return;
  }
  const std::vector<float> sample = now.sample();
  if (before->size() != sample.size()) {
    add(report, Severity::critical,
        fmt::format("the model gives {} sampled logits where it gave {} before", sample.size(),
                    before->size()),
        now.format);
    return;
  }
  const double difference = largest_difference(*before, sample);
  if (difference <= kTolerance) return;
  add(report, Severity::critical,
      fmt::format("the logits differ from those kept earlier by up to {:.3g}; the limit is {:g}", difference,
                  kTolerance),
      now.format);
}

}  // namespace

std::vector<float> FormatLogits::sample() const {
  constexpr std::size_t kMost = 256;
  if (values.size() <= kMost) return values;
  std::vector<float> out;
  for (std::size_t i = 0; i < kMost; ++i) out.push_back(values[i * (values.size() - 1) / (kMost - 1)]);
  return out;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return largest;
}

void compare_with_earlier(const std::string& path, LogitsReport& report) {
  const Result<nlohmann::json> earlier = read_json_object(path);
  if (!earlier)
    return add(report, Severity::info, "not compared with an earlier run: " + earlier.error().text(), path);
  const auto ids = earlier->find("ids");
  if (ids == earlier->end() || *ids != nlohmann::json(report.ids))
    return add(report, Severity::info, "not compared with an earlier run: it was made with other token ids",
               path);
  for (const FormatLogits& now : report.formats) compare_format(*earlier, now, report);
}

Json to_json(const LogitsReport& report) {
  Json formats = Json::array();
  for (const FormatLogits& logits : report.formats) formats.push_back(format_json(logits));
  return {{"status", to_string(report.status)},
          {"reason", alerts::escape_utf8(report.reason)},
          {"architecture", alerts::escape_utf8(report.architecture)},
          {"ids", report.ids},
          {"formats", std::move(formats)},
          {"between_formats", number_json(report.between_formats)},
          {"findings", findings_json(report.findings)}};
}

}  // namespace redflag::forward
