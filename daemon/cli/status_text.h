// `redflag status` as text: a pure function of what is known and how it is looked at. One screen of 80 × 24
// for the usual case; whatever came from outside is escaped.
#pragma once

#include <string>

#include "daemon/cli/operator_text.h"
#include "daemon/overview/overview.h"

namespace redflag::daemon {

struct StatusSize {
  std::size_t runs = 5;  ///< shown at most
  std::size_t alerts = 3;
  std::size_t advice = 2;
  std::size_t series = 3;  ///< of those that something is wrong with
};

/// Lines of at most look.width columns (40 at least), each ended by '\n'.
std::string status_text(const Overview& overview, const Look& look, const StatusSize& size = {});

}  // namespace redflag::daemon
