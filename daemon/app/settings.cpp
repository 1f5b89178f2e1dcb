#include "daemon/app/settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/base/child_process.h"
#include "daemon/channels/alertmanager_channel.h"
#include "daemon/channels/log_channel.h"
#include "daemon/channels/mail_channel.h"
#include "daemon/channels/slack_bot_channel.h"
#include "daemon/channels/slack_channel.h"
#include "daemon/channels/webhook_channel.h"
#include "daemon/config/proxy.h"
#include "daemon/config/secrets.h"
#include "daemon/config/values.h"
#include "daemon/monitor/alive_mark.h"

namespace redflag::daemon {
namespace {

LogLevel level_of(LogThreshold level) {
  switch (level) {
    case LogThreshold::debug:
      return LogLevel::debug;
    case LogThreshold::info:
      return LogLevel::info;
    case LogThreshold::warning:
      return LogLevel::warning;
    case LogThreshold::error:
      return LogLevel::error;
  }
  return LogLevel::info;
}

nlohmann::json json_of(const ConfigScalar& value) {
  return std::visit([](const auto& v) { return nlohmann::json(v); }, value);
}

RunFilter run_filter(const RunFilterConfig& from) {
  RunFilter filter;
  filter.tags = from.tags;
  filter.names = from.names;
  filter.groups = from.groups;
  for (const std::string& state : from.states) filter.states.push_back(run_state_from(state));
  if (from.max_age > Duration::zero()) filter.max_age = from.max_age;
  for (const auto& [key, value] : from.config) filter.config.emplace_back(key, json_of(value));
  return filter;
}

}  // namespace

LogOptions log_options(const Config& config) {
  LogOptions options;
  options.level = level_of(config.log.level);
  options.format = config.log.format == TextFormat::json ? LogFormat::json : LogFormat::text;
  if (config.log.file != "stderr" && config.log.file != "journal") options.file = config.log.file;
  const bool journal = config.log.file == "journal" || (options.file.empty() && stderr_is_journal());
  options.timestamps = !journal;
  if (journal) options.journal_socket = kJournalSocket;
  return options;
}

HttpClientSettings http_settings(const Config& config) {
  HttpClientSettings settings;
  settings.user_agent = fmt::format("redflag/{}", REDFLAG_VERSION);
  settings.ca_file = config.wandb.ca_file;
  settings.proxy_for = [proxies = config.network.proxies](const Url& url) -> std::optional<Proxy> {
    const std::optional<ProxyUrl> found = proxies.proxy_for(url.origin());
    if (!found) return std::nullopt;
    return Proxy{found->host, found->port, std::string(found->credentials.reveal())};
  };
  return settings;
}

RuleFiles rule_files(const Config& config) {
  return {config.rules.packs, config.rules.directory, {}};
}

MetricNames metric_names(const Config& config) {
  std::vector<MetricAlias> own;
  for (const auto& [canonical, aliases] : config.metrics.aliases) {
    for (const MetricAliasConfig& alias : aliases) own.push_back({canonical, alias.name, alias.scale});
  }
  return MetricNames(std::move(own));
}

GraphqlClientOptions graphql_options(const Config& config) {
  GraphqlClientOptions options;
  options.base_url = config.wandb.base_url;
  options.timeout = config.wandb.timeout;
  options.max_answer_bytes = config.wandb.max_response_size.bytes;
  options.spacing = Duration{static_cast<std::int64_t>(1e6 / config.wandb.max_requests_per_second)};
  return options;
}

WandbPollerOptions poller_options(const Config& config, const ProjectConfig& project) {
  WandbPollerOptions options;
  options.entity = project.entity;
  options.project = project.project;
  options.filter = run_filter(project.runs);
  options.poll_interval = config.wandb.poll_interval;
  options.runs_per_page = static_cast<int>(config.wandb.run_page_size);
  options.page_steps = config.wandb.history_page_steps;
  // Several daemons started together must not come back together after an outage.
  options.jitter_seed =
      static_cast<std::uint32_t>(std::hash<std::string>{}(project.entity + '/' + project.project)) | 1U;
  return options;
}

ContentSettings content_settings(const Config& config, bool awaited) {
  ContentSettings settings;
  settings.inspector.program = sibling_program("redflag-inspect");
  for (const ResultsRoot& root : config.results.roots) settings.inspector.roots.push_back(root.path);
  settings.inspector.drop_cache = true;
  settings.inspector.pace = config.results.inspect_pace.bytes;
  settings.inspector.memory_bytes = config.results.inspect_memory.bytes;
  settings.service.cpu_share = config.results.inspect_cpu_share;
  settings.service.urgent_cpu_share = std::max(1.0, config.results.inspect_cpu_share);
  if (config.results.forward) settings.forward_program = sibling_program("redflag-forward");
  settings.forward.memory_bytes = config.results.forward_memory.bytes;
  settings.forward.timeout = config.results.forward_timeout;
  settings.kept_logits = config.store.state_directory;
  if (awaited) {
    settings.inspector.pace = 0;
    settings.service.cpu_share = settings.service.urgent_cpu_share = 1.0;
    settings.rest = {};
  }
  return settings;
}

HostSettings host_settings(const Config& config) {
  HostSettings settings;
  settings.disk_paths = config.host.disk_paths;
  settings.disk_paths.push_back(config.store.state_directory);
  const std::string& log = config.log.file;
  if (log.starts_with('/'))
    settings.disk_paths.push_back(log.substr(0, std::max<std::size_t>(log.rfind('/'), 1)));
  settings.interval = config.host.interval;
  settings.gpu = config.host.gpu;
  settings.kernel_log = config.host.kernel_log;
  settings.processes = config.host.processes;
  return settings;
}

ResultsSettings results_settings(const Config& config, const ResultsRoot& root) {
  ResultsSettings settings;
  settings.root = root.path;
  settings.timing.settle = config.results.settle;
  settings.timing.incomplete_after = config.results.incomplete_after;
  settings.timing.step_settle = config.results.step_settle;
  settings.watcher.rescan_every = config.results.rescan_interval;
  return settings;
}

std::vector<follow::LocalSettings> local_settings(const Config& config) {
  std::vector<follow::LocalSettings> all;
  if (!config.local.enabled) return all;
  follow::LocalSettings common;
  common.wandb_host = WandbService(config.wandb.base_url).host();
  for (const ProjectConfig& project : config.wandb.projects)
    common.projects.emplace_back(project.entity, project.project);
  for (const LocalPath& log : config.local.logs) common.logs.push_back(log.path);
  common.old_after = config.local.old_after;
  common.watcher.rescan_every = config.results.rescan_interval;
  const auto lies_in = [](const std::string& path, const std::string& root) {
    return path == root || (path.starts_with(root) && (root.ends_with('/') || path[root.size()] == '/'));
  };
  const auto add = [&](std::string root, bool logs_only) {
    for (const follow::LocalSettings& other : all) {
      if (lies_in(root, other.root) && (logs_only || !other.logs_only)) return;
    }
    follow::LocalSettings settings = common;
    settings.root = std::move(root);
    settings.logs_only = logs_only;
    all.push_back(std::move(settings));
  };
  std::vector<std::string> roots;
  for (const ResultsRoot& root : config.results.roots) roots.push_back(root.path);
  for (const LocalPath& directory : config.local.directories) roots.push_back(directory.path);
  // The shorter first: what lies within another is followed already.
  std::sort(roots.begin(), roots.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  for (std::string& root : roots) add(std::move(root), false);
  for (const LocalPath& log : config.local.logs) {
    const std::string fixed = log.path.substr(0, log.path.find_first_of("*?"));
    const std::size_t slash = fixed.rfind('/');
    add(slash == 0 || slash == std::string::npos ? "/" : fixed.substr(0, slash), true);
  }
  return all;
}

namespace {

std::vector<std::pair<std::string, std::string>> label_texts(const ConfigScalarMap& labels) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [name, value] : labels) {
    const auto* text = std::get_if<std::string>(&value);
    texts.emplace_back(name, text != nullptr ? *text : settings::yaml_scalar(value));
  }
  return texts;
}

std::unique_ptr<Channel> make_webhook(const ReceiverConfig& receiver, const ReceiverSecrets& secrets,
                                      ChannelWorld world) {
  WebhookSettings settings;
  settings.url = receiver.url.empty() ? secrets.url : Secret(receiver.url);
  settings.secret = secrets.secret;
  settings.token = secrets.token;
  if (!receiver.body_template.empty()) {
    // Checked when the configuration was read.
    if (auto body = alerts::WebhookTemplate::parse(receiver.body_template)) settings.body = std::move(*body);
  }
  return std::make_unique<WebhookChannel>(receiver.name, std::move(settings), world.transport, world.clock);
}

}  // namespace

