// What can go wrong with a simulated service, scripted: for the next N requests, or for a stretch of time.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/net/http_server.h"
#include "rules/values/time.h"

namespace redflag::daemon {

enum class FaultKind {
  dns_failure,     ///< no answer: the name does not resolve
  refused,         ///< no answer: connection refused
  unreachable,     ///< no answer: no route to host
  reset,           ///< no answer: the connection is closed after the request
  unauthorized,    ///< 401
  rate_limited,    ///< 429, with Retry-After when `retry_after` is set
  server_error,    ///< 500
  bad_gateway,     ///< 502
  status,          ///< `status` with `body`
  graphql_errors,  ///< W&B: 200 with `errors`, and null where the history should be
  cut_body,        ///< the right answer, cut after `cut_after` bytes
  slow_body,       ///< the right answer, `delay` between pieces of a KiB
  late,            ///< the right answer, but `delay` later: a time-out for impatient clients
  malformed,       ///< 200 with something that is not JSON
  not_ok,          ///< Slack: 200 with another body than "ok"
};

struct Fault {
  FaultKind kind = FaultKind::server_error;
  std::string run;  ///< W&B: only requests that touch this run's history (its id); empty = every request
  std::string retry_after;  ///< value of the header: seconds or an HTTP date
  Duration delay = std::chrono::seconds{60};
  std::size_t cut_after = 20;
  int status = 503;
  std::string body;                 ///< of `status`, `malformed` and `not_ok`; empty = a likely one
  std::vector<HttpHeader> headers;  ///< added to whatever is answered
  bool takes_effect = false;        ///< Slack: the message is delivered although its answer goes wrong
};

/// No answer at all, or one in which the request was not even looked at.
bool is_before_the_service(FaultKind kind);

class FaultPlan {
 public:
  /// The next `times` requests that it applies to; several are used up in the order they were given. Faults
  /// of one run and those of the whole service wait in line separately.
  void next(Fault fault, std::size_t times = 1);
  /// Every request with from ≤ time < until.
  void during(Time from, Time until, Fault fault);
  void clear();

  /// The fault for a request at `now`, used up if it was one of `next`. Queued ones come before those of a
  /// stretch of time. `take` sees only faults without a run, `take_for` only those for one of `runs`.
  std::optional<Fault> take(Time now);
  std::optional<Fault> take_for(Time now, const std::vector<std::string>& runs);

 private:
  struct Queued {
    Fault fault;
    std::size_t left = 1;
  };
  struct Stretch {
    Time from;
    Time until;
    Fault fault;
  };
  template <typename Applies>
  std::optional<Fault> take_if(Time now, Applies applies);

  std::deque<Queued> queued_;
  std::vector<Stretch> stretches_;
};

/// Makes of the `right` answer what the fault makes of it.
ServerResponse spoil(const Fault& fault, ServerResponse right);

}  // namespace redflag::daemon
