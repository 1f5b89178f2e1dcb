// The daemon's local API: HTTP on a unix socket, so that who may use it is a matter of the socket file's
// permissions. docs/api.md describes it.
#pragma once

#include <map>
#include <string>

#include <sys/types.h>

#include "daemon/api/handlers.h"
#include "daemon/base/clock.h"
#include "daemon/monitor/operations.h"
#include "daemon/net/http_server.h"

namespace redflag::daemon {

struct ApiSettings {
  std::string socket;  ///< absolute path
  mode_t mode = 0600;  ///< of the socket file
  std::string group;   ///< that it is given to, by name; empty: the process's own
};

/// Names of users, each looked up once. A user of another name space (systemd's PrivateUsers=) or without a
/// name is "uid N".
class UserNames {
 public:
  std::string of(std::uint32_t uid);

 private:
  std::map<std::uint32_t, std::string> known_;
};

/// All on one executor. What it refers to outlives it. Destroy it after stop(), or with the executor.
class LocalApi {
 public:
  LocalApi(asio::any_io_executor executor, Clock& clock, Operations& operations, Views& views,
           ApiSettings settings);

  /// Makes the socket's own directory (0700, or 0755 when others are let in) and listens. Errors: those of
  /// listen_unix.
  Result<void> start();
  /// Closes everything, removes the socket, cancels the requests under way, and resumes once they are over,
  /// at most after `patience`. May be called twice.
  asio::awaitable<void> stop(Duration patience);

  api::Handlers& handlers() { return handlers_; }
  /// See Handlers::set_probes. Before start().
  void set_probes(api::Probes* probes) { handlers_.set_probes(probes); }
  /// Before start(); see Handlers::set_push.
  void set_push(api::Handlers::Push push) { handlers_.set_push(std::move(push)); }

  const std::string& socket() const { return settings_.socket; }

 private:
  Clock& clock_;
  ApiSettings settings_;
  UserNames users_;
  api::Handlers handlers_;
  HttpServer server_;
};

}  // namespace redflag::daemon
