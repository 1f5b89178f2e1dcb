// What an attempt to deliver came to. Every sink reads its service's answers in its own way and says it in
// these words; the dispatcher knows only these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/values/time.h"

namespace redflag::alerts {

/// An answer as plain values, filled by whoever spoke HTTP. Holds no URL: that may be a secret.
struct SinkAnswer {
  int status = 0;                ///< HTTP status; 0 when there was none
  std::string body;              ///< may be cut; a few kB are enough
  std::string retry_after;       ///< value of the Retry-After header; empty when absent
  bool transport_error = false;  ///< no complete answer: refused, reset, timed out, TLS, DNS
  std::string transport_text;    ///< what happened then, for people; must not hold the URL
  /// What a later message of the same receiver has to know of this one (where Slack put it), by a key of the
  /// sink's own; kept with the outcome. An empty value deletes.
  std::vector<std::pair<std::string, std::string>> receipts;
};

/// What earlier answers left. Read while a message is delivered.
class Receipts {
 public:
  virtual ~Receipts() = default;
  virtual std::optional<std::string> find(const std::string& key) const = 0;
};

enum class Outcome : std::uint8_t {
  sent,          ///< the service has it
  retry,         ///< later, the same message
  form_refused,  ///< the service does not like the form: once more with the fallback, if there is one, else
                 ///< park
  permanent,     ///< never; park it, the channel needs a person
};

struct Verdict {
  Outcome outcome = Outcome::retry;
  /// How long the service asked us to wait; nullopt = it did not say, the dispatcher's own back-off decides.
  std::optional<Duration> retry_after;
  bool pauses_channel = false;  ///< the whole channel has to wait, not just this message
  std::string reason;           ///< for people, one line; empty when sent; holds no secret
};

}  // namespace redflag::alerts
