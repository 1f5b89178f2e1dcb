#include "daemon/inspection/memory_probe.h"

#include <charconv>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace redflag::daemon {

std::optional<std::uint64_t> mem_available(std::string_view meminfo) {
  constexpr std::string_view kName = "MemAvailable:";
  const auto found = meminfo.find(kName);
  if (found == std::string_view::npos) return std::nullopt;
  std::string_view rest = meminfo.substr(found + kName.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::uint64_t kib = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), kib);
  if (error != std::errc{} || kib > UINT64_MAX / 1024) return std::nullopt;
  return kib * 1024;
}

std::optional<std::uint64_t> SystemMemoryProbe::available_bytes() const {
  std::ifstream in(file_);
  return mem_available(std::string{std::istreambuf_iterator<char>(in), {}});
}

std::string human_bytes(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.1f} GB", value / 1e9);
  if (bytes >= 1'000'000) return fmt::format("{:.0f} MB", value / 1e6);
  if (bytes >= 10'000) return fmt::format("{:.0f} kB", value / 1e3);
  return fmt::format("{} bytes", bytes);
}

}  // namespace redflag::daemon
