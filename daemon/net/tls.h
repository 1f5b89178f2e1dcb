// TLS as a client: what is trusted, and what to tell a person when a certificate is refused.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ssl/context.hpp>

#include "rules/values/error.h"

namespace redflag::daemon {

namespace asio = boost::asio;

/// The one SSL_CTX of a client: TLS 1.2 or newer, certificates verified. Made on first use, since the store
/// of certificate authorities costs memory that a daemon which only speaks plain HTTP need not pay.
class TlsContext {
 public:
  /// `ca_file`: PEM file with authorities to trust besides the system's (OpenSSL's default paths, or
  /// SSL_CERT_FILE and SSL_CERT_DIR when set); empty for none.
  explicit TlsContext(std::string ca_file) : ca_file_(std::move(ca_file)) {}

  /// Reads the files if that has not been done yet; a failure is tried again at the next call. The context
  /// lives as long as this object. Error: invalid_input when ca_file cannot be read or holds no certificate.
  Result<asio::ssl::context*> get(std::string_view doing);

 private:
  std::string ca_file_;
  std::unique_ptr<asio::ssl::context> context_;
};

/// Prepares a connection's SSL (an `SSL*`): server name, the name or IP address that the certificate must be
/// for, ALPN "http/1.1". False when OpenSSL refuses, which only lack of memory or an impossible host name
/// brings about.
bool expect_host(ssl_st* ssl, const std::string& host);

/// The error for a certificate that was refused: `verify_result` is SSL_get_verify_result's.
Error certificate_refused(std::string_view doing, const std::string& host, long verify_result);

}  // namespace redflag::daemon
