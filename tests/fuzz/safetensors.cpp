// libFuzzer target: safetensors. The first byte says how the rest is meant: as a whole file, or as a header
// whose length is put before it and whose data follows, as long as two bytes say. Built and run by `./dev
// campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/tensor_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1U) == 0) {
    const std::size_t of_data = data[1] | std::size_t{data[2]} << 8U;
    const std::string header = bytes.substr(2);
    bytes.clear();
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
    bytes += header + std::string(of_data, '\x3c');
  }
  redflag::fuzz::inspect(bytes, "fuzz.safetensors");
  return 0;
}
