// Reads one HTTP/1.x response off a connection, with a limit on everything that the other side chooses.
#pragma once

#include <cstddef>

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

#include "daemon/net/http.h"

namespace redflag::daemon {

class Connection;

struct ReadLimits {
  std::size_t header_bytes = std::size_t{64} << 10;  ///< status line and headers
  std::size_t body_bytes = 0;                        ///< after decompression
  bool no_body = false;                              ///< the answer to HEAD or CONNECT
};

enum class ReadProblem {
  none,
  closed,  ///< the connection ended, or broke, before a single byte
  cut,     ///< it ended, or broke, in mid-response
  header_too_large,
  body_too_large,
  not_http,      ///< what arrived is no HTTP response
  bad_encoding,  ///< a Content-Encoding nobody asked for, or damaged compressed data
};

struct ReadOutcome {
  ReadProblem problem = ReadProblem::none;
  boost::system::error_code error;  ///< of the connection, for `closed` and `cut`
  HttpResponse response;            ///< whole when there is no problem
  bool reusable = false;            ///< the connection may carry another request
};

/// Interim (1xx) responses are skipped.
asio::awaitable<ReadOutcome> read_response(Connection& connection, ReadLimits limits);

}  // namespace redflag::daemon
