// Who may use the live page. Any program on the machine, and any page in a browser on it, can reach a port on
// loopback, so being there proves nothing:
// - A random token is kept in the state directory (0600). It never leaves the process: what leaves it are
//   codes and sessions made from it.
// - `redflag page` asks for a login code through the local API's socket, whose permissions say who may. The
//   code is good once, for five minutes; it stands in an address that a browser remembers, so it must be
//   worthless afterwards. A token in the fragment would have to be kept where scripts can read it, and could
//   not be sent by EventSource.
// - The browser gets a cookie that scripts cannot read (HttpOnly) and other sites cannot use
//   (SameSite=Strict). Browsers do not tell ports apart in cookies: one for "/" would go to every other
//   server on this machine (notebooks, TensorBoard). So the page lives below a path that only those know who
//   have signed in, and the cookie is for that path alone.
// - The Host header has to name this machine (DNS rebinding); a change needs a header of its own, which other
//   origins cannot send, and Origin has to be ours when it is told.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/clock.h"
#include "daemon/config/secret.h"
#include "daemon/net/http_server.h"
#include "rules/values/error.h"

namespace redflag::daemon::page {

inline constexpr Duration kCodeLife = std::chrono::minutes{5};
inline constexpr Duration kSessionLife = std::chrono::hours{24 * 30};
inline constexpr std::size_t kMostCodes = 16;     ///< that wait to be used; the oldest goes
inline constexpr std::size_t kMostFailures = 10;  ///< a minute; more are answered with 429
inline constexpr std::string_view kChangeHeader = "X-Redflag";

/// The token of `directory`/page_token; made, durably and readable for this user only, when there is none.
/// Errors: storage, denied; a file that others can read or that holds no token is an error, too.
Result<Secret> page_token(const std::string& directory);

/// Bytes from the system, as hex digits.
std::string random_hex(std::size_t bytes);

/// On the loop's thread.
class Gate {
 public:
  Gate(Secret token, const Clock& clock);

  /// "/3f9c…/": where the page lives.
  const std::string& base() const { return base_; }

  std::string make_code();
  /// The cookie's value when the code is good; it is spent then.
  std::optional<std::string> redeem(std::string_view code);
  /// Does the request bring a session that is ours and has not ended?
  bool admits(const ServerRequest& request) const;
  /// `Set-Cookie` for a session.
  std::string cookie(const std::string& session) const;

  /// Somebody came with a wrong code or session. true: more often than is credible.
  bool failed();

 private:
  std::string sign(std::string_view text) const;

  Secret token_;
  const Clock& clock_;
  std::string base_;
  std::map<std::string, Duration, std::less<>> codes_;  ///< until when, by the monotonic clock
  std::deque<Duration> failures_;
};

/// May this request ask for something (GET), or change something (else)? Why not, for a person; empty: yes.
/// It has nothing to do with who asks.
std::string objection(const ServerRequest& request);

}  // namespace redflag::daemon::page
