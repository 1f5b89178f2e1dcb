// The body that a generic webhook gets: a documented JSON object, or what the user's template makes of the
// same fields. docs/receivers.md shows both.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "alerts/alert.h"
#include "alerts/outbox/verdict.h"
#include "rules/values/error.h"

namespace redflag::alerts {

/// {"version": 1, "receiver", "status": "firing"/"resolved"/"notice"/"digest", "severity", "summary",
/// "group_key", "title", "text", "run": {key, name, url, project, task, method, seed, state, tags},
/// "counts": {critical, warning, info, resolved}, "alerts": [each alert once, the worst first: kind, all
/// fields of `transition_json`, remark]}. Bytes that are no UTF-8 are escaped reversibly.
std::string webhook_body(const NotificationGroup& group, std::string_view receiver);

/// A user's own body: JSON text in which "{{field}}" inside a string stands for that field. What is put in is
/// text and can never break out of its string. A string that is "{{alerts}}" and nothing else becomes the
/// array.
class WebhookTemplate {
 public:
  /// Errors (invalid_input): no JSON, an unknown field (the text names the nearest), a "{{" without its end.
  static Result<WebhookTemplate> parse(std::string_view text);

  std::string body(const NotificationGroup& group, std::string_view receiver) const;

 private:
  explicit WebhookTemplate(nlohmann::ordered_json tree) : tree_(std::move(tree)) {}
  nlohmann::ordered_json tree_;
};

/// The names that a template may use, with what each stands for.
std::vector<std::pair<std::string_view, std::string_view>> webhook_fields();

Verdict classify_webhook_answer(const SinkAnswer& answer, Time now);

}  // namespace redflag::alerts
