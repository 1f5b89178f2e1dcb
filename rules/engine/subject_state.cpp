#include "rules/engine/subject_state.h"

#include <algorithm>

namespace redflag {

SubjectState::SubjectState(Subject who, const KindTable& kind_table)
    : subject(std::move(who)),
      table(&kind_table),
      series(kind_table.slots.size()),
      matched(kind_table.rules.size(), Tri::unknown),
      rows(kind_table.rules.size(), 0),
      instances(kind_table.rules.size()) {}

const Attribute* SubjectState::attribute(std::uint32_t slot) const {
  const auto at =
      std::lower_bound(attributes.begin(), attributes.end(), slot,
                       [](const auto& pair, std::uint32_t wanted) { return pair.first < wanted; });
  return at != attributes.end() && at->first == slot ? &at->second : nullptr;
}

Series& SubjectState::series_of(std::uint32_t slot) {
  if (series[slot] == nullptr) {
    series[slot] = std::make_unique<Series>(table->slots[slot], first_seen.time_since_epoch().count());
  }
  return *series[slot];
}

}  // namespace redflag
