// The table: every key of the configuration, once. Defaults, ranges, checks, suggestions, `redflagd
// --check-config`, the example file and docs/configuration.md come from here.
#include <array>
#include <cstdlib>
#include <type_traits>

#include "daemon/config/schema.h"

namespace redflag::daemon::settings {
namespace {

template <typename T>
struct EnumNames;

template <>
struct EnumNames<TextFormat> {
  static constexpr std::array all{TextFormat::text, TextFormat::json};
};
template <>
struct EnumNames<ReceiverType> {
  static constexpr std::array all{ReceiverType::slack,        ReceiverType::slack_bot, ReceiverType::webhook,
                                  ReceiverType::alertmanager, ReceiverType::mail,      ReceiverType::log};
};
template <>
struct EnumNames<LogThreshold> {
  static constexpr std::array all{LogThreshold::debug, LogThreshold::info, LogThreshold::warning,
                                  LogThreshold::error};
};
template <>
struct EnumNames<Severity> {
  static constexpr std::array all{Severity::info, Severity::warning, Severity::critical};
};

template <auto Member>
struct MemberOf;
template <typename Class, typename Type, Type Class::*Member>
struct MemberOf<Member> {
  using Object = Class;
  using Field = Type;
};

template <typename T>
constexpr Kind kind_of() {
  if constexpr (std::is_same_v<T, bool>) return Kind::boolean;
  if constexpr (std::is_same_v<T, std::int64_t>) return Kind::integer;
  if constexpr (std::is_same_v<T, double>) return Kind::number;
  if constexpr (std::is_same_v<T, Duration>) return Kind::duration;
  if constexpr (std::is_same_v<T, ByteSize>) return Kind::size;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return Kind::text_list;
  if constexpr (std::is_same_v<T, ConfigScalarMap>) return Kind::scalar_map;
  if constexpr (std::is_same_v<T, MetricAliasMap>) return Kind::alias_map;
  if constexpr (std::is_enum_v<T>) return Kind::choice;
  return Kind::text;
}

/// A key that holds a value: kind and access follow from the member.
template <auto Member>
Key value(std::string_view name, std::string_view doc) {
  using Object = typename MemberOf<Member>::Object;
  using Field = typename MemberOf<Member>::Field;
  Key key;
  key.name = name;
  key.doc = doc;
  key.kind = kind_of<Field>();
  if constexpr (std::is_enum_v<Field>) {
    for (const Field each : EnumNames<Field>::all) key.choices.push_back(to_string(each));
    key.get = [](const void* object) {
      return Value(std::string(to_string(static_cast<const Object*>(object)->*Member)));
    };
    key.set = [](void* object, Value to) {
      const std::string* text = std::get_if<std::string>(&to);
      for (const Field each : EnumNames<Field>::all) {
        if (text != nullptr && *text == to_string(each)) static_cast<Object*>(object)->*Member = each;
      }
    };
  } else {
    key.get = [](const void* object) { return Value(static_cast<const Object*>(object)->*Member); };
    key.set = [](void* object, Value to) {
      if (Field* field = std::get_if<Field>(&to)) static_cast<Object*>(object)->*Member = std::move(*field);
    };
  }
  return key;
}

template <auto Member>
Key section(std::string_view name, std::string_view doc, const Section& inner) {
  Key key;
  key.name = name;
  key.doc = doc;
  key.kind = Kind::section;
  key.section = &inner;
  key.child = [](void* object) -> void* {
    return &(static_cast<typename MemberOf<Member>::Object*>(object)->*Member);
  };
  return key;
}

template <auto Member>
Key list(std::string_view name, std::string_view doc, const Section& inner) {
  using Object = typename MemberOf<Member>::Object;
  Key key;
  key.name = name;
  key.doc = doc;
  key.kind = Kind::section_list;
  key.section = &inner;
  key.count = [](const void* object) { return (static_cast<const Object*>(object)->*Member).size(); };
  key.at = [](void* object, std::size_t index) -> void* {
    return &(static_cast<Object*>(object)->*Member)[index];
  };
  key.append = [](void* object) -> void* { return &(static_cast<Object*>(object)->*Member).emplace_back(); };
  return key;
}

std::vector<std::pair<std::string_view, std::string>> split_project(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {{"project", std::string(text)}};
  return {{"entity", std::string(text.substr(0, slash))}, {"project", std::string(text.substr(slash + 1))}};
}

std::vector<std::pair<std::string_view, std::string>> only_path(std::string_view text) {
  return {{"path", std::string(text)}};
}

const Section& run_filter() {
  static const Section table({
      value<&RunFilterConfig::tags>("tags", "Runs that have at least one of these tags.")
          .fallback_is("[]")
          .for_example("[full_finetune]"),
      value<&RunFilterConfig::names>("names", "Runs whose display name matches one of these globs (* and ?).")
          .fallback_is("[]")
          .for_example("[\"full_ft_*\"]"),
      value<&RunFilterConfig::groups>("groups", "Runs of one of these groups.").fallback_is("[]"),
      value<&RunFilterConfig::states>("states", "Runs in one of these states.")
          .fallback_is("[]")
          .one_of(
              {"running", "finished", "failed", "crashed", "killed", "pending", "preempting", "preempted"}),
      value<&RunFilterConfig::max_age>("max_age", "Runs created at most so long ago; 0s is no limit.")
          .fallback_is("0s")
          .range("0s", "5000d")
          .for_example("30d"),
      value<&RunFilterConfig::config>("config", "Runs whose config has these values.")
          .fallback_is("{}")
          .for_example("{task_name: sst2}"),
  });
  return table;
}

const Section& project() {
  static const Section table({
      value<&ProjectConfig::entity>("entity", "Team or user that the project belongs to.")
          .fallback_is("\"\"")
          .else_from("`WANDB_ENTITY`")
          .from_variable("WANDB_ENTITY"),
      value<&ProjectConfig::project>("project", "The project's name.").is_required(),
      section<&ProjectConfig::runs>("runs", "Which of its runs are followed; takes the place of wandb.runs.",
                                    run_filter()),
  });
  return table;
}

const Section& wandb() {
  static const Section table({
      value<&WandbConfig::enabled>("enabled", "Follow runs through the W&B API.").fallback_is("true"),
      value<&WandbConfig::base_url>("base_url",
                                    "Address of the W&B server, with its path prefix if it has one.")
          .of_kind(Kind::url)
          .fallback_is("https://api.wandb.ai")
          .from_variable("WANDB_BASE_URL"),
      list<&WandbConfig::projects>(
          "projects", "Projects to follow: \"entity/project\", or {entity, project, runs}.", project())
          .short_form(split_project, "entity/project")
          .else_from("`WANDB_ENTITY` and `WANDB_PROJECT`, if set")
          .for_example("[my-team/my-project]"),
      section<&WandbConfig::runs>(
          "runs", "Which runs are followed. All criteria that are given have to hold; none given: all runs.",
          run_filter()),
      value<&WandbConfig::poll_interval>("poll_interval", "How often running runs are asked for new points.")
          .fallback_is("15s")
          .range("1s", "1h"),
      value<&WandbConfig::timeout>("timeout", "Longest wait for one answer.")
          .fallback_is("30s")
          .range("1s", "10m"),
      value<&WandbConfig::api_key_file>(
          "api_key_file",
          "File with the API key. Before it comes the systemd credential wandb_api_key; after it "
          "WANDB_API_KEY and netrc.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .is_secret_path()
          .for_example("/etc/redflag/wandb_api_key"),
      value<&WandbConfig::ca_file>("ca_file",
                                   "PEM file with further certificate authorities to trust (a private CA).")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .for_example("/etc/ssl/certs/my-ca.pem"),
      value<&WandbConfig::max_requests_per_second>("max_requests_per_second",
                                                   "Requests per second, all projects together.")
          .fallback_is("1")
          .range("0.01", "20"),
      value<&WandbConfig::run_page_size>("run_page_size", "Runs in one page of a listing.")
          .fallback_is("50")
          .range("1", "500")
          .is_advanced(),
      value<&WandbConfig::history_page_steps>("history_page_steps",
                                              "Steps asked for in one page of a history.")
          .fallback_is("1000")
          .range("10", "100000")
          .is_advanced(),
      value<&WandbConfig::max_response_size>("max_response_size", "Answers beyond this size are refused.")
          .fallback_is("64MiB")
          .range("1MiB", "1GiB")
          .is_advanced(),
  });
  return table;
}

const Section& results() {
  static const Section root({
      value<&ResultsRoot::path>("path", "The directory. It need not exist yet.")
          .of_kind(Kind::path)
          .is_required(),
  });
  static const Section table({
      list<&ResultsConfig::roots>("roots", "Results directories to watch: a path, or {path}.", root)
          .short_form(only_path, "/path")
          .for_example("[/data/results]"),
      value<&ResultsConfig::settle>("settle", "A file is checked once its size has been still for so long.")
          .fallback_is("500ms")
          .range("100ms", "10m"),
      value<&ResultsConfig::incomplete_after>(
          "incomplete_after",
          "A file that is still incomplete after so long without a write is damaged, not in progress.")
          .fallback_is("2m")
          .range("1s", "1d"),
      value<&ResultsConfig::step_settle>(
          "step_settle", "A step directory counts as written once nothing in it changed for so long.")
          .fallback_is("30s")
          .range("1s", "1h"),
      value<&ResultsConfig::rescan_interval>(
          "rescan_interval",
          "How often everything is looked at again, for what inotify does not tell (network file systems).")
          .fallback_is("5m")
          .range("10s", "1d"),
      value<&ResultsConfig::inspect>(
          "inspect",
          "Look into tensor files (checksums, NaN, shapes, fitness to resume), through redflag-inspect.")
          .fallback_is("true"),
      value<&ResultsConfig::inspect_cpu_share>("inspect_cpu_share",
                                               "How much of one core looking into files may take, averaged "
                                               "over a minute; a newest checkpoint may take it whole.")
          .fallback_is("0.5")
          .range("0.01", "16"),
      value<&ResultsConfig::inspect_pace>(
          "inspect_pace",
          "How many bytes a second are read at most, so that a training keeps its memory bandwidth.")
          .fallback_is("256MiB")
          .range("1MiB", "1024GiB"),
      value<&ResultsConfig::inspect_memory>("inspect_memory", "Address space that redflag-inspect may use.")
          .fallback_is("512MiB")
          .range("128MiB", "64GiB")
          .is_advanced(),
      value<&ResultsConfig::forward>(
          "forward",
          "Run checkpoints on a fixed input and measure the drift of representations, through "
          "redflag-forward, where it is installed.")
          .fallback_is("true"),
      value<&ResultsConfig::forward_memory>(
          "forward_memory",
          "Memory that redflag-forward may use; what needs more is not checked, and said to be so.")
          .fallback_is("4GiB")
          .range("512MiB", "1024GiB"),
      value<&ResultsConfig::forward_timeout>("forward_timeout",
                                             "A forward pass that takes longer is given up.")
          .fallback_is("10m")
          .range("10s", "1d")
          .is_advanced(),
  });
  return table;
}

const Section& metrics() {
  static const Section table({
      value<&MetricsConfig::aliases>(
          "aliases",
          "Further names that metrics are logged under: canonical name → names, each a text or {name, "
          "scale}; "
          "value = logged value × scale. The names of HF Trainer and Lightning are built in.")
          .fallback_is("{}")
          .for_example("{train_loss: [my/loss, {name: my/loss_percent, scale: 0.01}]}"),
  });
  return table;
}

const Section& rules() {
  static const Section table({
      value<&RulesConfig::packs>("packs", "Rule packs that ship with redflag.").fallback_is("[step3]"),
      value<&RulesConfig::directory>("directory", "Directory with rule packs of your own (*.yaml).")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .for_example("/etc/redflag/rules.d"),
  });
  return table;
}

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

const Section& alerts() {
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

const Section& store() {
  static const Section table({
      value<&StoreConfig::state_directory>("state_directory",
                                           "Where points, alerts and unsent messages are kept.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .else_from(
              "`$STATE_DIRECTORY` (systemd), else `$XDG_STATE_HOME/redflag`, else `~/.local/state/redflag`; "
              "`/var/lib/redflag` for root under systemd"),
      value<&StoreConfig::retention>("retention", "How long points and ended alerts are kept.")
          .fallback_is("30d")
          .range("1h", "3650d"),
  });
  return table;
}

const Section& log() {
  static const Section table({
      value<&LogConfig::level>("level", "The least important messages to write.").fallback_is("info"),
      value<&LogConfig::format>("format", "One line per event, as text or as a JSON object.")
          .fallback_is("text"),
      value<&LogConfig::file>("file", "Where to write: a path, stderr or journal.")
          .of_kind(Kind::path)
          .fallback_is("stderr")
          .one_of({"stderr", "journal"}),
      value<&LogConfig::progress_interval>("progress_interval",
                                           "How often a run's newest step and numbers are logged.")
          .fallback_is("30s")
          .range("1s", "1d"),
  });
  return table;
}

const Section& network() {
  static const Section table({
      value<&NetworkConfig::proxy>(
          "proxy",
          "Proxy for http and https: http://host:port, or none. One with a password goes into HTTPS_PROXY.")
          .of_kind(Kind::url)
          .fallback_is("\"\"")
          .one_of({"none"})
          .else_from("`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`")
          .for_example("http://proxy.example:3128"),
      value<&NetworkConfig::no_proxy>(
          "no_proxy", "Hosts and domains that are reached directly, besides those in NO_PROXY.")
          .fallback_is("[]")
          .for_example("[.example.com, 10.0.0.5]"),
  });
  return table;
}

const Section& api() {
  static const Section table({
      value<&ApiConfig::socket>("socket", "Its socket, or none.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .one_of({"none"})
          .else_from(
              "`redflag.sock` in `$RUNTIME_DIRECTORY` (systemd), else in `$XDG_RUNTIME_DIR/redflag`, else "
              "in the state directory"),
      value<&ApiConfig::mode>("mode", "Permissions of the socket, octal: who may ask, silence and drop.")
          .fallback_is("\"\"")
          .else_from("\"0660\" when there is a group, else \"0600\""),
      value<&ApiConfig::group>(
          "group", "Group that the socket is given to; redflagd has to be in it (systemd: Group=).")
          .fallback_is("\"\"")
          .for_example("redflag"),
  });
  return table;
}

}  // namespace

const Section& schema() {
  static const Section table({
      section<&Config::wandb>("wandb", "Weights & Biases: which runs to follow, and how.", wandb()),
      section<&Config::results>("results", "Results directories: checkpoints and representations.",
                                results()),
      section<&Config::metrics>("metrics", "Names of metrics.", metrics()),
      section<&Config::rules>("rules", "What counts as a red flag.", rules()),
      section<&Config::alerts>("alerts", "Where red flags are announced.", alerts()),
      section<&Config::store>("store", "What redflagd remembers.", store()),
      section<&Config::log>("log", "The daemon's own log.", log()),
      section<&Config::network>("network", "The way to the outside.", network()),
      section<&Config::api>("api", "The local API, for the command `redflag` and for scripts.", api()),
  });
  return table;
}

}  // namespace redflag::daemon::settings

namespace redflag::daemon {

std::string_view to_string(TextFormat format) {
  return format == TextFormat::json ? "json" : "text";
}

std::string_view to_string(ReceiverType type) {
  switch (type) {
    case ReceiverType::slack:
      return "slack";
    case ReceiverType::slack_bot:
      return "slack_bot";
    case ReceiverType::webhook:
      return "webhook";
    case ReceiverType::alertmanager:
      return "alertmanager";
    case ReceiverType::mail:
      return "mail";
    case ReceiverType::log:
      break;
  }
  return "log";
}

unsigned api_mode(const ApiConfig& api) {
  // Checked when the configuration was read (completion.cpp).
  return static_cast<unsigned>(std::strtoul(api.mode.c_str(), nullptr, 8)) & 0777U;
}

std::string_view to_string(LogThreshold level) {
  switch (level) {
    case LogThreshold::debug:
      return "debug";
    case LogThreshold::info:
      return "info";
    case LogThreshold::warning:
      return "warning";
    case LogThreshold::error:
      return "error";
  }
  return "info";
}

}  // namespace redflag::daemon
