// All directories of a tree that mean something, judged from the reports of the files in it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/checks/directory_report.h"

namespace redflag::checks {

/// Steps of representations, their series, checkpoints, final models and adapters below `root` (or `root`
/// itself, by its name), ordered by path; identical checkpoints of one run included. A directory of another
/// name is judged as a model when it holds a configuration and weights. Paths are as on disk, absolute.
/// `others`: names in a directory that were not read, by its path.
std::vector<DirectoryReport> check_tree(const std::string& root, const std::vector<FileReport>& reports,
                                        const std::map<std::string, std::vector<std::string>>& others = {});

}  // namespace redflag::checks
