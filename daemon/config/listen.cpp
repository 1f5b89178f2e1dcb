#include "daemon/config/listen.h"

#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace redflag::daemon {
namespace {

/// 127.0.0.0/8 and ::1, as the system reads addresses.
bool is_loopback(const std::string& address) {
  in_addr four{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24U == 127;
  in6_addr six{};
  return ::inet_pton(AF_INET6, address.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

tl::unexpected<Error> wrong(std::string what) {
  return fail(ErrorCode::invalid_input, "reading an address to listen on", std::move(what),
              "write an address of this machine alone, with a port: 127.0.0.1:9736");
}

}  // namespace

std::string ListenAddress::text() const {
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

Result<ListenAddress> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) return wrong("it has no port");
  std::string_view name = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  ListenAddress result;
  const auto [stopped, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (error != std::errc() || stopped != digits.data() + digits.size() || result.port == 0)
    return wrong("its port is not a number from 1 to 65535");
  const bool bracketed = name.starts_with('[') && name.ends_with(']');
  if (bracketed) name = name.substr(1, name.size() - 2);
  if (!bracketed && name.find(':') != std::string_view::npos)
    return wrong("an IPv6 address stands in brackets before its port");
  result.address = name == "localhost" ? "127.0.0.1" : std::string(name);
  if (!is_loopback(result.address)) return wrong("other machines could reach it, or it is no address");
  return result;
}

bool names_loopback(std::string_view host) {
  const std::string_view name =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  const std::string_view rest = host.substr(name.size());
  if (!rest.empty() && (rest.size() > 6 || rest.front() != ':' ||
                        rest.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return false;
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

}  // namespace redflag::daemon
