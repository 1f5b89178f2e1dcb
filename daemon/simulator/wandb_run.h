// A run as the simulated W&B has it. Everything in it carries the time from which it can be seen, so a run
// written down in advance plays itself as the clock goes on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "rules/values/time.h"

namespace redflag::daemon {

/// All `Duration`s count from `created`.
struct RunScript {
  struct Row {
    Duration visible{};     ///< when the service has it (the SDK uploads every 15 s)
    nlohmann::json values;  ///< an object; `_step`, `_timestamp` and `_runtime` are filled in when missing;
                            ///< NaN and ±Inf allowed
    std::optional<Duration> happened;  ///< when it was logged; default: `visible`
  };
  struct StateChange {
    Duration at{};
    std::string state;
  };
  struct Line {
    Duration at{};
    std::string text;
    std::string level = "info";
  };

  std::string id;    ///< GraphQL's `name`
  std::string name;  ///< displayName; the id when empty
  Time created;
  nlohmann::json config =
      nlohmann::json::object();  ///< plain: {"seed": 42}; served in W&B's {"seed": {"value": 42}}
  std::vector<std::string> tags;
  std::string group;
  std::string job_type;
  std::string notes;
  std::string sweep;
  std::string commit;
  std::string user = "demo";
  std::vector<Row> rows;
  std::vector<Row> events;          ///< system metrics: {"system.gpu.0.memory": 61, …}
  std::vector<StateChange> states;  ///< "running" until the first
  std::vector<Line> log;
  std::optional<Duration> heart_stops;  ///< the process dies then, whatever the state says; default: at the
                                        ///< last state change to an ended state
  Duration heartbeat_every = std::chrono::seconds{30};
};

class SimulatedRun {
 public:
  struct Row {
    Time visible;
    std::int64_t step = 0;
    nlohmann::json values;  ///< non-finite numbers are strings, as the service answers them
    std::string text;       ///< the same, as one line of JSON
  };
  struct Line {
    Time at;
    std::string text;
    std::string level;
  };
  struct File {
    std::string name;
    std::string content;
    Time updated;
  };
  struct KeyInfo {
    std::string type;
    std::size_t count = 0;
    nlohmann::json last;
  };

  SimulatedRun(std::string entity, std::string project, RunScript script);

  const std::string& entity() const { return entity_; }
  const std::string& project() const { return project_; }
  const std::string& id() const { return info_.id; }
  /// The parts that do not change with time; `rows`, `events`, `states` and `log` of it are empty.
  const RunScript& info() const { return info_; }

  // Additions, at any time past or future.
  void append_row(Time visible, nlohmann::json values, std::optional<Time> happened = std::nullopt);
  void append_event(Time visible, nlohmann::json values);
  void append_log(Time at, std::string text, std::string level = "info");
  void set_state(Time at, std::string state);
  /// The service says `state` from `from` until `until`, whatever is true. The heartbeat does not lie.
  void claim_state(Time from, Time until, std::string state);
  void set_heart_stops(Time at) { heart_stops_ = at; }
  /// Overrides what the rows add up to, key by key.
  void set_summary(Time at, nlohmann::json values);
  void set_file(std::string name, std::string content, Time updated);

  // What can be seen at `now`.
  bool exists(Time now) const { return info_.created <= now; }
  std::string state(Time now) const;
  Time heartbeat(Time now) const;
  std::size_t row_count(Time now) const;
  std::size_t event_count(Time now) const;
  std::size_t log_count(Time now) const;
  /// Rows with min_step ≤ step < max_step, in the order in which they became visible. The pointers die with
  /// the next addition.
  std::vector<const Row*> rows(Time now, std::int64_t min_step, std::int64_t max_step) const;
  const std::vector<Row>& all_events() const { return events_; }
  const std::vector<Line>& all_log() const { return log_; }
  nlohmann::json summary(Time now) const;
  nlohmann::json system_metrics(Time now) const;
  /// Flattened with dots. Valid until the next call of anything.
  const std::map<std::string, KeyInfo>& keys(Time now) const;
  std::int64_t last_step(Time now) const;
  std::vector<const File*> files(Time now) const;

 private:
  struct Claim {
    Time from;
    Time until;
    std::string state;
  };
  /// The first `rows` rows folded together.
  struct Fold {
    std::size_t rows = 0;
    nlohmann::json summary = nlohmann::json::object();
    std::map<std::string, KeyInfo> keys;
    std::int64_t last_step = -1;
  };

  static std::size_t insert(std::vector<Row>& into, Row row);
  Row make_row(Time visible, nlohmann::json values, Time happened, const std::vector<Row>& before) const;
  std::string true_state(Time now) const;
  const Fold& fold(Time now) const;

  std::string entity_;
  std::string project_;
  RunScript info_;
  std::vector<Row> rows_;
  std::vector<Row> events_;
  std::vector<Line> log_;
  std::vector<std::pair<Time, std::string>> states_;
  std::vector<Claim> claims_;
  std::vector<std::pair<Time, nlohmann::json>> summary_patches_;
  std::vector<File> files_;
  std::optional<Time> heart_stops_;
  bool steps_rise_ = true;
  mutable Fold fold_;
};

/// NaN and infinities as the strings that the service answers; all else unchanged.
nlohmann::json presentable(nlohmann::json value);

}  // namespace redflag::daemon
