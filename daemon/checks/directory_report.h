// What is said of a whole directory, from the reports of its files: a step of representations, a series of
// such steps, a checkpoint, a final model or adapter. The checks beside this file make it. All of them are
// pure: no file is opened.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/results/layout.h"
#include "daemon/tensors/report.h"

namespace redflag::checks {

using tensors::FileReport;
using tensors::Finding;
using tensors::TensorReport;
using tensors::Value;
using tensors::Verdict;

/// A directory as it was found.
struct DirectoryInput {
  std::string path;                      ///< as on disk, any bytes
  daemon::DirPlace place;                ///< what its name says: role, step, method, task
  std::vector<const FileReport*> files;  ///< of files in it and in folders below it; never null
  std::vector<std::string>
      other_names;  ///< of files and folders in it that were not inspected, relative to it
};

struct DirectoryReport {
  std::string path;  ///< as on disk, any bytes; all other text is valid UTF-8
  std::string
      kind;  ///< "representation_step", "representation_series", "checkpoint", "final_model", "final_adapter"
  Verdict verdict =
      Verdict::unknown;  ///< the worst of its files; damaged too when something required is not there
  std::string reason;    ///< why it is not ok; empty when ok
  std::vector<Finding> findings;  ///< worst first; codes are those of docs/inspect.md
  std::vector<std::pair<std::string, Value>>
      values;  ///< what was learnt: "layers", "parameters", "architecture"
  bool operator==(const DirectoryReport&) const = default;
};

/// One JSON object with the keys in the order above; text is escaped as in tensors/report_json.h.
std::string to_json(const DirectoryReport& report);

/// Puts the worst findings first and keeps the order otherwise.
void sort_findings(std::vector<Finding>& findings);

}  // namespace redflag::checks
