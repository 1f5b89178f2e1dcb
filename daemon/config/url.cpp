// URL splitting by RFC 3986, for the parts that a configuration needs.
#include "daemon/config/url.h"

#include <algorithm>
#include <charconv>

namespace redflag::daemon::settings {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool host_char(char c) {
  return is_alnum(c) || c == '-' || c == '.' || c == '_';
}

bool address_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  if (scheme == "https") return 443;
  return 0;
}

tl::expected<UrlParts, std::string> split_url(std::string_view url) {
  for (const char c : url) {
    if (c <= ' ' || c == 0x7f || c == '\\' || c == '"' || c == '<' || c == '>')
      return tl::unexpected<std::string>("has a character that a URL cannot have");
  }
  const std::size_t mark = url.find("://");
  if (mark == std::string_view::npos || mark == 0)
    return tl::unexpected<std::string>("has no scheme such as https://");
  UrlParts parts;
  parts.scheme = lower_case(url.substr(0, mark));
  if (!std::all_of(parts.scheme.begin(), parts.scheme.end(),
                   [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; }))
    return tl::unexpected<std::string>("has a scheme that cannot be read");
  std::string_view rest = url.substr(mark + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  parts.path = rest.substr(end);
  rest = rest.substr(0, end);
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    parts.userinfo = rest.substr(0, at);
    rest = rest.substr(at + 1);
  }
  std::string_view port;
  bool port_mark = false;
  if (!rest.empty() && rest.front() == '[') {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos)
      return tl::unexpected<std::string>("has an address whose [ is not closed");
    const std::string_view address = rest.substr(1, close - 1);
    if (address.find(':') == std::string_view::npos ||
        !std::all_of(address.begin(), address.end(), address_char))
      return tl::unexpected<std::string>("has an IPv6 address that cannot be read");
    parts.host = lower_case(address);
    rest = rest.substr(close + 1);
    if (!rest.empty() && rest.front() != ':')
      return tl::unexpected<std::string>("has something odd after the address");
    port_mark = !rest.empty();
    if (port_mark) port = rest.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    parts.host = lower_case(rest.substr(0, colon));
    port_mark = colon != std::string_view::npos;
    if (port_mark) port = rest.substr(colon + 1);
    if (parts.host.empty()) return tl::unexpected<std::string>("names no host");
    if (parts.host.size() > 253 || !std::all_of(parts.host.begin(), parts.host.end(), host_char))
      return tl::unexpected<std::string>("has a host name that cannot be read");
  }
  parts.port = default_port(parts.scheme);
  if (port_mark) {
    unsigned number = 0;
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || stop != port.data() + port.size() || number < 1 || number > 65535)
      return tl::unexpected<std::string>("has a port that is not a number from 1 to 65535");
    parts.port = static_cast<std::uint16_t>(number);
    parts.port_given = true;
  }
  return parts;
}

}  // namespace redflag::daemon::settings
