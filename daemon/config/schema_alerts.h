// The section `alerts` of the configuration, a part of schema_table.cpp's table.
#pragma once

#include "daemon/config/schema.h"

namespace redflag::daemon::settings {

/// Keys of `AlertsConfig`. Built on first use.
const Section& alerts_section();

}  // namespace redflag::daemon::settings
