// The configuration as the rest of the daemon reads it: plain structs, every field set to a default that
// works. What each key means, its range and its default are written once, in schema_table.cpp;
// docs/configuration.md is generated from there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/config/proxy.h"
#include "rules/values/time.h"
#include "rules/values/transition.h"

namespace redflag::daemon {

/// A count of bytes, written "64MiB" in the file.
struct ByteSize {
  std::uint64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

/// A scalar that keeps the type it was written with (`seed: 42` is a number, `seed: "42"` is text).
using ConfigScalar = std::variant<bool, std::int64_t, double, std::string>;
using ConfigScalarMap =
    std::vector<std::pair<std::string, ConfigScalar>>;  ///< in the order of the file, keys unique

/// Another name under which a metric is logged. Canonical value = logged value * scale.
struct MetricAliasConfig {
  std::string name;
  double scale = 1.0;
  bool operator==(const MetricAliasConfig&) const = default;
};
/// Canonical name → the names it is logged under, in the order of the file.
using MetricAliasMap = std::vector<std::pair<std::string, std::vector<MetricAliasConfig>>>;

/// Which runs of a project are followed. Every criterion that is not empty has to hold; within one, any entry
/// will do.
struct RunFilterConfig {
  std::vector<std::string> tags;
  std::vector<std::string> names;  ///< globs over the display name: "full_ft_*"
  std::vector<std::string> groups;
  std::vector<std::string> states;  ///< W&B's names: running, finished, …
  Duration max_age{0};              ///< since the run was created; 0 = no limit
  ConfigScalarMap config;           ///< key of the run's config → value it has to have
};

struct ProjectConfig {
  std::string entity;
  std::string project;
  RunFilterConfig runs;  ///< its own, or a copy of `wandb.runs`
};

struct WandbConfig {
  bool enabled = true;
  std::string base_url;  ///< no trailing slash; may have a path prefix
  std::vector<ProjectConfig> projects;
  RunFilterConfig runs;
  Duration poll_interval{0};
  Duration timeout{0};
  std::string api_key_file;  ///< empty = none; see secrets.h for where else the key is looked for
  std::string ca_file;       ///< PEM file trusted besides the system's; empty = none
  double max_requests_per_second = 0.0;
  std::int64_t run_page_size = 0;
  std::int64_t history_page_steps = 0;
  ByteSize max_response_size;

