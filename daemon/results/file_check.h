// Is a file whole? Judged from its head and its tail, a few kilobytes whatever its size; what is inside the
// tensors is the inspector's business. Formats: ZIP APPNOTE.TXT 4.3 (torch.save), the safetensors README,
// git-LFS's pointer specification.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/results/file_system.h"
#include "daemon/results/layout.h"

namespace redflag::daemon {

enum class Verdict : std::uint8_t {
  ok,
  empty,
  tiny,       ///< under 1,000 bytes where a tensor is expected
  truncated,  ///< its end is missing
  damaged,    ///< not what it should be, or contradicts its directory
  missing,
  lfs_pointer,  ///< git-LFS's stand-in, the real file was never fetched
  in_progress,  ///< not whole yet, and still (or just) being written
};
std::string_view to_string(Verdict verdict);

struct CheckResult {
  Verdict verdict = Verdict::ok;
  std::string detail;  ///< for people, with figures; empty when ok
};

/// What the directory says about the file.
struct CheckContext {
  FileKind kind = FileKind::other;
  std::int64_t step = -1;
  std::string method;
  std::string task;
};

constexpr std::uint64_t kTinyBytes = 1000;

/// `size` is the file's size now. An error means that it could not be read (denied, gone): nothing is known.
Result<CheckResult> check_file(FileSystem& files, const std::string& path, std::uint64_t size,
                               const CheckContext& context);

// The parts, for their own tests and for other readers. All are bounded whatever the file claims.
Result<CheckResult> check_torch(FileSystem& files, const std::string& path, std::uint64_t size);
Result<CheckResult> check_zip(FileSystem& files, const std::string& path, std::uint64_t size);
Result<CheckResult> check_safetensors(FileSystem& files, const std::string& path, std::uint64_t size);
CheckResult check_metadata(std::string_view text, const CheckContext& context);

/// `layer_names` of a step's metadata.json, at most 4,096; empty when it has none.
std::vector<std::string> metadata_layers(FileSystem& files, const std::string& path);
/// The shard files that a *.index.json names, without repeats; empty when it cannot be read.
std::vector<std::string> index_shards(FileSystem& files, const std::string& path);

}  // namespace redflag::daemon
