// libFuzzer target: any bytes as the data.pkl of a torch.save zip that is right otherwise, with storages for
// its tensors. Built and run by `./dev campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/tensor_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag::fuzz;
  std::vector<std::pair<std::string, std::string>> entries{
      {"archive/data.pkl", std::string(reinterpret_cast<const char*>(data), size)}};
  // As many bytes as float32 tensors of 16 and 256 elements take, small numbers of every type.
  for (const std::size_t bytes : {64, 1024, 64, 0}) {
    entries.emplace_back("archive/data/" + std::to_string(entries.size() - 1), std::string(bytes, '\x3c'));
  }
  entries.emplace_back("archive/version", "3\n");
  inspect(zip_of(entries, Checksums::right), "fuzz.pt");
  return 0;
}
