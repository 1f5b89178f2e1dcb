// The answers of `redflag inspect` for people.
#pragma once

#include <string>

#include "daemon/checks/directory_report.h"
#include "daemon/cli/terminal.h"
#include "daemon/tensors/report.h"

namespace redflag::daemon {

struct InspectViewOptions {
  bool all_tensors = false;  ///< not only the first ones
  Terminal terminal;
};

/// Everything about one file: what it is, its verdict, its tensors and values.
std::string file_page(const tensors::FileReport& report, const InspectViewOptions& options);
/// A line for a file in a list, and one for each finding.
std::string file_lines(const tensors::FileReport& report, const std::string& name,
                       const InspectViewOptions& options);
/// The same for a directory.
std::string directory_lines(const checks::DirectoryReport& report, const std::string& name,
                            const InspectViewOptions& options);

}  // namespace redflag::daemon