std::unique_ptr<Channel> make_channel(const ReceiverConfig& receiver, const Secrets& secrets,
                                      ChannelWorld world) {
  const std::string& name = receiver.name;
  if (receiver.type == ReceiverType::log) return std::make_unique<LogChannel>(name);
  if (receiver.type == ReceiverType::mail) {
    return std::make_unique<MailChannel>(name, receiver.sendmail,
                                         alerts::MailOptions{receiver.to, receiver.from}, world.launcher,
                                         world.clock);
  }
  if (receiver.type == ReceiverType::slack) {
    const auto webhook = std::find_if(secrets.webhooks.begin(), secrets.webhooks.end(),
                                      [&](const auto& one) { return one.first == name; });
    if (webhook == secrets.webhooks.end()) return nullptr;
    return std::make_unique<SlackChannel>(name, webhook->second, receiver.mention, world.transport);
  }
  const auto found = secrets.receivers.find(name);
  if (found == secrets.receivers.end()) return nullptr;
  if (receiver.type == ReceiverType::slack_bot) {
    return std::make_unique<SlackBotChannel>(name, found->second.token, receiver.api_url, receiver.channel,
                                             receiver.mention, world.transport);
  }
  if (receiver.type == ReceiverType::webhook) return make_webhook(receiver, found->second, world);
  AlertmanagerSettings settings{receiver.url, found->second.token, receiver.refresh_interval,
                                label_texts(receiver.labels)};
  return std::make_unique<AlertmanagerChannel>(name, std::move(settings), world.transport, world.clock);
}

