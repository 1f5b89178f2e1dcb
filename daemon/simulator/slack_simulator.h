// A stand-in for Slack's incoming webhooks: takes what Slack takes, refuses what it refuses, and remembers
// everything.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/base/clock.h"
#include "daemon/net/http_server.h"
#include "daemon/simulator/faults.h"
#include "rules/values/error.h"

namespace redflag::daemon {

struct SlackSimulatorOptions {
  std::string path = "/services/T000/B000/XXXX";  ///< other paths under /services/ answer 404 no_service
  double messages_per_second = 0.0;  ///< 0 = no limit; Slack: about 1. Beyond it 429 with Retry-After
  double burst = 3.0;                ///< messages that may come at once under the limit
  std::string journal;  ///< a file that gets one JSON line per message, written before the answer; "" = none
};

struct SlackMessage {
  Time arrived;
  nlohmann::json payload;
  std::string text;   ///< the top-level `text`: what a phone shows
  std::string plain;  ///< everything a reader sees
};

struct SlackRefusal {
  Time arrived;
  std::string error;  ///< "invalid_payload", …
  std::vector<std::string> reasons;
};

/// Not thread-safe.
class SlackSimulator {
 public:
  explicit SlackSimulator(const Clock& clock, SlackSimulatorOptions options = {});

  /// Answers POSTs to the webhook, JSON or a form with `payload`. A message that cannot be journalled is
  /// refused with 500.
  ServerResponse answer(const ServerRequest& request);

  FaultPlan& faults() { return faults_; }
  const std::vector<SlackMessage>& messages() const { return messages_; }  ///< delivered, oldest first
  const std::vector<SlackRefusal>& refusals() const { return refusals_; }  ///< of the payload, not faults
  std::size_t requests() const { return requests_; }
  const SlackSimulatorOptions& options() const { return options_; }

 private:
  ServerResponse deliver(const ServerRequest& request);
  bool over_the_limit(Time now);
  bool write_journal(const SlackMessage& message) const;

  const Clock& clock_;
  SlackSimulatorOptions options_;
  FaultPlan faults_;
  std::vector<SlackMessage> messages_;
  std::vector<SlackRefusal> refusals_;
  std::size_t requests_ = 0;
  double allowance_;
  Time allowance_at_;
};

/// Reads a journal back, for another process. A last line without its end was never answered and is left out.
/// Errors: not_found, malformed.
Result<std::vector<SlackMessage>> read_slack_journal(const std::string& path);

}  // namespace redflag::daemon
