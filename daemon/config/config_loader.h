// Finds, reads and shows the configuration.
#pragma once

#include <optional>
#include <string>

#include "daemon/config/config_parser.h"

namespace redflag::daemon {

struct LoadOptions {
  std::optional<std::string> path;  ///< as given with --config: it has to exist
  Environment env;                  ///< usually process_environment()
  std::string working_directory;    ///< that a relative `path` is relative to; empty: the process's own
  bool root = false;                ///< is the process root?
  std::string system_path = "/etc/redflag/redflag.yaml";  ///< where it is looked for first
};

/// LoadOptions of this process.
LoadOptions process_load_options(std::optional<std::string> path);

/// Without a path: /etc/redflag/redflag.yaml, then $XDG_CONFIG_HOME/redflag/redflag.yaml, else
/// ~/.config/redflag/redflag.yaml; the first that exists, even when it cannot be read (that is an error);
/// none is no error. Fills in which secrets are set. A secret that is there but unusable is an error; one
/// that is missing is a warning. Reads small files; blocks.
ConfigResult load_config(const LoadOptions& options);

/// The configuration in effect as YAML, each value with where it comes from; secrets only as "set (…)" or
/// "not set". Reading the text again gives the same configuration.
std::string describe(const Config& config);

/// docs/configuration.md: every key with type, default, range and meaning.
std::string config_reference();

/// The same as a manual page, redflag.yaml(5), in roff.
std::string config_manual();

/// A configuration file with every common key, commented out at its default.
std::string config_example();

}  // namespace redflag::daemon
