// Alerts as Prometheus Alertmanager takes them (POST /api/v2/alerts). Alertmanager knows an alert by its
// labels alone: two daemons that watch one project send the same labels, and it tells people once. So labels
// say what is wrong and where, never who saw it; what may differ stands in annotations.
// Source: https://github.com/prometheus/alertmanager/blob/v0.25.0/api/v2/openapi.yaml.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "alerts/alert.h"
#include "alerts/outbox/verdict.h"

namespace redflag::alerts {

struct AlertmanagerOptions {
  /// Alertmanager holds what it is not told of again for ended, after so long.
  Duration lifetime = std::chrono::minutes{4};
  std::vector<std::pair<std::string, std::string>> labels;  ///< added to each alert
};

/// A JSON array. What fires ends at `now` + lifetime unless told again; what is resolved ended at its time.
/// An escalated alert ends under its old severity and fires under its new one. A notice is an alert that ends
/// by itself. "" when there is nothing that Alertmanager has a place for (a digest).
std::string alertmanager_alerts(const std::vector<Notification>& notifications, Time now,
                                const AlertmanagerOptions& options);

/// Is it fit for a label's name: letters, digits and _, not a digit first, and none of those that redflag
/// sets itself?
bool is_free_label(const std::string& name);

Verdict classify_alertmanager_answer(const SinkAnswer& answer, Time now);

}  // namespace redflag::alerts
