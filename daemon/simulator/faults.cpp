// The faults that W&B and Slack have in common; those of one service are applied by its simulator.
#include "daemon/simulator/faults.h"

#include <algorithm>

namespace redflag::daemon {
namespace {

std::string_view closing_words(FaultKind kind) {
  switch (kind) {
    case FaultKind::dns_failure:
      return "host not found";
    case FaultKind::refused:
      return "connection refused";
    case FaultKind::unreachable:
      return "no route to host";
    default:
      return "connection reset by peer";
  }
}

ServerResponse answer(int status, std::string body, std::string type = "application/json") {
  ServerResponse response;
  response.status = status;
  response.headers.push_back({"Content-Type", std::move(type)});
  response.body = std::move(body);
  return response;
}

ServerResponse replace(const Fault& fault, ServerResponse right) {
  switch (fault.kind) {
    case FaultKind::dns_failure:
    case FaultKind::refused:
    case FaultKind::unreachable:
    case FaultKind::reset:
      right.dropped = std::string{closing_words(fault.kind)};
      return right;
    case FaultKind::unauthorized:
      return answer(401, R"({"error":"permission denied"})");
    case FaultKind::rate_limited:
      return answer(429, R"({"ok":false,"error":"rate_limited"})");
    case FaultKind::server_error:
      return answer(500, R"({"error":"Internal Server Error"})");
    case FaultKind::bad_gateway:
      return answer(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html");
    case FaultKind::status:
      return answer(fault.status, fault.body, "text/plain");
    case FaultKind::malformed:
      return answer(200, fault.body.empty() ? R"({"data": {"project": {"runs": {"edges": [)" : fault.body);
    case FaultKind::not_ok:
      return answer(200, fault.body.empty() ? "accepted, maybe" : fault.body, "text/html");
    case FaultKind::cut_body:
      right.cut_after = fault.cut_after;
      return right;
    case FaultKind::slow_body:
      right.drip = fault.delay;
      return right;
    case FaultKind::late:
      right.delay = fault.delay;
      return right;
    case FaultKind::graphql_errors:
      return right;
  }
  return right;
}

}  // namespace

bool is_before_the_service(FaultKind kind) {
  switch (kind) {
    case FaultKind::dns_failure:
    case FaultKind::refused:
    case FaultKind::unreachable:
    case FaultKind::reset:
    case FaultKind::unauthorized:
    case FaultKind::rate_limited:
    case FaultKind::server_error:
    case FaultKind::bad_gateway:
    case FaultKind::status:
    case FaultKind::malformed:
      return true;
    default:
      return false;
  }
}

void FaultPlan::next(Fault fault, std::size_t times) {
  if (times > 0) queued_.push_back({std::move(fault), times});
}

void FaultPlan::during(Time from, Time until, Fault fault) {
  stretches_.push_back({from, until, std::move(fault)});
}

void FaultPlan::clear() {
  queued_.clear();
  stretches_.clear();
}

template <typename Applies>
std::optional<Fault> FaultPlan::take_if(Time now, Applies applies) {
  for (auto it = queued_.begin(); it != queued_.end(); ++it) {
    if (!applies(it->fault)) continue;
    Fault fault = it->fault;
    if (--it->left == 0) queued_.erase(it);
    return fault;
  }
  for (const Stretch& stretch : stretches_) {
    if (stretch.from <= now && now < stretch.until && applies(stretch.fault)) return stretch.fault;
  }
  return std::nullopt;
}

std::optional<Fault> FaultPlan::take(Time now) {
  return take_if(now, [](const Fault& fault) { return fault.run.empty(); });
}

std::optional<Fault> FaultPlan::take_for(Time now, const std::vector<std::string>& runs) {
  return take_if(now, [&](const Fault& fault) {
    return !fault.run.empty() && std::find(runs.begin(), runs.end(), fault.run) != runs.end();
  });
}

ServerResponse spoil(const Fault& fault, ServerResponse right) {
  ServerResponse response = replace(fault, std::move(right));
  if (!fault.retry_after.empty()) response.headers.push_back({"Retry-After", fault.retry_after});
  response.headers.insert(response.headers.end(), fault.headers.begin(), fault.headers.end());
  return response;
}

}  // namespace redflag::daemon
