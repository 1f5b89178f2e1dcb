// Which files `redflag inspect` looks at: those named, and in directories those that a results tree can hold.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/inspection/autopsy.h"

namespace redflag::daemon {

struct InspectTarget {
  std::string path;  ///< absolute, links in it resolved; as named when it does not exist
  bool directory = false;
};

struct InspectFiles {
  std::vector<InspectTarget> targets;       ///< the operands, in their order
  std::vector<InspectionRequest> requests;  ///< each file once, by target and path
  std::vector<std::string> roots;           ///< what the reader has to be allowed to read
  /// Files and folders of each directory that were not read: by their names they hold no tensors.
  std::map<std::string, std::vector<std::string>> others;
};

InspectFiles find_files(const std::vector<std::string>& operands);

}  // namespace redflag::daemon
