#include "daemon/wandb/wandb_service.h"

#include <fmt/format.h>

#include "daemon/net/url.h"

namespace redflag::daemon {
WandbService::WandbService(std::string base_url) : base_url_(std::move(base_url)) {
  while (!base_url_.empty() && base_url_.back() == '/') base_url_.pop_back();
  const auto scheme = base_url_.find("://");
  host_ = scheme == std::string::npos ? base_url_ : base_url_.substr(scheme + 3);
  host_ = host_.substr(0, host_.find_first_of("/?#"));
  if (const auto at = host_.rfind('@'); at != std::string::npos) host_.erase(0, at + 1);
}

std::string WandbService::run_url(const std::string& entity, const std::string& project,
                                  const std::string& run) const {
  std::string base = base_url_;
  if (host_ == "api.wandb.ai") {
    base = "https://wandb.ai";
  } else if (const auto scheme = base.find("://"); scheme != std::string::npos) {
    const auto at = base.find('@');
    if (at != std::string::npos && at < base.find('/', scheme + 3)) base.erase(scheme + 3, at - scheme - 2);
  }
  return fmt::format("{}/{}/{}/runs/{}", base, percent_encode(entity), percent_encode(project),
                     percent_encode(run));
}

}  // namespace redflag::daemon
