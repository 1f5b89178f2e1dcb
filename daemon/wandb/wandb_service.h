// A W&B server by its base URL: what to ask, what to call it, and where people find a run's page.
#pragma once

#include <string>

namespace redflag::daemon {

class WandbService {
 public:
  /// A trailing slash is ignored; a user and password in the URL appear in no label or key.
  explicit WandbService(std::string base_url);

  std::string graphql_url() const { return base_url_ + "/graphql"; }
  /// Host with port: "api.wandb.ai", "wandb.example.org:8080".
  const std::string& host() const { return host_; }
  std::string label() const { return "W&B " + host_; }
  /// Page for people: https://wandb.ai/ent/proj/runs/id, or below the base URL of one's own server.
  std::string run_url(const std::string& entity, const std::string& project, const std::string& run) const;

 private:
  std::string base_url_;
  std::string host_;
};

}  // namespace redflag::daemon
