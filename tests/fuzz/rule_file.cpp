// libFuzzer target: any bytes as a rule file. Not part of the normal build:
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/rule_file.cpp
//   rules/lang/*.cpp rules/values/*.cpp -lfmt -lyaml-cpp
#include <cstddef>
#include <cstdint>

#include "rules/lang/rule_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  redflag::Diagnostics diagnostics;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)redflag::RuleSet::load({{"fuzz.yaml", text, "fuzz"}}, {}, diagnostics);
  (void)diagnostics.render();
  return 0;
}
