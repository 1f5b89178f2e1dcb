// What a person may ask of the daemon and do to its alerts: the interface behind the local API.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "alerts/alert.h"
#include "alerts/outbox/dispatcher.h"
#include "alerts/outbox_message.h"
#include "alerts/silence.h"
#include "rules/values/error.h"

namespace redflag::daemon {

namespace asio = boost::asio;

struct AlertView {
  alerts::Alert alert;
  alerts::RunContext run;  ///< empty when it belongs to none
  Time no_data_since;      ///< it fires, and what it is about has told nothing since; Time{}: it has
  bool flapping = false;   ///< changes so often that changes are not told
};

struct OutboxEntry {
  alerts::OutboxMessage message;
  bool in_flight = false;
};

/// Everything is durable when an awaitable returns. Errors: not_found (no such id), invalid_input, conflict
/// (in flight, already ended).
class Operations {
 public:
  virtual ~Operations() = default;

  /// Firing first (the most severe, then the longest), then pending, then ended lately.
  virtual std::vector<AlertView> alerts() const = 0;
  /// By id or a unique beginning of one.
  virtual Result<AlertView> alert(const std::string& id) const = 0;
  /// `id` as above; conflict when it no longer fires.
  virtual asio::awaitable<Result<AlertView>> acknowledge(std::string id, std::string by,
                                                         std::string comment) = 0;
  virtual asio::awaitable<Result<AlertView>> unacknowledge(std::string id) = 0;

  /// Those in force and to come, then those that ended lately; the newest first.
  virtual std::vector<alerts::Silence> silences() const = 0;
  /// The alerts, firing or pending, that it would mute now.
  virtual std::vector<AlertView> preview(const alerts::Silence& silence) const = 0;
  /// Gives it an id and `created`. invalid_input: no matcher, or it would end before it starts or now.
  virtual asio::awaitable<Result<alerts::Silence>> add_silence(alerts::Silence silence) = 0;
  /// Ends it now; one that has not begun is gone. `id` may be a unique beginning.
  virtual asio::awaitable<Result<alerts::Silence>> end_silence(std::string id) = 0;

  /// Queued and parked messages, oldest first.
  virtual std::vector<OutboxEntry> outbox() const = 0;
  /// Sends at once what waits, and again what was parked. An empty list means all. Gives how many.
  virtual asio::awaitable<Result<std::size_t>> retry(std::vector<std::string> ids) = 0;
  /// Drops them for good: they are kept in the store as dropped until retention ends. Empty: all but those in
  /// flight.
  virtual asio::awaitable<Result<std::size_t>> drop(std::vector<std::string> ids) = 0;

  virtual std::vector<alerts::ChannelHealth> channels() const = 0;
};

}  // namespace redflag::daemon
