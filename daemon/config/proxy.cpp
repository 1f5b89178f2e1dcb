// Proxy variables, and the matching of NO_PROXY.
#include "daemon/config/proxy.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "daemon/config/url.h"

namespace redflag::daemon {
namespace {

using settings::lower_case;
using settings::split_url;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent-decodes; nullopt when a decoded byte could break a header or the sequence is incomplete.
std::optional<Secret> decode(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  bool good = true;
  for (std::size_t i = 0; i < text.size() && good; ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      good = high >= 0 && low >= 0;
      c = static_cast<char>(good ? high * 16 + low : 0);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    good = good && byte >= 0x20 && byte != 0x7f;
    plain += c;
  }
  std::optional<Secret> secret;
  if (good) secret.emplace(plain);
  wipe(plain);
  return secret;
}

bool is_address(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         std::all_of(host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
         (host.starts_with("127.") && is_address(host));
}

/// Does one NO_PROXY entry cover the host? "entry", "entry:port", "[v6]", "[v6]:port".
bool covers(std::string_view entry, std::string_view host, std::uint16_t port) {
  if (entry == "*") return true;
  std::string_view wanted_port;
  if (entry.starts_with('[')) {
    const std::size_t close = entry.find(']');
    if (close == std::string_view::npos) return false;
    if (close + 1 < entry.size() && entry[close + 1] == ':') wanted_port = entry.substr(close + 2);
    entry = entry.substr(1, close - 1);
  } else if (std::count(entry.begin(), entry.end(), ':') == 1) {
    wanted_port = entry.substr(entry.find(':') + 1);
    entry = entry.substr(0, entry.find(':'));
  }
  if (!wanted_port.empty() && wanted_port != fmt::format("{}", port)) return false;
  if (entry.empty()) return false;
  if (host == entry) return true;
  // An address matches itself only: "0.0.1" is no suffix of 10.0.0.1.
  return !is_address(host) && host.size() > entry.size() && host.ends_with(entry) &&
         host[host.size() - entry.size() - 1] == '.';
}

/// First of the variables that is set and not empty: its name and value.
std::pair<std::string_view, std::string> first_set(const Environment& env,
                                                   std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    std::string value = variable(env, name);
    if (!value.empty()) return {name, std::move(value)};
  }
  return {};
}

}  // namespace

std::string ProxyUrl::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}{}", v6 ? "[" : "", host, v6 ? "]" : "", port,
                     credentials.empty() ? "" : " (credentials set)");
}

Result<ProxyUrl> parse_proxy_url(std::string_view url, std::string origin) {
  const std::string doing = "reading the proxy's address in " + origin;
  const std::string advice = "write it as http://host:port";
  std::string whole(url.find("://") == std::string_view::npos ? "http://" : "");
  whole += url;
  auto parts = split_url(whole);
  wipe(whole);
  if (!parts) return fail(ErrorCode::invalid_input, doing, "it " + parts.error(), advice);
  ProxyUrl proxy;
  proxy.origin = std::move(origin);
  bool good = parts->userinfo.empty();
  if (!good) {
    std::optional<Secret> credentials = decode(parts->userinfo);
    good = credentials.has_value();
    if (good) proxy.credentials = std::move(*credentials);
    wipe(parts->userinfo);
  }
  if (!good)
    return fail(ErrorCode::invalid_input, doing,
                "its user name or password has a bad percent escape or a control character",
                "write special characters as %XX");
  if (parts->scheme != "http")
    return fail(ErrorCode::invalid_input, doing,
                "only proxies that are spoken to in plain HTTP are supported (they carry https all the same)",
                advice);
  if (!parts->path.empty() && parts->path != "/")
    return fail(ErrorCode::invalid_input, doing, "it has a path", advice);
  proxy.host = std::move(parts->host);
  proxy.port = parts->port;
  return proxy;
}

void add_no_proxy(std::vector<std::string>& into, std::string_view list) {
  std::size_t start = 0;
  while (start < list.size() && into.size() < 1000) {
    const std::size_t end = std::min(list.find_first_of(", \t", start), list.size());
    std::string entry = lower_case(list.substr(start, end - start));
    start = end + 1;
    if (entry.starts_with("*.")) entry.erase(0, 1);
    if (entry.starts_with('.')) entry.erase(0, 1);
    while (entry.ends_with('.')) entry.pop_back();
    if (!entry.empty()) into.push_back(std::move(entry));
  }
}

std::optional<ProxyUrl> ProxySettings::proxy_for(std::string_view url) const {
  const auto parts = split_url(url);
  if (!parts || (parts->scheme != "http" && parts->scheme != "https")) return std::nullopt;
  std::string_view host = parts->host;
  if (host.ends_with('.')) host.remove_suffix(1);
  if (is_loopback(host)) return std::nullopt;
  for (const std::string& entry : no_proxy) {
    if (covers(entry, host, parts->port)) return std::nullopt;
  }
  return parts->scheme == "https" ? https : http;
}

Result<ProxySettings> proxy_from_environment(const Environment& env) {
  ProxySettings proxies;
  const bool cgi = !variable(env, "REQUEST_METHOD").empty();
  const auto read = [](std::pair<std::string_view, std::string> set,
                       std::optional<ProxyUrl>& into) -> Result<void> {
    if (set.second.empty()) return {};
    auto proxy = parse_proxy_url(set.second, std::string(set.first));
    wipe(set.second);
    if (!proxy) return tl::unexpected<Error>(std::move(proxy.error()));
    into = std::move(*proxy);
    return {};
  };
  auto http = cgi ? first_set(env, {"http_proxy", "all_proxy", "ALL_PROXY"})
                  : first_set(env, {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
  if (auto done = read(std::move(http), proxies.http); !done)
    return tl::unexpected<Error>(std::move(done.error()));
  auto https = first_set(env, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  if (auto done = read(std::move(https), proxies.https); !done)
    return tl::unexpected<Error>(std::move(done.error()));
  add_no_proxy(proxies.no_proxy, first_set(env, {"no_proxy", "NO_PROXY"}).second);
  return proxies;
}

}  // namespace redflag::daemon
