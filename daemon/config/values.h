// The scalars of the configuration: how each is written, read, and written back so that it reads the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/config/config.h"
#include "rules/values/error.h"

namespace redflag::daemon::settings {

/// Why a value was not accepted: `problem` continues "wandb.timeout …", `help` says what to write; may be
/// empty.
struct Complaint {
  std::string problem;
  std::string help;
};

template <typename T>
using Parsed = tl::expected<T, Complaint>;

Parsed<bool> parse_boolean(std::string_view text);
Parsed<std::int64_t> parse_integer(std::string_view text);
Parsed<double> parse_number(std::string_view text);  ///< finite
/// "250ms", "15s", "5m", "1h30m", "2d", "1w": whole numbers with units, largest first. A bare number is
/// refused.
Parsed<Duration> parse_duration(std::string_view text);
/// "64MiB", "1GB", "512B": whole number and unit; KiB, MiB, GiB, TiB are powers of 1024, kB, MB, GB, TB of
/// 1000.
Parsed<ByteSize> parse_size(std::string_view text);
/// http or https, no userinfo, no query or fragment; trailing slashes are dropped.
Parsed<std::string> parse_url(std::string_view text);

std::string format_duration(Duration duration);
std::string format_size(ByteSize size);
std::string format_number(double number);

/// A scalar in YAML: plain when that reads back as the same text, else in double quotes.
std::string yaml_text(std::string_view text);
std::string yaml_scalar(const ConfigScalar& scalar);
/// A plain scalar as YAML 1.2 types it; `quoted` ones are text.
ConfigScalar typed_scalar(std::string_view text, bool quoted);

/// No control characters and no longer than 4096 bytes. The first problem, or empty.
std::string text_problem(std::string_view text);

}  // namespace redflag::daemon::settings
