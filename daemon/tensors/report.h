// What redflag-inspect says of one file. It crosses a process border as JSON (report_json.h) and is kept by
// the daemon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "rules/values/transition.h"

namespace redflag::tensors {

/// About the container only; what is in it are findings.
enum class Verdict : std::uint8_t {
  ok,
  damaged,      ///< not what its writer meant: truncated, overwritten, contradicting itself
  refused,      ///< not read on purpose: compressed, big-endian, over a limit, a git-LFS pointer
  in_progress,  ///< somebody is still writing it, or it changed while it was read
  unknown,      ///< no format that is known, or it could not be opened
};
std::string_view to_string(Verdict verdict);
std::optional<Verdict> verdict_from(std::string_view name);

enum class FileKind : std::uint8_t {
  unknown,
  torch_zip,     ///< torch.save since 1.6
  torch_legacy,  ///< torch.save before
  torchscript,
  pickle,  ///< a pickle that torch.save did not write
  safetensors,
  shard_index,  ///< *.index.json
  json,
  lfs_pointer,
  empty,
};
std::string_view to_string(FileKind kind);
std::optional<FileKind> file_kind_from(std::string_view name);

/// A plain value met in a file: param_groups.0.lr, global_step, hidden_size.
using Value = std::variant<bool, double, std::string>;

struct Finding {
  std::string code;  ///< a word of docs/inspect.md: "nan", "all_zero", "hostile_global"
  Severity severity = Severity::warning;
  std::string message;  ///< for people, whole in itself
  std::string where;    ///< tensor, entry or file it is about; "" = all of it
  bool operator==(const Finding&) const = default;
};

/// Over the finite elements; of complex types over both parts.
struct Statistics {
  std::uint64_t count = 0;  ///< elements looked at, finite or not
  std::uint64_t nan = 0;
  std::uint64_t positive_infinity = 0;
  std::uint64_t negative_infinity = 0;
  std::uint64_t zeros = 0;
  double min = 0, max = 0, mean = 0, stddev = 0;  ///< 0 without a finite element; stddev of the population
  bool operator==(const Statistics&) const = default;

  std::uint64_t nonfinite() const { return nan + positive_infinity + negative_infinity; }
};

struct TensorReport {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;               ///< elements * size
  std::optional<Statistics> statistics;  ///< none when it was not looked at (opaque, over the limit)
  std::uint64_t hash = 0;  ///< of its bytes; equal bytes have equal hashes in every format; 0 = not computed
  std::string same_as;     ///< name of an earlier tensor that shares its bytes (tied weights); "" = none
  bool operator==(const TensorReport&) const = default;
};

struct FileReport {
  std::string path;
  FileKind kind = FileKind::unknown;
  Verdict verdict = Verdict::unknown;
  std::string reason;  ///< why it is not ok, for people; empty when ok
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  std::uint64_t hash = 0;  ///< of all tensors' names, shapes, types and bytes; 0 = not computed
  std::vector<TensorReport> tensors;
  std::uint64_t tensors_left_out = 0;  ///< beyond the limit of a report
  std::vector<std::pair<std::string, Value>> values;
  std::vector<std::string> globals;
  std::vector<Finding> findings;
  bool operator==(const FileReport&) const = default;

  const Value* value(std::string_view name) const;
  std::optional<double> number(std::string_view name) const;
};

}  // namespace redflag::tensors
