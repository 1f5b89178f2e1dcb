// The command line of redflag-forward. It is started by redflagd and by the redflag command, and by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/values/error.h"

namespace redflag::forward {

enum class Command : std::uint8_t { help, version, logits, script, drift };

struct Arguments {
  Command command = Command::help;
  std::string path;                                 ///< directory or file that is looked at
  std::vector<std::int64_t> ids = {1, 2, 3, 4, 5};  ///< token ids fed to the model
  std::string base;      ///< base model of an adapter; base representations of a drift
  std::string previous;  ///< "" = the nearest earlier step beside it, "none" = do not compare
  std::string compare;   ///< JSON kept from an earlier run; "" = none
  std::uint64_t memory_bytes = 4ULL << 30;  ///< what the process may use in all
  int threads = 1;
  std::uint64_t cpu_seconds = 0;  ///< 0 = no limit
  std::int64_t rows = 4096;       ///< of a representation that are looked at
};

constexpr std::size_t kMaxIds = 512;

/// `arguments` without the program's name. An error is a mistake of usage, worded for the person who typed
/// it.
Result<Arguments> parse_arguments(const std::vector<std::string_view>& arguments);
std::string_view usage();

}  // namespace redflag::forward
