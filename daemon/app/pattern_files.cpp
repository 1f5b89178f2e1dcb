#include "daemon/app/pattern_files.h"

#include <utility>

#include "daemon/app/rule_files.h"

namespace redflag::daemon {

Result<std::shared_ptr<const local::LogPatterns>> load_log_patterns(const Config& config) {
  if (config.local.patterns.empty()) return nullptr;
  std::vector<local::PatternText> own;
  for (const LocalPath& file : config.local.patterns) {
    Result<std::string> text = read_yaml_file(file.path, "log patterns");
    if (!text) return tl::unexpected<Error>(std::move(text.error()));
    own.push_back({file.path, std::move(*text)});
  }
  Result<local::LogPatterns> table = local::LogPatterns::load(own);
  if (!table) return tl::unexpected<Error>(std::move(table.error()));
  return std::make_shared<const local::LogPatterns>(std::move(*table));
}

}  // namespace redflag::daemon
