// Prometheus Alertmanager: the way to an existing alerting system that routes, silences and dedups across
// hosts. What fires is told to it again every interval; what it does not hear of again it holds for ended.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "alerts/alertmanager/alertmanager_alerts.h"
#include "daemon/base/clock.h"
#include "daemon/config/secret.h"
#include "daemon/monitor/channel.h"
#include "daemon/net/http.h"

namespace redflag::daemon {

struct AlertmanagerSettings {
  std::string url;  ///< "http://alertmanager:9093"; a path prefix may follow
  Secret token;     ///< sent as a bearer token; empty: none
  Duration refresh = std::chrono::minutes{1};
  std::vector<std::pair<std::string, std::string>> labels;  ///< added to each alert
};

class AlertmanagerChannel : public Channel {
 public:
  AlertmanagerChannel(std::string name, AlertmanagerSettings settings, HttpTransport& transport,
                      const Clock& clock);
  std::optional<alerts::OutboxMessage> render(const alerts::NotificationGroup& group) const override;
  asio::awaitable<alerts::SinkAnswer> deliver(const alerts::OutboxMessage& message,
                                              const alerts::Receipts& receipts) override;
  alerts::Verdict judge(const alerts::SinkAnswer& answer, Time now) const override;
  alerts::ChannelOptions pace() const override { return {.per_second = 20, .burst = 100}; }
  std::optional<Duration> refresh_every() const override { return settings_.refresh; }
  std::optional<alerts::OutboxMessage> refresh(
      const std::vector<alerts::Notification>& firing) const override;

 private:
  std::optional<alerts::OutboxMessage> message_of(const std::vector<alerts::Notification>& parts) const;

  AlertmanagerSettings settings_;
  alerts::AlertmanagerOptions options_;
  HttpTransport& transport_;
  const Clock& clock_;
};

}  // namespace redflag::daemon
