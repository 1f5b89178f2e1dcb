// What can go wrong on the way to an HTTP response, in words for a person. Hosts and ports are named, URLs
// and headers never.
#pragma once

#include <string>
#include <string_view>

#include <boost/system/error_code.hpp>

#include "daemon/net/response_reader.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

/// How far an exchange has come; timeouts name it.
enum class Stage { resolve, connect, proxy, tls, exchange };

Error stopped_error(const std::string& doing);
Error timeout_error(const std::string& doing, Stage stage, const std::string& peer, Duration timeout);
Error connect_error(const std::string& doing, const std::string& peer, bool is_proxy,
                    boost::system::error_code error);
/// TLS failed for another reason than the certificate.
Error tls_error(const std::string& doing, const std::string& peer, boost::system::error_code error);
/// The proxy answered CONNECT with `status`.
Error proxy_error(const std::string& doing, const std::string& proxy, int status);
/// No whole response came; `outcome.problem` is not `none`.
Error read_error(const std::string& doing, const std::string& peer, const ReadOutcome& outcome,
                 const ReadLimits& limits);

}  // namespace redflag::daemon