std::vector<std::unique_ptr<Channel>> make_channels(const Config& config, const Secrets& secrets,
                                                    ChannelWorld world) {
  std::vector<std::unique_ptr<Channel>> channels;
  for (const ReceiverConfig& receiver : config.alerts.receivers) {
    if (auto channel = make_channel(receiver, secrets, world)) channels.push_back(std::move(channel));
  }
  return channels;
}

namespace {

/// The configuration has refused those that cannot be read.
std::vector<alerts::Matcher> matchers_of(const std::vector<std::string>& texts) {
  std::vector<alerts::Matcher> matchers;
  for (const std::string& text : texts) {
    if (auto matcher = alerts::parse_matcher(text)) matchers.push_back(std::move(*matcher));
  }
  return matchers;
}

}  // namespace

alerts::Router make_router(const Config& config) {
  std::vector<alerts::Receiver> receivers;
  for (const ReceiverConfig& receiver : config.alerts.receivers)
    receivers.push_back({receiver.name, receiver.min_severity});
  std::vector<alerts::Route> routes;
  for (const RouteConfig& route : config.alerts.routes)
    routes.push_back({matchers_of(route.match), route.receivers, route.after, route.proceed});
  return {std::move(receivers), std::move(routes)};
}

MonitorOptions monitor_options(const Config& config) {
  MonitorOptions options;
  const AlertsConfig& alerts = config.alerts;
  options.progress_interval = config.log.progress_interval;
  options.retention = config.store.retention;
  options.lifecycle.repeat_every = alerts.repeat_interval;
  options.lifecycle.flapping = {static_cast<std::uint32_t>(alerts.flapping_count), alerts.flapping_window,
                                alerts.flapping_calm};
  for (const InhibitionConfig& each : alerts.inhibitions)
    options.lifecycle.inhibitions.push_back({matchers_of(each.source), matchers_of(each.target), each.equal});
  if (!alerts.digest_at.empty()) {
    options.digest_at = std::chrono::hours{std::stoi(alerts.digest_at.substr(0, 2))} +
                        std::chrono::minutes{std::stoi(alerts.digest_at.substr(3))};
  }
  options.boot_id = system_boot_id();
  options.courier.grouping.wait = alerts.group_wait;
  options.courier.grouping.interval = alerts.group_interval;
  options.courier.queue_max_age = alerts.queue_max_age;
  options.courier.queue_max_messages = static_cast<std::size_t>(alerts.queue_max_messages);
  return options;
}

Result<void> find_receiver(const ReceiverConfig& receiver, const Environment& env, Secrets& secrets) {
  if (receiver.type == ReceiverType::slack) {
    Result<FoundSecret> webhook = find_slack_webhook(receiver, env);
    if (!webhook) return tl::unexpected<Error>(std::move(webhook.error()));
    for (const std::string& warning : webhook->warnings) log_warning("config", "{}", warning);
    secrets.webhooks.emplace_back(receiver.name, std::move(webhook->value));
    return {};
  }
  Result<ReceiverSecrets> found = find_receiver_secrets(receiver, env);
  if (!found) return tl::unexpected<Error>(std::move(found.error()));
  for (const std::string& warning : found->warnings) log_warning("config", "{}", warning);
  secrets.receivers.insert_or_assign(receiver.name, std::move(*found));
  return {};
}

Result<Secrets> find_secrets(const Config& config, const Environment& env) {
  Secrets secrets;
  if (config.wandb.active()) {
    Result<FoundSecret> key = find_wandb_api_key(config.wandb, env);
    if (!key) return tl::unexpected<Error>(std::move(key.error()));
    for (const std::string& warning : key->warnings) log_warning("config", "{}", warning);
    secrets.wandb_key = std::move(key->value);
  }
  for (const ReceiverConfig& receiver : config.alerts.receivers) {
    if (Result<void> found = find_receiver(receiver, env, secrets); !found)
      return tl::unexpected<Error>(std::move(found.error()));
  }
  Result<FoundSecret> ping = find_ping_url(config.alerts, env);
  if (!ping) return tl::unexpected<Error>(std::move(ping.error()));
  for (const std::string& warning : ping->warnings) log_warning("config", "{}", warning);
  secrets.ping_url = std::move(ping->value);
  return secrets;
}

}  // namespace redflag::daemon
