#include "daemon/tensors/inspect.h"

#include <algorithm>
#include <map>
#include <new>

#include <fmt/format.h>

#include "daemon/tensors/checksum.h"
#include "daemon/tensors/failure.h"
#include "daemon/tensors/findings.h"
#include "daemon/tensors/json_values.h"
#include "daemon/tensors/scan.h"

namespace redflag::tensors {
namespace {

void set(FileReport& report, const ReadFailure& failure) {
  report.verdict = failure.verdict;
  report.reason = failure.reason;
}

/// git-LFS's stand-in: a few lines of text. Specification: git-lfs/docs/spec.md.
bool read_lfs_pointer(const ByteSource& source, FileReport& report) {
  if (source.size() >= 1024) return false;
  const std::string text = source.bytes(0, 1024);
  if (text.rfind("version https://git-lfs.github.com/spec/", 0) != 0 &&
      text.rfind("version https://hawser.github.com/spec/", 0) != 0)
    return false;
  std::string digits;
  const std::size_t at = text.find("\nsize ");
  for (std::size_t i = at + 6;
       at != std::string::npos && i < text.size() && text[i] >= '0' && text[i] <= '9' && digits.size() < 18;
       ++i) {
    digits += text[i];
  }
  report.kind = FileKind::lfs_pointer;
  report.verdict = Verdict::refused;
  report.reason = fmt::format("refused: a git-LFS pointer, not the file itself{}: run git lfs pull",
                              digits.empty() ? "" : fmt::format(" ({} bytes)", commas(std::stoull(digits))));
  return true;
}

void read_json(const ByteSource& source, FileReport& report) {
  report.kind = report.path.ends_with(".index.json") ? FileKind::shard_index : FileKind::json;
  auto values = read_json_values(source);
  if (!values) return set(report, values.error());
  report.verdict = Verdict::ok;
  report.values = std::move(values->values);
  const auto maps = [](const auto& each) { return each.first.rfind("weight_map.", 0) == 0; };
  const bool is_map = report.value("weight_map.length") == nullptr;  // lists have one
  if (report.kind == FileKind::shard_index &&
      (!is_map || std::none_of(report.values.begin(), report.values.end(), maps))) {
    return set(report,
               {Verdict::damaged, "damaged: an index of shards without a weight_map from tensors to files"});
  }
  if (!values->complete) {
    report.findings.push_back(
        {"values_left_out", Severity::info, "it holds more values than are kept of one file", {}});
  }
}

void describe_tensors(const TensorFile& file, const ScanResult& scan, const InspectOptions& options,
                      FileReport& report) {
  std::map<std::tuple<std::size_t, std::uint64_t, std::uint64_t>, std::size_t> first_with;
  std::uint64_t all = 1;
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    const TensorEntry& tensor = file.tensors[i];
    TensorReport out;
    out.name = tensor.name;
    out.dtype = std::string(to_string(tensor.dtype));
    out.shape = tensor.shape;
    out.bytes =
        tensor.opaque ? file.storages[tensor.storage].bytes : tensor.elements() * size_of(tensor.dtype);
    out.hash = scan.tensors[i].hash;
    if (scan.tensors[i].moments) out.statistics = scan.tensors[i].moments->statistics();
    if (tensor.strides.empty() && out.bytes != 0) {
      const auto [known, fresh] =
          first_with.try_emplace({tensor.storage, tensor.first * size_of(tensor.dtype), out.bytes}, i);
      if (!fresh) out.same_as = file.tensors[known->second].name;
    }
    ContentHash name;
    name.add(reinterpret_cast<const std::uint8_t*>(out.name.data()), out.name.size());
    all = mix_hash(mix_hash(all, name.value()), out.hash);
    for (const std::int64_t size : out.shape) all = mix_hash(all, static_cast<std::uint64_t>(size));
    all = mix_hash(all, static_cast<std::uint64_t>(tensor.dtype));
    if (report.tensors.size() < options.max_tensors) {
      report.tensors.push_back(std::move(out));
    } else {
      ++report.tensors_left_out;
    }
  }
  if (!file.tensors.empty()) report.hash = all;
}

void read_as_tensors(const ByteSource& source, const InspectOptions& options, FileReport& report) {
  const auto read = read_tensors(source, report.path);
  if (!read) return set(report, read.error());
  report.kind = read->file.kind;
  report.verdict = Verdict::ok;
  report.values = read->file.values;
  report.globals = read->file.globals;
  const ScanResult scan = scan_tensors(source, *read, options);
  if (scan.short_read) {
    return set(report, {Verdict::in_progress, "it became shorter while it was read, " + *scan.short_read});
  }
  describe_tensors(read->file, scan, options, report);
  judge_checksums(*read, scan, report);
  find_hostile_globals(read->file, report);
  if (report.verdict == Verdict::ok) find_in_tensors(read->file, report);
}

/// The kind that a broken file was meant to be, as far as its first bytes tell.
FileKind guess_kind(const ByteSource& source, const std::string& name) {
  const std::string head = source.bytes(0, 4);
  if (head == "PK\x03\x04") return FileKind::torch_zip;
  if (!head.empty() && head[0] == '\x80') return FileKind::torch_legacy;
  return name.ends_with(".safetensors") ? FileKind::safetensors : FileKind::unknown;
}

}  // namespace

FileReport inspect_bytes(const ByteSource& source, const std::string& name, const InspectOptions& options) {
  FileReport report;
  report.path = name;
  report.size = source.size();
  try {
    if (source.size() == 0) {
      report.kind = FileKind::empty;
      report.verdict = Verdict::damaged;
      report.reason = "empty: 0 bytes";
    } else if (read_lfs_pointer(source, report)) {
    } else if (name.ends_with(".json")) {
      read_json(source, report);
    } else {
      read_as_tensors(source, options, report);
    }
  } catch (const std::bad_alloc&) {
    report.tensors.clear();
    report.verdict = Verdict::refused;
    report.reason = "refused: reading it needs more memory than is allowed";
  }
  if (report.kind == FileKind::unknown) report.kind = guess_kind(source, name);
  return report;
}

FileReport inspect_file(const std::string& path, const InspectOptions& options) {
  auto source = FileSource::open(path);
  if (!source) {
    FileReport report;
    report.path = path;
    report.reason = source.error().what;
    return report;
  }
  FileReport report = inspect_bytes(*source, path, options);
  const FileSource::Identity& identity = source->identity();
  report.modified_ns = identity.modified_ns;
  report.inode = identity.inode;
  report.device = identity.device;
  // A verdict on a file that somebody is writing says nothing, whatever it was.
  if (source->identity_now() != identity) {
    set(report, {Verdict::in_progress, "it changed while it was read"});
  } else if (source->has_writer()) {
    set(report, {Verdict::in_progress,
                 fmt::format("somebody has it open for writing; {} bytes so far", commas(report.size))});
  }
  if (report.verdict == Verdict::in_progress) report.findings.clear();
  return report;
}

}  // namespace redflag::tensors
