// Parsing by hand: the grammar needed is small, and every refusal can say what is wrong with which part.
#include "daemon/net/url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/asio/ip/address_v6.hpp>
#include <boost/beast/core/string.hpp>
#include <fmt/format.h>

namespace redflag::daemon {
namespace {

constexpr std::size_t kLongestUrl = std::size_t{16} << 10;
constexpr std::size_t kLongestHost = 253;  // RFC 1035, written without the root's dot

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_host_name(std::string_view host) {
  // The underscore is no host name by RFC 952, but container and intranet names have it.
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_'; };
  return !host.empty() && host.size() <= kLongestHost && host.front() != '.' &&
         host.find("..") == std::string_view::npos && std::all_of(host.begin(), host.end(), allowed);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return std::nullopt;
  }
  return port;
}

bool is_ipv6_literal(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address_v6(host, error);
  return !error && host.find('%') == std::string::npos;
}

bool take_scheme(std::string_view& text, bool& tls) {
  for (const auto& [scheme, secure] : {std::pair{std::string_view{"https://"}, true}, {"http://", false}}) {
    if (boost::beast::iequals(text.substr(0, scheme.size()), scheme)) {
      text.remove_prefix(scheme.size());
      tls = secure;
      return true;
    }
  }
  return false;
}

}  // namespace

std::string Url::authority() const {
  if (port == (tls ? 443 : 80)) {
    return ipv6 ? fmt::format("[{}]", host) : host;
  }
  return host_and_port();
}

std::string Url::host_and_port() const {
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Url::origin() const {
  return (tls ? "https://" : "http://") + host_and_port();
}

Result<Url> parse_url(std::string_view text, std::string_view doing) {
  const auto refuse = [&](std::string what, std::string advice = {}) {
    return fail(ErrorCode::invalid_input, std::string(doing), std::move(what), std::move(advice));
  };
  if (text.size() > kLongestUrl) {
    return refuse(fmt::format("the URL is longer than {} bytes", kLongestUrl));
  }
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    return refuse("the URL has a space, a control character or a character that is not ASCII",
                  "percent-encode it; write an international host name in punycode");
  }
  Url url;
  if (!take_scheme(text, url.tls)) {
    return refuse("the URL does not begin with https:// or http://",
                  "write it in full, as in https://api.wandb.ai");
  }
  const std::size_t authority_end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, authority_end);
  std::string_view target = text.substr(authority_end);
  if (authority.find('@') != std::string_view::npos) {
    return refuse("the URL holds a user name or password",
                  "take it out of the URL; keys have settings of their own");
  }

  std::string_view port;
  bool has_port = false;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) {
      return refuse("the URL's IPv6 address has no closing bracket");
    }
    url.host = authority.substr(1, close - 1);
    url.ipv6 = true;
    const std::string_view rest = authority.substr(close + 1);
    has_port = !rest.empty();
    if (!is_ipv6_literal(url.host) || (has_port && rest.front() != ':')) {
      return refuse("the URL's IPv6 address is not one");
    }
    port = has_port ? rest.substr(1) : rest;
  } else {
    const std::size_t colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    url.host = authority.substr(0, colon);
    port = has_port ? authority.substr(colon + 1) : std::string_view{};
    if (!is_host_name(url.host)) {
      return refuse("the URL has no valid host name");
    }
  }
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower);

  url.port = url.tls ? 443 : 80;
  if (has_port && !port.empty()) {  // RFC 3986 allows "host:" for the default port
    const std::optional<std::uint16_t> number = parse_port(port);
    if (!number) {
      return refuse("the URL's port is not a number from 1 to 65535");
    }
    url.port = *number;
  }

  target = target.substr(0, target.find('#'));
  url.target = target.empty() || target.front() != '/' ? "/" : "";
  url.target += target;
  return url;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

}  // namespace redflag::daemon
