// Delivery through Slack's Web API, which can do what a webhook cannot: keep a thread for each run, and edit
// a message when its alert has ended. The announcing message turns green in place; nobody's phone rings for
// good news, and the channel shows at a glance what is still wrong. So a resolution is an edit and no further
// message, unless what announced it is gone.
//
// A run's first message is the head of its thread, later ones are replies; critical ones are also shown in
// the channel. What has to be known for that is kept in receipts:
//   run:KEY        the head of the run's thread: {"ts", "to"}
//   alert:ID       the messages that announced the alert: ["ts", …], the first and the last two
//   message:TS     what the message shows: {"channel", "parts"}
//   slot, slot:N   a ring of the last kSlots messages: those that fall out of it are forgotten
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "alerts/alert.h"
#include "alerts/outbox/verdict.h"

namespace redflag::alerts {

/// What the outbox keeps of a message. `plain`: the form without blocks. `mention` goes before urgent ones.
std::string slack_bot_payload(const NotificationGroup& group, const std::string& mention, bool plain);

struct SlackCall {
  std::string method;  ///< "chat.postMessage" or "chat.update"
  std::string body;    ///< JSON
};

/// One attempt to deliver one message: make the `next` call, hand over what was `answered`, until there is
/// none left. Edits come first: they may be repeated, a post may not, so it is the last call. Not
/// thread-safe.
class SlackBotDelivery {
 public:
  static constexpr std::size_t kSlots = 1000;
  static constexpr std::size_t kMaxEdits = 8;  ///< in one delivery; what would need more is posted

  /// `receipts` outlives it.
  SlackBotDelivery(const std::string& payload, std::string channel, const Receipts& receipts);

  std::optional<SlackCall> next();
  void answered(SinkAnswer answer);
  /// The last answer, with the receipts of all that succeeded. When nothing was left to do, a success.
  SinkAnswer result();

 private:
  struct Edit {
    std::string ts;
    std::string channel;
    NotificationGroup group;
  };

  void plan();
  std::string body_of(const NotificationGroup& group) const;
  SlackCall edit_call(const Edit& edit) const;
  SlackCall post_call();
  void edited(const SinkAnswer& answer);
  void posted(const SinkAnswer& answer);
  void remember_message(const std::string& ts, const std::string& channel);
  void take_slot(const std::string& ts, const std::vector<std::string>& alerts, const std::string& run);
  void forget_slot(const std::string& kept);
  void drop_message_of(const std::string& alert, const std::string& ts);

  std::optional<std::string> find(const std::string& key) const;
  void put(const std::string& key, std::string value);

  std::string channel_;
  std::string mention_;
  bool plain_ = false;
  const Receipts& receipts_;
  NotificationGroup group_;
  std::vector<Edit> edits_;                       // still to be made, the next one last
  std::map<std::string, Notification> resolved_;  // by alert, to be shown by editing
  std::set<std::string> shown_;                   // of these, by an edit that succeeded
  NotificationGroup post_;                        // what needs a message of its own
  std::string run_key_;
  std::string thread_;
  bool in_edit_ = false;
  bool finished_ = false;
  SinkAnswer last_;
  std::map<std::string, std::string> changes_;  // receipts as they will be; empty: gone
};

}  // namespace redflag::alerts
