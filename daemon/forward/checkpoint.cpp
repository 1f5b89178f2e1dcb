#include "daemon/forward/checkpoint.h"

#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/forward/json_text.h"
#include "daemon/forward/outcome.h"

namespace redflag::forward {
namespace {

bool exists(const std::string& directory, const std::string& name) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(directory + "/" + name, ignored);
}

/// A name in an index may be anything; only a plain one stays in the directory.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name.find('\0') == std::string::npos &&
         name != "." && name != "..";
}

tl::unexpected<Error> malformed(const std::string& file, std::string what) {
  return fail(ErrorCode::malformed, "reading " + file, std::move(what));
}

}  // namespace

bool Located::contiguous() const {
  if (entry->strides.empty() || entry->elements() == 0) return true;
  std::int64_t expected = 1;
  for (std::size_t i = entry->shape.size(); i-- > 0;) {
    if (entry->shape[i] != 1 && (i >= entry->strides.size() || entry->strides[i] != expected)) return false;
    expected *= entry->shape[i];
  }
  return true;
}

std::uint64_t Located::offset() const {
  return storage->offset + entry->first * tensors::size_of(entry->dtype);
}

std::vector<WeightFormat> weight_formats(const std::string& directory, const std::string& stem) {
  std::vector<WeightFormat> formats;
  const std::string bin = (stem == "model" ? "pytorch_model" : stem) + ".bin";
  for (const auto& [format, file] :
       {std::pair<std::string, std::string>{"safetensors", stem + ".safetensors"},
        std::pair<std::string, std::string>{"bin", bin}}) {
    if (exists(directory, file)) {
      formats.push_back({format, file, false});
    } else if (exists(directory, file + ".index.json")) {
      formats.push_back({format, file + ".index.json", true});
    }
  }
  return formats;
}

Result<WeightSet> WeightSet::open(const std::string& directory, const WeightFormat& format) {
  WeightSet set;
  if (format.sharded) {
    if (const Result<void> opened = set.open_shards(directory, format.main); !opened)
      return tl::unexpected<Error>(opened.error());
    return set;
  }
  const Result<const File*> file = set.add_file(directory, format.main);
  if (!file) return tl::unexpected<Error>(file.error());
  if (const Result<void> added = set.add_all_tensors(**file); !added)
    return tl::unexpected<Error>(added.error());
  return set;
}

Result<const WeightSet::File*> WeightSet::add_file(const std::string& directory, const std::string& name) {
  Result<tensors::FileSource> source = tensors::FileSource::open(directory + "/" + name);
  if (!source) return tl::unexpected<Error>(std::move(source.error()));
  auto file = std::make_unique<File>(std::move(*source));
  file->name = name;
  auto content = tensors::read_tensor_file(file->source);
  if (!content) {
    const tensors::Verdict verdict = content.error().verdict;
    const bool waiting = verdict == tensors::Verdict::refused || verdict == tensors::Verdict::in_progress;
    return fail(waiting ? ErrorCode::unavailable : ErrorCode::malformed, "reading " + name,
                one_line(content.error().reason), {}, waiting);
  }
  file->content = std::move(*content);
  files_.push_back(std::move(file));
  return files_.back().get();
}

Result<void> WeightSet::add_all_tensors(const File& file) {
  for (const tensors::TensorEntry& entry : file.content.tensors) {
    if (entry.storage >= file.content.storages.size()) return malformed(file.name, "a tensor has no storage");
    const Located located{&file.source, &file.content.storages[entry.storage], &entry};
    if (!tensors_.emplace(entry.name, located).second)
      return malformed(file.name, fmt::format("there are two tensors {}", one_line(entry.name)));
  }
  return {};
}

/// Every tensor is taken from where it is; the index is then held against that.
Result<void> WeightSet::open_shards(const std::string& directory, const std::string& index_name) {
  const Result<nlohmann::json> index = read_json_object(directory + "/" + index_name);
  if (!index) return tl::unexpected<Error>(index.error());
  const auto map = index->find("weight_map");
  if (map == index->end() || !map->is_object()) return malformed(index_name, "it has no weight_map");

  std::set<std::string> shards;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string() || !is_plain_name(shard.get_ref<const std::string&>()))
      return malformed(index_name, fmt::format("the shard of {} is no file name", one_line(name)));
    shards.insert(shard.get<std::string>());
  }
  std::map<std::string, std::string, std::less<>> places;
  for (const std::string& shard : shards) {
    const Result<const File*> file = add_file(directory, shard);
    if (!file) return tl::unexpected<Error>(file.error());
    if (const Result<void> added = add_all_tensors(**file); !added) return added;
    for (const tensors::TensorEntry& entry : (*file)->content.tensors) places.emplace(entry.name, shard);
  }

  std::map<std::string, std::map<std::string, std::size_t>> moved;
  std::vector<std::string> missing;
  for (const auto& [name, shard] : map->items()) {
    const auto place = places.find(name);
    if (place == places.end()) {
      missing.push_back(name);
    } else if (place->second != shard.get_ref<const std::string&>()) {
      ++moved[shard.get<std::string>()][place->second];
    }
  }
  note_misplaced(moved, missing);
  return {};
}

void WeightSet::note_misplaced(const std::map<std::string, std::map<std::string, std::size_t>>& moved,
                               const std::vector<std::string>& missing) {
  BoundedFindings findings("forward_missing_tensor", Severity::critical);
  for (const auto& [shard, others] : moved) {
    for (const auto& [other, count] : others) {
      const auto back = moved.find(other);
      const bool swapped = back != moved.end() && back->second.contains(shard);
      findings.add(fmt::format("{} {} that the index places in {} {} in {}{}", count,
                               count == 1 ? "tensor" : "tensors", shard, count == 1 ? "is" : "are", other,
                               swapped ? ": the two shards are swapped" : ""),
                   shard);
    }
  }
  for (const std::string& name : missing)
    findings.add(fmt::format("the index lists {}, and no shard holds it", one_line(name)), name);
  findings.move_to(findings_);
}

const Located* WeightSet::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::string WeightSet::changed() const {
  for (const auto& file : files_)
    if (file->source.identity_now() != file->source.identity())
      return file->name + " changed while it was read";
  return {};
}

}  // namespace redflag::forward
