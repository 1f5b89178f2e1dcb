// libFuzzer target: any bytes as a rule file. Built and run by `./dev campaign fuzz`.
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
