// DNS that can hang without anybody waiting for it. getaddrinfo blocks for as long as it likes, cannot be
// cancelled, and Asio's own resolver joins it when the event loop is destroyed. Here each lookup has a
// detached thread that shares nothing with the loop but a letter box, which is closed when the resolver goes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>

#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

namespace asio = boost::asio;

struct LookupAnswer {
  int error = 0;                             ///< an EAI_… code of getaddrinfo; 0 for success
  std::vector<asio::ip::address> addresses;  ///< in the order in which to try them
};

/// Blocks; called on a thread that may outlive everything, so it must own all that it uses.
using Lookup = std::function<LookupAnswer(const std::string& host)>;

/// getaddrinfo for TCP, IPv4 and IPv6.
LookupAnswer system_lookup(const std::string& host);

struct ResolverSettings {
  Lookup lookup = system_lookup;
  int threads = 4;  ///< lookups in flight; further ones queue, and time out there
  Duration remember = std::chrono::seconds{30};  ///< how long an answer is kept; failures are not
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

/// Belongs to one event loop and its thread; must be stopped or destroyed before the loop's io_context.
/// Neither ever waits for a lookup.
class Resolver {
 public:
  explicit Resolver(asio::any_io_executor executor, ResolverSettings settings = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// The addresses of a host, at least one. IP literals are answered at once, other hosts from the cache or
  /// by a lookup that all who ask for the same host share. Errors: timed_out after `timeout`, unavailable
  /// when DNS has no answer, cancelled after stop(). `doing` goes into the error.
  asio::awaitable<Result<std::vector<asio::ip::address>>> resolve(std::string host, Duration timeout,
                                                                  std::string doing);

  /// Ends every wait with ErrorCode::cancelled and forgets the lookups that are still running.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace redflag::daemon
