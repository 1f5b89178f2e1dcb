// libFuzzer target: torch.save zips. The first byte says how the rest is meant: as a whole file, or as a
// pickle and two storages that a sound zip is put around. Built and run by `./dev campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/tensor_files.h"

namespace {

using namespace redflag::fuzz;

// mode: bits 0 file or parts, 1-2 checksums, 3 byte order told, 4 big-endian, 5 as TorchScript
std::string around(std::uint8_t mode, std::string_view parts) {
  const std::size_t announced = parts.size() < 2 ? 0
                                                 : static_cast<std::uint8_t>(parts[0]) |
                                                       std::size_t{static_cast<std::uint8_t>(parts[1])} << 8U;
  if (parts.size() >= 2) parts.remove_prefix(2);
  const std::string_view pickle = parts.substr(0, announced);
  const std::string_view data = parts.substr(pickle.size());
  std::vector<std::pair<std::string, std::string>> entries{{"archive/data.pkl", std::string(pickle)}};
  if ((mode & 8U) != 0) entries.emplace_back("archive/byteorder", (mode & 16U) != 0 ? "big" : "little");
  if ((mode & 32U) != 0) entries.emplace_back("archive/constants.pkl", "\x80\x02).");
  entries.emplace_back("archive/data/0", data.substr(0, data.size() / 2));
  entries.emplace_back("archive/data/1", data.substr(data.size() / 2));
  entries.emplace_back("archive/version", "3\n");
  return zip_of(entries, static_cast<Checksums>((mode >> 1U) % 3));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  inspect((data[0] & 1U) != 0 ? std::string(rest) : around(data[0], rest), "fuzz.pt");
  return 0;
}
