// A burst is one message: what happens to one run within a moment is told together, and what follows soon
// after waits to be told together, too. Critical news does not wait for that.
//
// A group is open as long as its message can still be changed: the owner asks the dispatcher. Nothing here is
// kept: each form of the message, as it grows, is in the outbox; after a restart the next one begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "alerts/alert.h"

namespace redflag::alerts {

struct GroupOptions {
  Duration wait = std::chrono::seconds{1};  ///< for more of a burst, before its first message goes
  Duration interval =
      std::chrono::seconds{30};  ///< between messages about one run, unless something is critical
  std::size_t max_parts = 200;   ///< then the next message begins
};

/// What is told together: the run's key, else "kind:subject"; empty for what is told alone.
std::string group_key(const Notification& notification);

/// Not thread-safe. Memory: one entry for each receiver and run with news in the last hour.
class Grouper {
 public:
  explicit Grouper(GroupOptions options = {}) : options_(options) {}

  struct Place {
    std::string id;              ///< of the message
    std::uint32_t revision = 0;  ///< > 0: it takes the place of what was rendered before
    Time due;
    Time created;
    std::shared_ptr<const NotificationGroup> group;  ///< grows with the next call for the same message
  };

  /// Adds a notification to the receiver's message about its run, or begins one under `fresh_id`. `hold` is
  /// asked whether the message of an id can still be changed, and is then obliged to keep it back.
  Place add(const std::string& receiver, const Notification& notification, std::string fresh_id, Time now,
            const std::function<bool(const std::string& id)>& hold);

 private:
  struct Open {
    std::string id;
    std::uint32_t revision = 0;
    Time due;
    Time created;
    std::shared_ptr<NotificationGroup> group;
  };
  void forget_old(Time now);

  GroupOptions options_;
  std::map<std::string, Open> open_;  // by receiver and key
  Time forgot_;
};

}  // namespace redflag::alerts
