#include "daemon/host/memory.h"

#include <algorithm>
#include <charconv>

#include "daemon/host/small_file.h"

namespace redflag::daemon {
namespace {

std::optional<std::uint64_t> kibibytes(std::string_view text, std::string_view name) {
  const auto number = number_in_line(text, name);
  if (!number || *number > UINT64_MAX / 1024) return std::nullopt;
  return *number * 1024;
}

}  // namespace

double MemoryReading::available_percent() const {
  return total_bytes == 0 ? 0.0
                          : 100.0 * static_cast<double>(available_bytes) / static_cast<double>(total_bytes);
}

std::optional<MemoryReading> parse_meminfo(std::string_view text) {
  const auto total = kibibytes(text, "MemTotal:");
  const auto available = kibibytes(text, "MemAvailable:");
  if (!total || !available || *total == 0) return std::nullopt;
  MemoryReading reading;
  reading.total_bytes = *total;
  reading.available_bytes = std::min(*available, *total);
  reading.swap_total_bytes = kibibytes(text, "SwapTotal:").value_or(0);
  reading.swap_free_bytes = std::min(kibibytes(text, "SwapFree:").value_or(0), reading.swap_total_bytes);
  return reading;
}

std::optional<double> parse_pressure(std::string_view text) {
  const std::size_t line = text.starts_with("full ") ? 0 : text.find("\nfull ");
  if (line == std::string_view::npos) return std::nullopt;
  text.remove_prefix(line);
  const std::string_view rest = text.substr(0, text.find('\n', 1));
  constexpr std::string_view kName = " avg60=";
  const std::size_t at = rest.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view number = rest.substr(at + kName.size());
  double value = 0.0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || !(value >= 0.0 && value <= 100.0)) return std::nullopt;
  return value;
}

void limit_memory(MemoryReading& reading, std::string_view max, std::string_view current,
                  std::string_view stat) {
  const auto limit = leading_number(max);
  const auto used = leading_number(current);
  if (!limit || !used || *limit == 0 || *limit >= reading.total_bytes) return;
  const std::uint64_t idle = std::min(number_in_line(stat, "inactive_file").value_or(0), *used);
  const std::uint64_t needed = *used - idle;
  reading.total_bytes = *limit;
  reading.available_bytes = std::min(reading.available_bytes, *limit - std::min(needed, *limit));
  reading.contained = true;
}

std::optional<MemoryReading> read_memory(const std::string& proc, const std::string& cgroup) {
  const auto meminfo = read_small_file(proc + "/meminfo");
  std::optional<MemoryReading> reading = parse_meminfo(meminfo.value_or(""));
  if (!reading) return std::nullopt;
  if (const auto max = read_small_file(cgroup + "/memory.max")) {
    limit_memory(*reading, *max, read_small_file(cgroup + "/memory.current").value_or(""),
                 read_small_file(cgroup + "/memory.stat").value_or(""));
  }
  if (const auto pressure = read_small_file(proc + "/pressure/memory"))
    reading->stalled_percent = parse_pressure(*pressure);
  return reading;
}

}  // namespace redflag::daemon
