// Shared by the fuzz targets of tensor files: reads the bytes as redflag-inspect would, and holds its report
// to what every report has to keep; and builds the smallest zip around a pickle, so that mutations of the
// pickle reach the machine.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>

#include "daemon/tensors/inspect.h"
#include "daemon/tensors/report_json.h"

namespace redflag::fuzz {

inline void require(bool holds, const char* what, const tensors::FileReport& report) {
  if (holds) return;
  std::fprintf(stderr, "%s\n%.4000s\n", what, tensors::to_json(report).c_str());
  std::abort();
}

inline void inspect(std::string_view bytes, const std::string& name) {
  using namespace tensors;
  const FileReport report = inspect_bytes(MemorySource(bytes), name);
  require((report.verdict == Verdict::ok) == report.reason.empty(), "a reason, just when it is not ok",
          report);
  for (const TensorReport& tensor : report.tensors) {
    if (!tensor.statistics) continue;
    const Statistics& s = *tensor.statistics;
    require(s.nonfinite() <= s.count && s.zeros <= s.count - s.nonfinite(), "counts add up", report);
    require(s.min <= s.max, "min <= max", report);
  }
  const std::string json = to_json(report);
  const auto again = report_from_json(json);
  require(again.has_value(), "a report can be read back", report);
  require(to_json(*again) == json, "and says the same in JSON", report);
  // A NaN among the values is no longer equal to itself.
  if (report == report) require(*again == report, "and is equal", report);
}

enum class Checksums : std::uint8_t { right, off, wrong };

/// A zip of stored entries.
inline std::string zip_of(const std::vector<std::pair<std::string, std::string>>& entries,
                          Checksums checksums) {
  const auto put = [](std::string& out, std::uint32_t value, int width) {
    for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i));
  };
  std::string out;
  std::string directory;
  for (const auto& [name, data] : entries) {
    const auto size = static_cast<std::uint32_t>(data.size());
    auto crc = static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(data.data()), size));
    if (checksums != Checksums::right) crc = checksums == Checksums::off ? 0 : ~crc;
    std::string fields;
    put(fields, 20, 4);  // version 20, flags 0
    put(fields, 0, 2);   // stored
    put(fields, 0x00210000, 4);
    put(fields, crc, 4);
    put(fields, size, 4);
    put(fields, size, 4);
    put(fields, static_cast<std::uint32_t>(name.size()), 4);  // no extra field
    const auto at = static_cast<std::uint32_t>(out.size());
    out += "PK\3\4" + fields + name + data;
    directory += "PK\1\2";
    put(directory, 20, 2);
    directory += fields;
    directory += std::string(10, '\0');
    put(directory, at, 4);
    directory += name;
  }
  const auto at = static_cast<std::uint32_t>(out.size());
  out += directory + "PK\5\6";
  put(out, 0, 4);
  put(out, static_cast<std::uint32_t>(entries.size()) * 0x10001U, 4);
  put(out, static_cast<std::uint32_t>(directory.size()), 4);
  put(out, at, 4);
  put(out, 0, 2);
  return out;
}

}  // namespace redflag::fuzz
