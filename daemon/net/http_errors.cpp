// The texts. Each names the peer, what happened, and the first thing to look at.
#include "daemon/net/http_errors.h"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <fmt/format.h>

namespace redflag::daemon {
namespace {

Error make(ErrorCode code, const std::string& doing, std::string what, std::string advice, bool retryable) {
  return Error{code, retryable, doing, std::move(what), std::move(advice)};
}

std::string_view doing_what(Stage stage) {
  switch (stage) {
    case Stage::resolve:
      return "looking up";
    case Stage::connect:
      return "connecting to";
    case Stage::proxy:
      return "waiting for the proxy to reach";
    case Stage::tls:
      return "setting up TLS with";
    case Stage::exchange:
      break;
  }
  return "waiting for the answer of";
}

}  // namespace

Error stopped_error(const std::string& doing) {
  return make(ErrorCode::cancelled, doing, "redflag is stopping", "", false);
}

Error timeout_error(const std::string& doing, Stage stage, const std::string& peer, Duration timeout) {
  return make(ErrorCode::timed_out, doing,
              fmt::format("timed out after {} while {} {}", human_duration(timeout), doing_what(stage), peer),
              stage == Stage::exchange
                  ? "the server is slow or hangs; if that goes on, check its status"
                  : "check the network, firewalls, and whether a proxy is needed (HTTPS_PROXY)",
              true);
}

Error connect_error(const std::string& doing, const std::string& peer, bool is_proxy,
                    boost::system::error_code error) {
  std::string advice = "check the network";
  if (error == asio::error::connection_refused) {
    advice = is_proxy ? "nothing listens there: check HTTPS_PROXY and HTTP_PROXY"
                      : "nothing listens there: check the URL's host and port, and that the server runs";
  } else if (error == asio::error::timed_out) {
    advice = "check the network, firewalls, and whether a proxy is needed (HTTPS_PROXY)";
  } else if (error == asio::error::network_unreachable || error == asio::error::host_unreachable) {
    advice = "check the network: there is no route to it from here";
  } else if (error == asio::error::no_descriptors) {
    advice = "raise the limit on open files (systemd: LimitNOFILE)";
  }
  return make(ErrorCode::unavailable, doing,
              fmt::format("cannot connect to {}{}: {}", is_proxy ? "the proxy " : "", peer, error.message()),
              std::move(advice), true);
}

Error tls_error(const std::string& doing, const std::string& peer, boost::system::error_code error) {
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated ||
      error == asio::error::connection_reset) {
    return make(ErrorCode::unavailable, doing,
                fmt::format("{} closed the connection during the TLS handshake", peer),
                "check the URL's port, and that nothing on the way blocks TLS", true);
  }
  return make(ErrorCode::unavailable, doing, fmt::format("TLS with {} failed: {}", peer, error.message()),
              "check the URL's port and whether it should be http:// or https://; the server must offer TLS "
              "1.2 or newer",
              true);
}

Error proxy_error(const std::string& doing, const std::string& proxy, int status) {
  if (status == 407) {
    return make(ErrorCode::denied, doing, fmt::format("the proxy {} wants another login (HTTP 407)", proxy),
                "put user and password into HTTPS_PROXY: http://user:password@host:port", true);
  }
  return make(ErrorCode::unavailable, doing,
              fmt::format("the proxy {} refused to connect (HTTP {})", proxy, status),
              "check what the proxy allows, or add the host to NO_PROXY", true);
}

Error read_error(const std::string& doing, const std::string& peer, const ReadOutcome& outcome,
                 const ReadLimits& limits) {
  switch (outcome.problem) {
    case ReadProblem::closed:
      return make(ErrorCode::unavailable, doing,
                  fmt::format("{} closed the connection without an answer", peer), "", true);
    case ReadProblem::header_too_large:
      return make(
          ErrorCode::too_large, doing,
          fmt::format("the headers of {}'s answer are longer than {} bytes", peer, limits.header_bytes),
          "check that the URL points at the right server", true);
    case ReadProblem::body_too_large:
      return make(ErrorCode::too_large, doing,
                  fmt::format("the answer of {} is longer than {} bytes", peer, limits.body_bytes),
                  "ask for less at a time, or check that the URL points at the right server", false);
    case ReadProblem::not_http:
      return make(ErrorCode::malformed, doing, fmt::format("what {} answered is not HTTP", peer),
                  "check the URL's port, and whether it should be http:// or https://", true);
    case ReadProblem::bad_encoding:
      return make(ErrorCode::malformed, doing,
                  fmt::format("the answer of {} is compressed in a damaged or unknown way", peer),
                  "check the server or the proxy on the way", true);
    case ReadProblem::cut:
    case ReadProblem::none:
      break;
  }
  return make(ErrorCode::unavailable, doing, fmt::format("the answer of {} was cut off", peer), "", true);
}

}  // namespace redflag::daemon
