// Reading and writing the configuration's scalars.
#include "daemon/config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "daemon/config/mask.h"
#include "daemon/config/url.h"

namespace redflag::daemon::settings {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

tl::unexpected<Complaint> refuse(std::string problem, std::string help = {}) {
  return tl::unexpected<Complaint>(Complaint{std::move(problem), std::move(help)});
}

template <typename T>
bool read_all(std::string_view text, T& into) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.starts_with('+')) return false;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && stop == text.data() + text.size();
}

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// In microseconds, largest first.
constexpr std::array<Unit, 6> kDurationUnits{{{"w", 604'800'000'000},
                                              {"d", 86'400'000'000},
                                              {"h", 3'600'000'000},
                                              {"m", 60'000'000},
                                              {"s", 1'000'000},
                                              {"ms", 1'000}}};
constexpr std::array<Unit, 9> kSizeUnits{{{"TiB", std::int64_t{1} << 40},
                                          {"GiB", std::int64_t{1} << 30},
                                          {"MiB", std::int64_t{1} << 20},
                                          {"KiB", std::int64_t{1} << 10},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"kB", 1'000},
                                          {"B", 1}}};
constexpr std::int64_t kLongest = 36'525LL * 86'400'000'000;  // 100 years: nothing overflows
constexpr std::int64_t kLargest = std::int64_t{1} << 52;      // 4 PiB

/// The unit that somebody who wrote "10 sec" or "5 minutes" meant.
std::string_view nearest_duration_unit(std::string_view word) {
  if (word.starts_with("mil") || word.starts_with("ms")) return "ms";
  if (word.starts_with('s')) return "s";
  if (word.starts_with('m')) return "m";
  if (word.starts_with('h')) return "h";
  if (word.starts_with('d')) return "d";
  if (word.starts_with('w')) return "w";
  return {};
}

constexpr std::string_view kDurationHelp = "write a duration such as \"15s\", \"5m\" or \"1h30m\"";
constexpr std::string_view kSizeHelp = "write a size such as \"64MiB\"";

}  // namespace

Parsed<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const std::string lower = lower_case(text);
  const std::string problem = fmt::format("must be true or false, not {}", in_quotes(text));
  if (lower == "yes" || lower == "on" || lower == "y" || lower == "1") return refuse(problem, "write true");
  if (lower == "no" || lower == "off" || lower == "n" || lower == "0") return refuse(problem, "write false");
  return refuse(problem);
}

Parsed<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  if (read_all(text, number)) return number;
  return refuse(fmt::format("must be a whole number, not {}", in_quotes(text)));
}

Parsed<double> parse_number(std::string_view text) {
  double number = 0.0;
  const bool digits =
      std::any_of(text.begin(), text.end(), is_digit);  // from_chars reads "nan" and "inf", too
  if (digits && read_all(text, number) && std::isfinite(number)) return number;
  return refuse(fmt::format("must be a number, not {}", in_quotes(text)));
}

Parsed<Duration> parse_duration(std::string_view text) {
  const std::string problem = fmt::format("must be a duration, not {}", in_quotes(text));
  std::int64_t bare = 0;
  if (read_all(text, bare)) {
    if (bare < 0) return refuse(problem, std::string(kDurationHelp));
    return refuse(
        fmt::format("has no unit: {}", in_quotes(text)),
        fmt::format("write \"{0}s\" for seconds, \"{0}m\" for minutes or \"{0}h\" for hours", bare));
  }
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  if (rest.empty()) return refuse(problem, std::string(kDurationHelp));
  while (!rest.empty()) {
    const auto digits =
        static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), is_digit) - rest.begin());
    if (digits == 0 || digits > 15) return refuse(problem, std::string(kDurationHelp));
    std::int64_t number = 0;
    read_all(rest.substr(0, digits), number);
    rest.remove_prefix(digits);
    const auto letters =
        static_cast<std::size_t>(std::find_if(rest.begin(), rest.end(), is_digit) - rest.begin());
    const std::string_view word = rest.substr(0, letters);
    const auto unit = std::find_if(kDurationUnits.begin(), kDurationUnits.end(),
                                   [&](const Unit& u) { return u.name == word; });
    if (unit == kDurationUnits.end()) {
      const std::string trimmed = lower_case(word.substr(std::min(word.find_first_not_of(' '), word.size())));
      const std::string_view meant = nearest_duration_unit(trimmed);
      if (meant.empty() || letters != rest.size() || total != 0)
        return refuse(problem, std::string(kDurationHelp));
      return refuse(problem, fmt::format("write \"{}{}\"", number, meant));
    }
    const auto place = static_cast<std::size_t>(unit - kDurationUnits.begin());
    if (place < next_unit) return refuse(problem, "give each unit once, the largest first, as in \"1h30m\"");
    next_unit = place + 1;
    if (number > kLongest / unit->factor) return refuse(fmt::format("is too long: {}", in_quotes(text)));
    total += number * unit->factor;
    if (total > kLongest) return refuse(fmt::format("is too long: {}", in_quotes(text)));
    rest.remove_prefix(letters);
  }
  return Duration{total};
}

