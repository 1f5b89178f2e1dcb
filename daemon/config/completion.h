// What the file leaves open is completed from the environment; what single keys cannot show is checked.
#pragma once

#include "daemon/config/config.h"
#include "daemon/config/diagnostics.h"
#include "daemon/config/environment.h"
#include "daemon/config/source_text.h"

namespace redflag::daemon::settings {

/// Fills in projects, server address, receivers, state directory and proxies where the file says nothing, and
/// adds what does not fit together to `found`.
void complete(Config& config, const ConfigContext& context, const SourceText& source,
              ConfigDiagnostics& found);

}  // namespace redflag::daemon::settings
