// libFuzzer target: any bytes as a file that begins like torch.save before 1.6, or like a bare pickle. Built
// and run by
// `./dev campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/tensor_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  redflag::fuzz::inspect({reinterpret_cast<const char*>(data), size}, "fuzz.pt");
  return 0;
}
