// OpenSSL, set up once; it is asked directly where Asio offers no way, or only a weaker one.
#include "daemon/net/tls.h"

#include <cstdlib>

#include <boost/asio/ip/address.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace redflag::daemon {
namespace {

/// Where other distributions keep what Debian's OpenSSL looks for in /usr/lib/ssl: the static programs are
/// built on Debian and run anywhere. Unless the person names a file or a folder of their own.
void trust_other_systems_bundle(asio::ssl::context& context) {
  if (::secure_getenv(X509_get_default_cert_file_env()) != nullptr ||
      ::secure_getenv(X509_get_default_cert_dir_env()) != nullptr ||
      ::access(X509_get_default_cert_dir(), F_OK) == 0 || ::access(X509_get_default_cert_file(), F_OK) == 0)
    return;
  for (const char* bundle : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                             "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
    boost::system::error_code error;
    context.load_verify_file(bundle, error);
    if (!error) return;
  }
}

}  // namespace

Result<asio::ssl::context*> TlsContext::get(std::string_view doing) {
  if (context_) {
    return context_.get();
  }
  try {
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // idle connections keep no 34 KiB of record buffers
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    context->set_verify_mode(asio::ssl::verify_peer);
    // Missing default paths are no error: OpenSSL finds out when it needs an authority.
    boost::system::error_code error;
    context->set_default_verify_paths(error);
    trust_other_systems_bundle(*context);
    if (!ca_file_.empty()) {
      context->load_verify_file(ca_file_, error);
      if (error) {
        return fail(ErrorCode::invalid_input, std::string(doing),
                    fmt::format("the CA file {} cannot be read as PEM certificates", ca_file_),
                    "check ca_file: the path, its permissions, and that it holds BEGIN CERTIFICATE");
      }
    }
    context_ = std::move(context);
  } catch (const boost::system::system_error& error) {
    return fail(ErrorCode::unavailable, std::string(doing),
                fmt::format("OpenSSL cannot be set up: {}", error.code().message()));
  }
  return context_.get();
}

bool expect_host(ssl_st* ssl, const std::string& host) {
  boost::system::error_code not_literal;
  asio::ip::make_address(host, not_literal);
  if (!not_literal) {
    // RFC 6066 allows no IP address as server name.
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) != 1) {
      return false;
    }
  } else {
    // OpenSSL's macro for this holds a C cast.
    const long named = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                const_cast<char*>(host.c_str()));
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (named != 1 || SSL_set1_host(ssl, host.c_str()) != 1) {
      return false;
    }
  }
  constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  return SSL_set_alpn_protos(ssl, kHttp11, sizeof kHttp11) == 0;
}

Error certificate_refused(std::string_view doing, const std::string& host, long verify_result) {
  Error error;
  error.code = ErrorCode::denied;
  error.retryable =
      true;  // clocks get set, certificates renewed and CA files replaced without redflag's doing
  error.doing = doing;
  error.what = fmt::format("the certificate of {} is not accepted: {}", host,
                           X509_verify_cert_error_string(verify_result));
  switch (verify_result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      error.advice =
          "it is for another host: check the URL, and that no other server answers under this name";
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      error.advice =
          "check this machine's clock (timedatectl); if it is right, the server's certificate must be "
          "renewed";
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      error.advice =
          "if the server or a proxy on the way uses a private CA, set ca_file to its certificate; if not, "
          "install the "
          "package ca-certificates";
      break;
    default:
      error.advice = "check the server's certificate, this machine's clock and ca_file";
  }
  return error;
}

}  // namespace redflag::daemon
