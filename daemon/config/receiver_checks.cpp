#include "daemon/config/receiver_checks.h"

#include <algorithm>

#include <fmt/format.h>

#include "alerts/alertmanager/alertmanager_alerts.h"
#include "alerts/mail/mail_message.h"
#include "alerts/webhook/webhook_body.h"
#include "daemon/config/mask.h"

namespace redflag::daemon::settings {
namespace {

void check_slack_bot(const ReceiverConfig& receiver, std::vector<ReceiverProblem>& problems) {
  if (receiver.channel.empty()) {
    problems.push_back({"channel", "is missing: where is the bot to post?",
                        "add channel: C0123456789 (in Slack: the channel's name, About, at the bottom)"});
    return;
  }
  const bool odd = std::any_of(receiver.channel.begin(), receiver.channel.end(),
                               [](char c) { return c == ' ' || c == ',' || c == '/'; });
  if (odd) problems.push_back({"channel", "must be one channel", "its id (C0123456789), or #name"});
}

void check_webhook(const ReceiverConfig& receiver, std::vector<ReceiverProblem>& problems) {
  if (!receiver.url.empty() && !receiver.url_file.empty())
    problems.push_back({"url_file", "is given besides url", "remove one of the two"});
  if (holds_secret(receiver.url))
    problems.push_back({"url", "has a secret in it (which is not shown here)",
                        "put the address into a file that only redflagd can read, and name it: url_file"});
  if (receiver.body_template.empty()) return;
  const auto made = alerts::WebhookTemplate::parse(receiver.body_template);
  if (!made) problems.push_back({"template", "is of no use: " + made.error().what, made.error().advice});
}

void check_alertmanager(const ReceiverConfig& receiver, std::vector<ReceiverProblem>& problems) {
  if (receiver.url.empty())
    problems.push_back({"url", "is missing: where is Alertmanager?", "add url: http://host:9093"});
  if (receiver.url.find("/api/") != std::string::npos)
    problems.push_back(
        {"url", "must be Alertmanager's own address, without /api/…", "such as http://host:9093"});
  for (const auto& [name, value] : receiver.labels) {
    if (!alerts::is_free_label(name))
      problems.push_back(
          {"labels", fmt::format("has {}, which cannot be a label", in_quotes(name)),
           "letters, digits and _, and none that redflag sets itself (alertname, severity, …)"});
  }
}

void check_mail(const ReceiverConfig& receiver, std::vector<ReceiverProblem>& problems) {
  if (receiver.to.empty())
    problems.push_back({"to", "is missing: whom is mail to go to?", "add to: [alice@example.org]"});
  for (const std::string& address : receiver.to) {
    if (!alerts::is_mail_address(address))
      problems.push_back({"to", fmt::format("has {}, which is no address", in_quotes(address)),
                          "an address alone, such as alice@example.org"});
  }
  if (!receiver.from.empty() && !alerts::is_mail_address(receiver.from))
    problems.push_back({"from", "is no address", "an address alone, such as redflag@example.org"});
}

}  // namespace

std::vector<ReceiverProblem> receiver_problems(const ReceiverConfig& receiver) {
  std::vector<ReceiverProblem> problems;
  switch (receiver.type) {
    case ReceiverType::slack_bot:
      check_slack_bot(receiver, problems);
      break;
    case ReceiverType::webhook:
      check_webhook(receiver, problems);
      break;
    case ReceiverType::alertmanager:
      check_alertmanager(receiver, problems);
      break;
    case ReceiverType::mail:
      check_mail(receiver, problems);
      break;
    case ReceiverType::slack:
    case ReceiverType::log:
      break;
  }
  return problems;
}

}  // namespace redflag::daemon::settings
