#include "daemon/wandb/batch_writer.h"

#include <utility>

namespace redflag::daemon {

void BatchWriter::add(SourceBatch::Input input) {
  const auto* observation = std::get_if<Observation>(&input);
  if (observation != nullptr && observation->kind == ObservationKind::row) ++rows_;
  batch_.inputs.push_back(std::move(input));
}

void BatchWriter::add_run(const RunInfo& run, Time time) {
  batch_.runs.push_back(run);
  batch_.inputs.emplace_back(run_facts(run, "wandb", time));
}

void BatchWriter::set_cursor(const std::string& key, std::string value) {
  for (auto& cursor : batch_.cursors) {
    if (cursor.key == key) {
      cursor.value = std::move(value);
      return;
    }
  }
  batch_.cursors.push_back({source_, key, std::move(value)});
}

void BatchWriter::discard() {
  batch_ = {};
  rows_ = 0;
  broken_ = false;
}

asio::awaitable<Result<void>> BatchWriter::flush() {
  if (empty()) co_return Result<void>{};
  SourceBatch batch = std::exchange(batch_, SourceBatch{});
  rows_ = 0;
  auto done = co_await intake_.submit(std::move(batch));
  if (!done) broken_ = true;
  co_return done;
}

}  // namespace redflag::daemon
