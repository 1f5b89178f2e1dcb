#include "daemon/config/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace redflag::daemon {
namespace {

constexpr const char* kAdvice =
    "write \"127.0.0.1:8765\"; from another machine: ssh -L 8765:127.0.0.1:8765 HOST";

tl::unexpected<Error> refused(std::string what) {
  return fail(ErrorCode::invalid_input, "reading an address to listen on", std::move(what), kAdvice);
}

}  // namespace

std::string ListenAddress::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<ListenAddress> parse_loopback_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return refused("there is no port in it");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos ||
      std::stoul(std::string(port)) > 65535)
    return refused("the port must be a number from 0 to 65535");
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refused("an IPv6 address needs brackets");
  }
  ListenAddress address{std::string(host), static_cast<std::uint16_t>(std::stoul(std::string(port)))};
  if (address.host == "localhost") address.host = "127.0.0.1";
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, address.host.c_str(), &v4) == 1) {
    if ((ntohl(v4.s_addr) >> 24U) == 127U) return address;
  } else if (::inet_pton(AF_INET6, address.host.c_str(), &v6) == 1) {
    if (IN6_IS_ADDR_LOOPBACK(&v6)) return address;
  } else {
    return refused("there is no IP address in it");
  }
  return refused("other machines could reach it, and there is no encryption");
}

bool names_loopback(std::string_view host) {
  std::string_view name = host;
  if (name.starts_with('[')) {
    name = name.substr(0, name.find(']') + 1);
  } else {
    name = name.substr(0, name.find(':'));
  }
  const std::string_view rest = host.substr(name.size());
  if (!rest.empty() && (rest.size() > 6 || rest.front() != ':' ||
                        rest.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return false;
  const bool v4 = name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
  return v4 || name == "localhost" || name == "[::1]";
}

}  // namespace redflag::daemon
