// A pending or firing rule as it survives a restart.
#pragma once

#include <optional>
#include <string>

#include "rules/engine/subject_state.h"

namespace redflag {

std::string instance_json(const SubjectState& subject, const CompiledRule& rule, const Instance& instance,
                          std::uint64_t rows);

struct KeptInstance {
  Instance instance;
  std::string run;
  std::string pack;
  std::uint64_t rows = 0;
  std::vector<std::pair<Severity, Hold>> holds;  ///< by severity: the rule may have other levels now
};

/// Nothing when the text is not what instance_json wrote.
std::optional<KeptInstance> instance_from_json(const std::string& text);

}  // namespace redflag
