// From the configuration as written to the settings of each part.
#pragma once

#include <memory>
#include <vector>

#include "daemon/app/rule_files.h"
#include "daemon/app/service.h"
#include "daemon/base/log.h"
#include "daemon/config/config.h"
#include "daemon/config/environment.h"
#include "daemon/net/http_client.h"

namespace redflag::daemon {

LogOptions log_options(const Config& config);
HttpClientSettings http_settings(const Config& config);
RuleFiles rule_files(const Config& config);
MetricNames metric_names(const Config& config);
GraphqlClientOptions graphql_options(const Config& config);
WandbPollerOptions poller_options(const Config& config, const ProjectConfig& project);
/// `awaited`: somebody sits and waits for the answer, so that nothing is put off. The children give way to
/// the training all the same.
ContentSettings content_settings(const Config& config, bool awaited);
/// Without what only the service knows: the runs, and what the results hold.
HostSettings host_settings(const Config& config);
/// One for each directory below which local files are followed; empty when `local.enabled` is false.
std::vector<follow::LocalSettings> local_settings(const Config& config);
ResultsSettings results_settings(const Config& config, const ResultsRoot& root);

/// What channels need of the world; all of it outlives them.
struct ChannelWorld {
  HttpTransport& transport;
  Clock& clock;
  ProcessLauncher* launcher = nullptr;
};
/// nullptr for a receiver whose secret is not among `secrets`.
std::unique_ptr<Channel> make_channel(const ReceiverConfig& receiver, const Secrets& secrets,
                                      ChannelWorld world);
std::vector<std::unique_ptr<Channel>> make_channels(const Config& config, const Secrets& secrets,
                                                    ChannelWorld world);
alerts::Router make_router(const Config& config);
MonitorOptions monitor_options(const Config& config);

/// One receiver's secrets, added to `secrets`. Its warnings are logged.
Result<void> find_receiver(const ReceiverConfig& receiver, const Environment& env, Secrets& secrets);

/// Every secret that the configuration needs. A missing W&B key is an error when there is a project to poll;
/// a receiver without what it needs is an error, because an alert that has nowhere to go is worse than a
/// daemon that does not start.
Result<Secrets> find_secrets(const Config& config, const Environment& env);

}  // namespace redflag::daemon
