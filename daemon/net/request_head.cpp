// Written by hand rather than with Beast: the bytes are few, and every value is checked before it is among
// them.
#include "daemon/net/request_head.h"

#include <algorithm>

#include <boost/beast/core/string.hpp>
#include <fmt/format.h>

namespace redflag::daemon {
namespace {

/// RFC 9110's "token".
bool is_token(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

bool is_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t') || byte == 0x7F;
  });
}

bool is_ours(std::string_view name) {
  for (const char* each :
       {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Proxy-Authorization"}) {
    if (boost::beast::iequals(name, each)) {
      return true;
    }
  }
  return false;
}

void add(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

void add_authorization(std::string& head, const Proxy& proxy) {
  const std::string authorization = proxy_authorization(proxy);
  if (!authorization.empty()) {
    add(head, "Proxy-Authorization", authorization);
  }
}

}  // namespace

Result<std::string> request_head(const HttpRequest& request, const Url& url,
                                 const std::optional<Proxy>& proxy, const std::string& user_agent) {
  const auto refuse = [&](std::string what) {
    return fail(ErrorCode::invalid_input, request.label, std::move(what));
  };
  if (!is_token(request.method)) {
    return refuse("the HTTP method is not one");
  }
  const bool absolute = proxy && !url.tls;
  std::string head = fmt::format("{} {}{}{} HTTP/1.1\r\n", request.method, absolute ? "http://" : "",
                                 absolute ? url.authority() : "", url.target);
  add(head, "Host", url.authority());
  bool has_agent = false;
  bool has_encoding = false;
  for (const HttpHeader& header : request.headers) {
    if (!is_token(header.name)) {
      return refuse("a header's name has characters that HTTP does not allow");
    }
    if (is_ours(header.name)) {
      return refuse(fmt::format("the header {} cannot be set from outside", header.name));
    }
    if (!is_value(header.value)) {
      return fail(ErrorCode::invalid_input, request.label,
                  fmt::format("the value of the header {} has a line break or another control character",
                              header.name),
                  "if it comes from a key or a setting, write that again without line breaks");
    }
    has_agent = has_agent || boost::beast::iequals(header.name, "User-Agent");
    has_encoding = has_encoding || boost::beast::iequals(header.name, "Accept-Encoding");
    add(head, header.name, header.value);
  }
  if (!has_agent && !user_agent.empty()) {
    add(head, "User-Agent", user_agent);
  }
  if (!has_encoding) {
    add(head, "Accept-Encoding", "gzip");
  }
  if (absolute) {
    add_authorization(head, *proxy);
  }
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
    add(head, "Content-Length", std::to_string(request.body.size()));
  }
  head += "\r\n";
  return head;
}

std::string connect_head(const Url& url, const Proxy& proxy, const std::string& user_agent) {
  std::string head = fmt::format("CONNECT {} HTTP/1.1\r\n", url.host_and_port());
  add(head, "Host", url.host_and_port());
  if (!user_agent.empty()) {
    add(head, "User-Agent", user_agent);
  }
  add_authorization(head, proxy);
  head += "\r\n";
  return head;
}

}  // namespace redflag::daemon