  /// Is there anything to poll?
  bool active() const { return enabled && !projects.empty(); }
};

struct ResultsRoot {
  std::string path;
};

struct ResultsConfig {
  std::vector<ResultsRoot> roots;
  Duration settle{0};
  Duration incomplete_after{0};
  Duration step_settle{0};
  Duration rescan_interval{0};
  bool inspect = true;             ///< look into the files, not only at them
  double inspect_cpu_share = 0.0;  ///< of one core
  ByteSize inspect_pace;           ///< bytes a second
  ByteSize inspect_memory;         ///< address space of the child
  bool forward = true;             ///< forward passes of checkpoints, drift of representations
  ByteSize forward_memory;
  Duration forward_timeout{0};
};

struct LocalPath {
  std::string path;
};

/// What training writes on this machine, read as it is written: docs/local-sources.md.
struct LocalConfig {
  bool enabled = true;
  std::vector<LocalPath> directories;  ///< besides results.roots
  std::vector<LocalPath> logs;         ///< globs of console logs
  std::vector<LocalPath> patterns;     ///< files of log patterns
  Duration old_after{0};
};

struct MetricsConfig {
  MetricAliasMap aliases;  ///< added to the built-in ones
};

struct RulesConfig {
  std::vector<std::string> packs;
  std::string directory;  ///< of the user's own packs; empty = none
};

enum class TextFormat : std::uint8_t { text, json };
enum class ReceiverType : std::uint8_t { slack, slack_bot, webhook, alertmanager, mail, log };
std::string_view to_string(TextFormat format);
std::string_view to_string(ReceiverType type);

/// One channel that alerts go to. Fields that its type does not use stay at their defaults.
struct ReceiverConfig {
  std::string name;  ///< unique; the type's name unless given
  ReceiverType type = ReceiverType::log;
  Severity min_severity = Severity::info;
  std::string webhook_file;  ///< slack; empty = credential or environment, see secrets.h
  std::string
      mention;  ///< slack, slack_bot; put before critical alerts: "<!here>", "<@U012345>"; empty = none
  std::string channel;           ///< slack_bot; "C0123456789" or "#training"
  std::string api_url;           ///< slack_bot; no trailing slash
  std::string url;               ///< webhook, alertmanager; no trailing slash
  std::string url_file;          ///< webhook; instead of `url`
  std::string token_file;        ///< slack_bot, webhook, alertmanager
  std::string secret_file;       ///< webhook; key of the signature
  std::string body_template;     ///< webhook; JSON with placeholders, checked; empty = the default body
  Duration refresh_interval{0};  ///< alertmanager
  ConfigScalarMap labels;        ///< alertmanager; added to each alert
  std::vector<std::string> to;   ///< mail
  std::string from;              ///< mail; empty = sendmail's own
  std::string sendmail;          ///< mail; path of the program
  std::string file;              ///< log; a path, "stderr" or "journal"
  TextFormat format = TextFormat::text;  ///< log
};

/// Who is told of what; see alerts/route.h.
struct RouteConfig {
  std::vector<std::string> match;  ///< matchers: "severity=critical", "rule=checkpoint-*"
  std::vector<std::string> receivers;
  Duration after{0};
  bool proceed = false;
};

/// One alert that speaks for others; see alerts/mute.h.
struct InhibitionConfig {
  std::vector<std::string> source;
  std::vector<std::string> target;
  std::vector<std::string> equal;
};

struct AlertsConfig {
  std::vector<ReceiverConfig> receivers;
  std::vector<RouteConfig> routes;
  std::vector<InhibitionConfig> inhibitions;  ///< besides those that ship
  Duration group_wait{0};
  Duration group_interval{0};
  Duration repeat_interval{0};
  std::int64_t flapping_count = 0;
  Duration flapping_window{0};
  Duration flapping_calm{0};
  Duration queue_max_age{0};
  std::int64_t queue_max_messages = 0;
  std::string ping_url_file;  ///< of the dead man's switch; empty = credential or environment, see secrets.h
  Duration ping_interval{0};
  std::string digest_at;  ///< "HH:MM", UTC; empty = no daily digest
};

struct StoreConfig {
  std::string state_directory;  ///< absolute; created by the store
  Duration retention{0};        ///< how long points and ended alerts are kept
};

enum class LogThreshold : std::uint8_t { debug, info, warning, error };
std::string_view to_string(LogThreshold level);

struct LogConfig {
  LogThreshold level = LogThreshold::info;
  TextFormat format = TextFormat::text;
  std::string file;               ///< a path, "stderr" or "journal"
  Duration progress_interval{0};  ///< of the line for each run that has news
};

struct NetworkConfig {
  std::string proxy;  ///< as written: a URL without userinfo, "none", or empty = from the environment
  std::vector<std::string> no_proxy;  ///< hosts that are reached directly, besides those in NO_PROXY
  ProxySettings proxies;              ///< what results from these and the environment: the one to use
};

/// The machine that redflagd runs on.
struct HostConfig {
  bool enabled = true;
  std::vector<std::string> disk_paths;  ///< absolute; besides the results roots, the state and the log
  bool gpu = true;
  bool kernel_log = true;
  Duration interval{0};
  std::vector<std::string> processes;  ///< globs over command lines
};

/// The local API: HTTP on a unix socket, for the `redflag` command and scripts.
struct ApiConfig {
  std::string socket;  ///< absolute path; "none" = no API; empty = nobody said where it could be: none
  std::string mode;    ///< of the socket file, octal: "0600"
  std::string group;   ///< name of the group that it is given to; empty = redflagd's own
};

/// The live page: HTTP on loopback.
struct PageConfig {
  std::string listen;  ///< "127.0.0.1:8765", checked; "none" or empty = no page
  bool on() const { return !listen.empty() && listen != "none"; }
};

/// `mode` as a number.
unsigned api_mode(const ApiConfig& api);

/// GET /metrics, /healthz and /readyz on a port of this machine.
struct PrometheusConfig {
  std::string listen;  ///< "127.0.0.1:9736" (see listen.h), "none"
};

/// Where a value comes from. A key that is not in `Config::origins` has its default.
struct SettingOrigin {
  enum class Kind : std::uint8_t { file, environment };
  Kind kind = Kind::file;
  std::string name;      ///< file name, or the variable's
  std::size_t line = 0;  ///< 1-based, of the value; 0 for the environment
  std::size_t column = 0;
};

/// Where a secret would be taken from: found by looking, its value dropped at once.
struct SecretStatus {
  bool set = false;
  std::string origin;   ///< "file /etc/redflag/wandb_api_key", "environment variable WANDB_API_KEY"
  std::string problem;  ///< when not set: why, for a person
};

struct Config {
  WandbConfig wandb;
  ResultsConfig results;
  LocalConfig local;
  MetricsConfig metrics;
  RulesConfig rules;
  AlertsConfig alerts;
  StoreConfig store;
  LogConfig log;
  NetworkConfig network;
  ApiConfig api;
  PageConfig page;
  PrometheusConfig prometheus;
  HostConfig host;

  std::string file;  ///< that it was read from; empty when there is none
  std::map<std::string, SettingOrigin, std::less<>> origins;  ///< by path: "wandb.projects[0].entity"
  SecretStatus wandb_api_key;                                 ///< filled by load_config
  std::map<std::string, SecretStatus, std::less<>> webhooks;  ///< by receiver's name; filled by load_config
  /// Of receivers of the other types, by name: ("token", status), …; filled by load_config.
  std::map<std::string, std::vector<std::pair<std::string, SecretStatus>>, std::less<>> receiver_secrets;
};

}  // namespace redflag::daemon
