// Which alerts are meant: by silences, inhibitions and routes, in one small language.
//
//   rule=loss-*            the rule's name, a glob (* and ?)
//   run!=full_ft_rte_*     any but these
//   severity>=warning      severities have an order: =, !=, >=, <=, >, <
//   tag=lora               any of the run's tags; != means none of them
//
// Labels: rule, pack, severity, run (name or key), task, method, seed, project, state, tag, kind (of the
// subject), subject (its key), alert (the id). A matcher on a label that the alert lacks matches the empty
// text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alerts/alert.h"
#include "rules/values/error.h"

namespace redflag::alerts {

struct Matcher {
  enum class Op : std::uint8_t { equal, not_equal, at_least, at_most, above, below };
  std::string label;
  Op op = Op::equal;
  std::string value;  ///< a glob; for severity one of its names
  bool operator==(const Matcher&) const = default;
};

/// "rule=loss-*". The error says what is wrong and which labels there are.
Result<Matcher> parse_matcher(std::string_view text);
std::string to_string(const Matcher& matcher);

bool matches(const Matcher& matcher, const Transition& transition, const RunContext& run);
/// All of them; true for none.
bool matches(const std::vector<Matcher>& matchers, const Transition& transition, const RunContext& run);

/// Value of a label; of `tag` the tags, of all others at most one.
std::vector<std::string> label_values(std::string_view label, const Transition& transition,
                                      const RunContext& run);

}  // namespace redflag::alerts
