// A training run as redflag knows it, whatever source told of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "rules/values/observation.h"
#include "rules/values/time.h"

namespace redflag::daemon {

/// W&B's states. A name we do not know is `unknown`, never an error.
enum class RunState : std::uint8_t {
  unknown,
  pending,
  running,
  finished,
  failed,
  crashed,
  killed,
  preempting,
  preempted
};

std::string_view to_string(RunState state);
RunState run_state_from(std::string_view name);
/// finished, failed, crashed, killed, preempted: the source says that no more points are to be expected.
bool has_ended(RunState state);

struct RunInfo;
/// When the run last showed that it lives, as far as is known: its heartbeat, else its creation; else Time{}.
Time last_sign(const RunInfo& run);

struct RunInfo {
  std::string key;  ///< registry key "host/entity/project/id"
  std::string id;
  std::string name;     ///< display name; the id when there is none
  std::string url;      ///< page for people; may be empty
  std::string project;  ///< "entity/project"
  std::string group;
  std::string job_type;
  std::vector<std::string> tags;
  RunState state = RunState::unknown;
  Time created_at;
  Time heartbeat_at;
  nlohmann::json config =
      nlohmann::json::object();  ///< W&B's {"value": …} wrappers removed, "_wandb" left out
  std::string task;              ///< "mrpc", "sst2", "rte", "squad_v2", …; empty when it cannot be told
  std::string method;  ///< "full_finetune", "lora", "base_pretrained", "majority_class", "random"; empty when
                       ///< it cannot be told
  std::optional<std::int64_t> seed;
  bool historic = false;  ///< had ended before redflag first saw its project

  bool operator==(const RunInfo&) const = default;
};

/// Fills task, method and seed: from the config (`task_name`, `method`, `seed`), else from tags, else from
/// the name
/// ("full_ft_sst2_seed42", "lora_rte_seed1337", "base_…", "majority_class_…", "random_…").
void derive_identity(RunInfo& run);

/// The run as attributes for the rules: name, id, project, group, state, ended, task, method, seed,
/// config_digest and label (see run_likeness.h), "tag.X" (true for each tag), "config.a.b" for each scalar of
/// the config.
Observation run_facts(const RunInfo& run, std::string source, Time time);

}  // namespace redflag::daemon
