#include "daemon/cli/log_files.h"

#include <algorithm>
#include <filesystem>

namespace redflag::daemon {

namespace fs = std::filesystem;

Result<std::vector<std::string>> log_files_of(const std::string& operand) {
  std::error_code error;
  if (!fs::is_directory(operand, error)) return std::vector<std::string>{operand};
  const std::string doing = "looking for logs in " + operand;
  std::vector<std::string> files;
  for (fs::directory_iterator entry(operand, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    const std::string name = path.filename().string();
    const std::string extension = path.extension().string();
    const bool log = extension == ".json" || extension == ".jsonl" || extension == ".csv" ||
                     extension == ".wandb" || name.find("tfevents") != std::string::npos ||
                     (name.starts_with("output") && extension == ".log");
    std::error_code unreadable;
    if (log && !entry->is_directory(unreadable)) files.push_back(path.string());
  }
  if (error) return fail(ErrorCode::denied, doing, error.message());
  if (files.empty()) {
    return fail(ErrorCode::not_found, doing,
                "it holds no .json, .jsonl, .csv or .wandb file, no *tfevents* and no output*.log",
                "name the directory that the logs are in, or the logs themselves");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace redflag::daemon
