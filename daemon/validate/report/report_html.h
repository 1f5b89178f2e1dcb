// The report as one HTML file: no script, nothing from outside, readable offline, on paper, on a phone, in
// the dark, and by a screen reader. Its size is bounded (kMostFigures, thinned curves) whatever the
// project's.
#pragma once

#include <string>

#include "daemon/overview/evidence.h"
#include "daemon/validate/checklist.h"

namespace redflag::daemon::validate {

std::string report_html(const Evidence& evidence, const Checklist& list);

}  // namespace redflag::daemon::validate
