#include "daemon/cli/inspect_files.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "daemon/results/layout.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRoots = 64;

bool worth_reading(const std::string& name) {
  if (is_temporary_name(name)) return false;
  const std::string ending = fs::path(name).extension().string();
  for (const char* known : {".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".json"}) {
    if (ending == known) return true;
  }
  return false;
}

class Collector {
 public:
  InspectFiles out;

  void add(const std::string& operand) {
    std::error_code error;
    const fs::path path = fs::canonical(operand, error);
    if (error) {
      const std::string named = fs::absolute(operand, error).lexically_normal().string();
      out.targets.push_back({named, false});
      add_file(named, 0);
      return;
    }
    const bool directory = fs::is_directory(path, error);
    out.targets.push_back({path.string(), directory});
    if (!directory) {
      add_root(path.string());
      add_file(path.string(), fs::file_size(path, error));
      return;
    }
    add_root(path.string());
    std::vector<std::pair<std::string, std::uint64_t>> found;
    fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, error);
    for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      const bool folder = it->is_directory(error);
      if (folder) out.others[it->path().parent_path().string()].push_back(it->path().filename().string());
      if (folder || !it->is_regular_file(error)) continue;
      const std::string file = it->path().string();
      const std::string name = it->path().filename().string();
      const bool staging =
          place_below(path.string(), it->path().parent_path().string()).role == DirRole::staging;
      if (staging || !worth_reading(name)) {
        out.others[it->path().parent_path().string()].push_back(name);
        continue;
      }
      // A link to a file elsewhere (as in a Hugging Face cache): its target has to be readable, too.
      if (it->is_symlink(error)) {
        const fs::path real = fs::canonical(it->path(), error);
        if (!error) add_root(real.parent_path().string());
      }
      std::error_code ignored;
      found.emplace_back(file, it->file_size(ignored));
    }
    std::sort(found.begin(), found.end());
    for (const auto& [file, size] : found) add_file(file, size);
  }

 private:
  void add_file(const std::string& path, std::uint64_t size) {
    if (known_.insert(path).second) out.requests.push_back({path, size});
  }
  void add_root(const std::string& path) {
    if (roots_.size() < kMaxRoots && roots_.insert(path).second) out.roots.push_back(path);
  }

  std::set<std::string> known_;
  std::set<std::string> roots_;
};

}  // namespace

InspectFiles find_files(const std::vector<std::string>& operands) {
  Collector collector;
  for (const std::string& operand : operands) collector.add(operand);
  // The reader wants one, even if there is nothing to read.
  if (collector.out.roots.empty()) collector.out.roots.emplace_back("/nonexistent");
  return std::move(collector.out);
}

}  // namespace redflag::daemon
