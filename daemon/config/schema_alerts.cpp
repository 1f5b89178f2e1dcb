// The keys of the section `alerts`: receivers, routes, inhibitions, and the pace of telling.
#include "daemon/config/schema_alerts.h"

#include "daemon/config/schema_builder.h"

namespace redflag::daemon::settings {
namespace {

const Section& receiver() {
  static const Section table({
      value<&ReceiverConfig::name>("name", "Its name in logs and status; has to be unique.")
          .fallback_is("\"\"")
          .else_from("its type"),
      value<&ReceiverConfig::type>("type", "What kind of channel it is.").is_required(),
      value<&ReceiverConfig::min_severity>("min_severity", "Alerts below this severity are not sent to it.")
          .fallback_is("info")
          .else_from("`info` for log, `warning` for the others"),
      value<&ReceiverConfig::webhook_file>(
          "webhook_file",
          "File with the webhook's URL. After it come the systemd credentials NAME_webhook (the receiver's "
          "name) and slack_webhook, then REDFLAG_SLACK_WEBHOOK.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .belongs_to({"slack"})
          .is_secret_path(),
      value<&ReceiverConfig::mention>("mention", "Put before critical alerts: \"<!here>\", \"<@U012345>\".")
          .fallback_is("\"\"")
          .belongs_to({"slack", "slack_bot"}),
      value<&ReceiverConfig::channel>(
          "channel", "Channel to post in: its id (C0123456789), or #name. The bot has to be a member of it.")
          .fallback_is("\"\"")
          .belongs_to({"slack_bot"})
          .for_example("C0123456789"),
      value<&ReceiverConfig::api_url>("api_url", "Slack's Web API, where it is not the usual one.")
          .of_kind(Kind::url)
          .fallback_is("https://slack.com/api")
          .belongs_to({"slack_bot"})
          .is_advanced(),
      value<&ReceiverConfig::url>(
          "url", "Where to: the webhook's address, or Alertmanager's own (http://alertmanager:9093).")
          .of_kind(Kind::url)
          .fallback_is("\"\"")
          .belongs_to({"webhook", "alertmanager"})
          .for_example("http://alertmanager:9093"),
      value<&ReceiverConfig::url_file>(
          "url_file", "File with the webhook's address, when that is a secret or has a query.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .belongs_to({"webhook"})
          .is_secret_path(),
      value<&ReceiverConfig::token_file>(
          "token_file",
          "File with a token: the bot's (xoxb-…), which slack_bot needs; else one that is sent as bearer "
          "token.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .belongs_to({"slack_bot", "webhook", "alertmanager"})
          .is_secret_path(),
      value<&ReceiverConfig::secret_file>(
          "secret_file",
          "File with the key that messages are signed with (HMAC-SHA256, X-Redflag-Signature).")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .belongs_to({"webhook"})
          .is_secret_path(),
      value<&ReceiverConfig::body_template>("template",
                                            "The body as JSON, with {{summary}}, {{severity}}, {{run}}, … in "
                                            "its strings; docs/receivers.md has "
                                            "the fields.")
          .fallback_is("\"\"")
          .belongs_to({"webhook"})
          .may_have_lines()
          .for_example("'{\"text\": \"{{summary}}\"}'"),
      value<&ReceiverConfig::refresh_interval>(
          "refresh_interval",
          "How often Alertmanager is told again of what fires; it takes for ended what it has not heard of "
          "four times.")
          .fallback_is("1m")
          .range("10s", "1h")
          .belongs_to({"alertmanager"}),
      value<&ReceiverConfig::labels>("labels", "Labels to add to each alert; the same on all hosts.")
          .fallback_is("{}")
          .belongs_to({"alertmanager"})
          .for_example("{team: nlp}"),
      value<&ReceiverConfig::to>("to", "Addresses to send mail to.")
          .fallback_is("[]")
          .belongs_to({"mail"})
          .for_example("[alice@example.org]"),
      value<&ReceiverConfig::from>("from", "The sender's address.")
          .fallback_is("\"\"")
          .else_from("what sendmail makes of the user that redflagd runs as")
          .belongs_to({"mail"})
          .for_example("redflag@example.org"),
      value<&ReceiverConfig::sendmail>("sendmail", "The program that takes the mail, called with -t -oi.")
          .of_kind(Kind::path)
          .fallback_is("/usr/sbin/sendmail")
          .belongs_to({"mail"}),
  });
  return table;
}

const Section& route() {
  static const Section table({
      value<&RouteConfig::match>(
          "match",
          "What it is for: LABEL=GLOB or LABEL!=GLOB, all of them; labels are rule, pack, "
          "severity (also >=, <), run, task, method, seed, project, state, tag, kind, subject.")
          .fallback_is("[]")
          .for_example("[\"severity=critical\", \"tag=production\"]"),
      value<&RouteConfig::receivers>("receivers", "Names of the receivers that are told; none: nobody.")
          .fallback_is("[]"),
      value<&RouteConfig::after>("after",
                                 "Only alerts that have fired for so long without being acknowledged: these "
                                 "receivers are told then, besides those who know.")
          .fallback_is("0s")
          .range("0s", "30d"),
      value<&RouteConfig::proceed>("continue", "Later routes may add receivers.").fallback_is("false"),
  });
  return table;
}

const Section& inhibition() {
  static const Section table({
      value<&InhibitionConfig::source>("source", "While an alert fires that these matchers describe …")
          .is_required()
          .for_example("[rule=run-failed]"),
      value<&InhibitionConfig::target>("target", "… nobody is told of those that these describe …")
          .is_required()
          .for_example("[\"rule=my-stall-*\"]"),
      value<&InhibitionConfig::equal>("equal", "… where these labels are the same.").fallback_is("[run]"),
  });
  return table;
}

}  // namespace

const Section& alerts_section() {
  static const Section table({
      list<&AlertsConfig::receivers>("receivers", "Channels that alerts go to.", receiver())
          .else_from("a `log` to stderr; and `slack`, if the credential slack_webhook or "
                     "`REDFLAG_SLACK_WEBHOOK` is there")
          .for_example("[{type: slack, webhook_file: /etc/redflag/slack_webhook, min_severity: warning}, "
                       "{type: log}]"),
      list<&AlertsConfig::routes>(
          "routes",
          "Who is told of what. The first route that matches decides; what no route "
          "wants goes to every receiver. A receiver's min_severity holds in any case.",
          route())
          .for_example("[{match: [severity=critical], receivers: [log, slack]}]"),
      list<&AlertsConfig::inhibitions>("inhibitions",
                                       "Alerts that speak for others, besides those that ship: a failed or "
                                       "silent run mutes its missing metrics, "
                                       "overdue steps and silence; W&B unreachable mutes W&B stale.",
                                       inhibition()),
      value<&AlertsConfig::group_wait>(
          "group_wait", "How long more of a burst of one run is waited for, to tell it in one message.")
          .fallback_is("1s")
          .range("0s", "5m"),
      value<&AlertsConfig::group_interval>(
          "group_interval", "Shortest time between two messages about one run, unless something is critical.")
          .fallback_is("30s")
          .range("0s", "1d"),
      value<&AlertsConfig::repeat_interval>(
          "repeat_interval",
          "What goes on firing unacknowledged is said again so often, unless its run has ended; 0s is never.")
          .fallback_is("24h")
          .range("0s", "30d"),
      value<&AlertsConfig::flapping_count>(
          "flapping_count",
          "An alert that fires so often within flapping_window comes and goes: its "
          "changes are not told until it is steady.")
          .fallback_is("4")
          .range("2", "1000"),
      value<&AlertsConfig::flapping_window>("flapping_window",
                                            "See flapping_count; 0s: nothing is ever held to come and go.")
          .fallback_is("1h")
          .range("0s", "7d")
          .is_advanced(),
      value<&AlertsConfig::flapping_calm>("flapping_calm",
                                          "An alert that has not changed for so long is steady.")
          .fallback_is("15m")
          .range("1m", "7d")
          .is_advanced(),
      value<&AlertsConfig::queue_max_age>(
          "queue_max_age", "A message that could not be delivered for so long is dropped, and that is said.")
          .fallback_is("7d")
          .range("1h", "365d")
          .is_advanced(),
      value<&AlertsConfig::queue_max_messages>(
          "queue_max_messages", "Messages that wait for one receiver; beyond it the oldest are dropped.")
          .fallback_is("10000")
          .range("100", "100000")
          .is_advanced(),
      value<&AlertsConfig::ping_url_file>("ping_url_file",
                                          "File with a URL that is asked for while all is well, of a service "
                                          "that raises the alarm when it is not any "
                                          "more (healthchecks.io). Before it comes the systemd credential "
                                          "ping_url; after it REDFLAG_PING_URL.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .is_secret_path()
          .for_example("/etc/redflag/ping_url"),
      value<&AlertsConfig::ping_interval>("ping_interval", "How often it is asked for.")
          .fallback_is("1m")
          .range("10s", "1d"),
      value<&AlertsConfig::digest_at>(
          "digest_at",
          "Time of day, UTC, of a daily summary of what fired and what still does: "
          "\"08:00\"; empty is none.")
          .fallback_is("\"\"")
          .for_example("\"08:00\""),
  });
  return table;
}

}  // namespace redflag::daemon::settings