Parsed<ByteSize> parse_size(std::string_view text) {
  const std::string problem = fmt::format("must be a size, not {}", in_quotes(text));
  const auto digits =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  if (digits == 0 || digits > 15) return refuse(problem, std::string(kSizeHelp));
  std::int64_t number = 0;
  read_all(text.substr(0, digits), number);
  const std::string_view word = text.substr(digits);
  if (word.empty())
    return refuse(fmt::format("has no unit: {}", in_quotes(text)),
                  fmt::format("write \"{0}B\" for bytes or \"{0}MiB\" for mebibytes", number));
  for (const Unit& unit : kSizeUnits) {
    if (unit.name != word) continue;
    if (number > kLargest / unit.factor) return refuse(fmt::format("is too large: {}", in_quotes(text)));
    return ByteSize{static_cast<std::uint64_t>(number * unit.factor)};
  }
  const std::string first = lower_case(word.substr(std::min(word.find_first_not_of(' '), word.size())));
  for (const auto& [letter, meant] :
       {std::pair{'t', "TiB"}, {'g', "GiB"}, {'m', "MiB"}, {'k', "KiB"}, {'b', "B"}}) {
    if (first.starts_with(letter)) return refuse(problem, fmt::format("write \"{}{}\"", number, meant));
  }
  return refuse(problem, std::string(kSizeHelp));
}

Parsed<std::string> parse_url(std::string_view text) {
  const auto parts = split_url(text);
  if (!parts) return refuse("must be a URL, but " + parts.error(), "write it as https://host[:port][/path]");
  if (!parts->userinfo.empty())
    return refuse("must not hold a user name or a password",
                  "remove what stands before the @; keys go into a file");
  if (parts->scheme != "http" && parts->scheme != "https")
    return refuse(fmt::format("must begin with https:// or http://, not {}://", parts->scheme));
  if (parts->path.find_first_of("?#") != std::string::npos)
    return refuse("must not have a query or a fragment", "end it before the ? or #");
  std::string url(text);
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string format_duration(Duration duration) {
  std::int64_t rest = std::max<std::int64_t>(duration.count(), 0);
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    // "1w" for exact weeks only: "10d" is easier to read than "1w3d".
    if (unit.name == "w" && rest % unit.factor != 0) continue;
    if (rest < unit.factor) continue;
    text += fmt::format("{}{}", rest / unit.factor, unit.name);
    rest %= unit.factor;
  }
  return text.empty() ? "0s" : text;
}

std::string format_size(ByteSize size) {
  for (const Unit& unit : kSizeUnits) {
    const auto factor = static_cast<std::uint64_t>(unit.factor);
    if (size.bytes >= factor && size.bytes % factor == 0)
      return fmt::format("{}{}", size.bytes / factor, unit.name);
  }
  return "0B";
}

std::string format_number(double number) {
  return fmt::format("{}", number);
}

ConfigScalar typed_scalar(std::string_view text, bool is_quoted) {
  if (is_quoted) return std::string(text);
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (const auto integer = parse_integer(text)) return *integer;
  if (const auto number = parse_number(text)) return *number;
  return std::string(text);
}

std::string yaml_text(std::string_view text) {
  const auto plain_char = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_-./:+~ @%()=").find(c) != std::string_view::npos;
  };
  const auto plain_first = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/' ||
           c == '.';
  };
  const std::string lower = lower_case(text);
  const bool plain = !text.empty() && plain_first(text.front()) && text.back() != ' ' && text.back() != ':' &&
                     std::all_of(text.begin(), text.end(), plain_char) &&
                     text.find(": ") == std::string_view::npos && lower != "null" &&
                     std::holds_alternative<std::string>(typed_scalar(text, false)) && lower != "yes" &&
                     lower != "no" && lower != "on" && lower != "off" && !text.starts_with("...");
  if (plain) return std::string(text);
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text, i), 1);
    const std::string_view character = text.substr(i, length);
    const unsigned code = code_point_of(character);
    if (code == '"' || code == '\\') {
      out += '\\';
      out += character;
    } else if (code < 0x20 || is_invisible(code)) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      out += character;
    }
    i += length;
  }
  return out + "\"";
}

std::string yaml_scalar(const ConfigScalar& scalar) {
  if (const bool* flag = std::get_if<bool>(&scalar)) return *flag ? "true" : "false";
  if (const std::int64_t* integer = std::get_if<std::int64_t>(&scalar)) return fmt::format("{}", *integer);
  if (const double* number = std::get_if<double>(&scalar)) {
    std::string text = format_number(*number);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";  // stays a float when read again
    return text;
  }
  return yaml_text(std::get<std::string>(scalar));
}

std::string text_problem(std::string_view text) {
  if (text.size() > 4096) return "is longer than 4096 bytes";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return "has a control character (or a line break) in it";
  }
  return {};
}

}  // namespace redflag::daemon::settings
