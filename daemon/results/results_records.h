// What the results model remembers of each directory and file. Internal to daemon/results.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/results/file_check.h"
#include "daemon/results/layout.h"
#include "rules/values/time.h"

namespace redflag::daemon {

constexpr Duration kNoDeadline = Duration::max();

/// The last verdict, and whether it was told.
struct Judgement {
  Verdict verdict = Verdict::in_progress;
  bool told = false;
  std::uint64_t size = 0;
  std::string detail;
  std::string lacking;  ///< checkpoints: files its kind should have besides those whose absence is a
                        ///< verdict; series: its figures, so that a change of theirs is told
};

struct FileRecord {
  FileKind kind = FileKind::other;
  bool seen = false;    ///< size and modified are known
  bool closed = false;  ///< a writer closed it, or it was renamed to this name, and nothing was written since
  std::uint64_t size = 0;
  Time modified;
  Duration last_change{};           ///< monotonic
  Duration deadline = kNoDeadline;  ///< when to look at it next
  Judgement judgement;
};

/// Names of files that are only counted, as hashes: 8 bytes each. The lowest bit tells a log from other
/// files.
class NameSet {
 public:
  /// False when it was there already.
  bool insert(std::string_view name, bool log) {
    const std::uint64_t hash = hash_of(name) | (log ? 1U : 0U);
    const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
    if (at != hashes_.end() && *at == hash) return false;
    hashes_.insert(at, hash);
    return true;
  }
  bool erase(std::string_view name, bool log) {
    const std::uint64_t hash = hash_of(name) | (log ? 1U : 0U);
    const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
    if (at == hashes_.end() || *at != hash) return false;
    hashes_.erase(at);
    return true;
  }
  void clear() { hashes_.clear(); }
  std::size_t size() const { return hashes_.size(); }
  std::size_t logs() const {
    return static_cast<std::size_t>(
        std::count_if(hashes_.begin(), hashes_.end(), [](auto hash) { return (hash & 1U) != 0; }));
  }

 private:
  static std::uint64_t hash_of(std::string_view name) {
    return std::hash<std::string_view>{}(name) & ~std::uint64_t{1};
  }
  std::vector<std::uint64_t> hashes_;
};

struct DirRecord {
  DirRole role = DirRole::plain;
  bool stale = false;  ///< not seen since the root came back
  std::int64_t step = -1;
  Duration last_change{};
  Duration deadline = kNoDeadline;
  Judgement judgement;
  std::map<std::string, FileRecord, std::less<>> files;  ///< those with a meaning
  NameSet others;
};

/// By absolute path, so that what lies below a directory is a range.
using DirTable = std::map<std::string, DirRecord, std::less<>>;

inline DirTable::const_iterator first_below(const DirTable& dirs, const std::string& path) {
  return dirs.lower_bound(path + '/');
}
inline DirTable::const_iterator end_below(const DirTable& dirs, const std::string& path) {
  return dirs.lower_bound(path + '0');  // '0' follows '/'
}

}  // namespace redflag::daemon
