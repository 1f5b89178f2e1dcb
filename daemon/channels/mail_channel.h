// Mail through the machine's own sendmail, which queues and retries itself. The message goes in on standard
// input and the addresses in the message's header: no shell, and no argument that anybody outside could
// choose.
#pragma once

#include <optional>
#include <string>

#include "alerts/mail/mail_message.h"
#include "daemon/base/clock.h"
#include "daemon/base/process.h"
#include "daemon/monitor/channel.h"

namespace redflag::daemon {

class MailChannel : public Channel {
 public:
  /// `launcher` may be null (a service that starts no programs): then nothing can be sent, and it says so.
  MailChannel(std::string name, std::string sendmail, alerts::MailOptions options, ProcessLauncher* launcher,
              Clock& clock);
  std::optional<alerts::OutboxMessage> render(const alerts::NotificationGroup& group) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message,
                                              const alerts::Receipts& receipts) override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {.per_second = 0.5, .burst = 5}; }

 private:
  std::string sendmail_;
  alerts::MailOptions options_;
  ProcessLauncher* launcher_;
  Clock& clock_;
};

}  // namespace redflag::daemon
