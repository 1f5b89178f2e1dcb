// Where every source hands over what it learnt. One batch is one transaction: its points, the source's
// cursors, the transitions they cause and the messages those cause are committed together, before anything is
// sent.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/runs/run_info.h"
#include "rules/values/error.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

namespace asio = boost::asio;

/// A durable position of a source. `value` is the source's own text (JSON); an empty value deletes it.
struct CursorUpdate {
  std::string source;  ///< "wandb:api.wandb.ai/ent/proj"
  std::string key;     ///< run id, or "" for the source as a whole
  std::string value;
};

/// The subject no longer exists: its alerts close with `reason`.
struct Gone {
  Subject subject;
  Time time;
  std::string reason;
};

/// A source has told everything that was there when it first looked: time for one digest of what had ended
/// before.
struct FirstRead {
  std::string project;         ///< for people: "ent/proj"
  std::string run_key_prefix;  ///< of the project's runs: "api.wandb.ai/ent/proj"
};

/// Applied in the order of `inputs`. So a run's facts that say "ended" come after its last rows.
struct SourceBatch {
  using Input = std::variant<Observation, Watermark, Gone>;
  std::vector<RunInfo> runs;  ///< new or changed runs, for the registry and for messages
  std::vector<Input> inputs;
  std::vector<CursorUpdate> cursors;
  std::optional<FirstRead> first_read;  ///< after everything else in the batch
  /// The source can read all of it again from the positions that were kept: nobody waits for the disk unless
  /// an alert comes of it, and what comes within moments is one transaction.
  bool read_again = false;
};

class Intake {
 public:
  virtual ~Intake() = default;
  /// Returns once the batch is durable; a source waits for that before it reads on (back-pressure). One that
  /// can be read again and that nothing comes of is durable within a second.
  virtual asio::awaitable<Result<void>> submit(SourceBatch batch) = 0;
  /// Last committed position; nullopt when there is none.
  virtual std::optional<std::string> cursor(const std::string& source, const std::string& key) const = 0;
  /// A run as last committed; nullptr when unknown. Valid until the next submit.
  virtual const RunInfo* run(const std::string& key) const = 0;
};

}  // namespace redflag::daemon
