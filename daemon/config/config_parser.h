// From text to configuration: every mistake found at once, each with its place. No file is read here.
#pragma once

#include <string>
#include <string_view>

#include "daemon/config/config.h"
#include "daemon/config/diagnostics.h"
#include "daemon/config/environment.h"

namespace redflag::daemon {

struct ParsedConfig {
  Config config;
  ConfigDiagnostics warnings;  ///< nothing that keeps redflagd from starting
};

/// Either a configuration that can be used as it is, or everything that is wrong (errors and warnings).
using ConfigResult = tl::expected<ParsedConfig, ConfigDiagnostics>;

/// Reads YAML. Precedence: the text, then the environment, then the defaults. `name` is what diagnostics call
/// the text; an empty one means that there is no file, only environment and defaults. Any bytes are safe to
/// pass; beyond 256 KiB is an error.
ConfigResult parse_config(std::string text, std::string name, const ConfigContext& context);

}  // namespace redflag::daemon
