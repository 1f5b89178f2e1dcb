// Verdicts in the daemon's database, so that a restart reads no checkpoint again.
#pragma once

#include <functional>

#include "daemon/inspection/verdict_cache.h"
#include "daemon/store/store.h"

namespace redflag::daemon {

class StoredVerdicts final : public VerdictStore {
 public:
  /// `post` takes commits that nobody waits for (Committer::post). The store must outlive it.
  StoredVerdicts(Store& store, std::function<void(Commit)> post) : store_(store), post_(std::move(post)) {}

  asio::awaitable<std::optional<VerdictRecord>> find(const std::string& path) override;
  void keep(VerdictRecord record) override;
  void forget(const std::string& path) override;

 private:
  Store& store_;
  std::function<void(Commit)> post_;
};

}  // namespace redflag::daemon
