// Gathers what a poll has learnt and hands it over in batches whose cursors always match their rows.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "daemon/monitor/intake.h"

namespace redflag::daemon {

class BatchWriter {
 public:
  /// `source` names the cursors: "wandb:api.wandb.ai/ent/proj".
  BatchWriter(Intake& intake, std::string source) : intake_(intake), source_(std::move(source)) {}

  void add(SourceBatch::Input input);
  /// A run and its facts, as one.
  void add_run(const RunInfo& run, Time time);
  void set_cursor(const std::string& key, std::string value);
  void set_first_read(FirstRead done) { batch_.first_read = std::move(done); }

  std::size_t rows() const { return rows_; }
  bool empty() const {
    return batch_.runs.empty() && batch_.inputs.empty() && batch_.cursors.empty() && !batch_.first_read;
  }
  /// A batch could not be kept: what is remembered no longer matches what is committed.
  bool broken() const { return broken_; }
  void discard();

  /// Submits what has been gathered, if anything. After an error nothing of it has been kept, and the caller
  /// must go back to the committed cursors.
  asio::awaitable<Result<void>> flush();

 private:
  Intake& intake_;
  std::string source_;
  SourceBatch batch_;
  std::size_t rows_ = 0;
  bool broken_ = false;
};

}  // namespace redflag::daemon
