#include "daemon/inspection/stored_verdicts.h"

#include <utility>

#include "daemon/base/log.h"

namespace redflag::daemon {

asio::awaitable<std::optional<VerdictRecord>> StoredVerdicts::find(const std::string& path) {
  Result<std::optional<VerdictRecord>> found = co_await store_.find_verdict(path);
  if (found) co_return std::move(*found);
  log_debug("inspect", "no kept verdict for {}: {}", path, found.error().text());
  co_return std::nullopt;
}

void StoredVerdicts::keep(VerdictRecord record) {
  Commit commit;
  commit.verdicts.push_back(std::move(record));
  post_(std::move(commit));
}

void StoredVerdicts::forget(const std::string& path) {
  Commit commit;
  commit.verdicts.push_back({.path = path});
  post_(std::move(commit));
}

}  // namespace redflag::daemon
