// libFuzzer target: any bytes as the configuration file. Built and run by `./dev campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/config/config_loader.h"

using namespace redflag::daemon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ConfigContext context;
  context.env = [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/someone";
    return std::nullopt;
  };
  context.base_directory = "/etc/redflag";
  const ConfigResult result = parse_config(std::string(data, data + size), "redflag.yaml", context);
  if (!result) {
    for (const char c : result.error().text()) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\n') std::abort();
    }
    return 0;
  }
  // What describe() writes has to be accepted again.
  if (!parse_config(describe(result->config), "again.yaml", context)) std::abort();
  return 0;
}
