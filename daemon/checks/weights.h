// The weights in a checkpoint's directory: one file or shards with an index, in one format or two. Names as
// save_pretrained of transformers and peft writes them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/checks/contents.h"
#include "daemon/checks/files.h"

namespace redflag::checks {

struct Weight {
  const TensorReport* tensor = nullptr;
  std::string file;  ///< its file's name
};

/// Weights that are loaded together.
struct WeightSet {
  std::string label;     ///< "model.safetensors", "pytorch_model.bin" (shards too): what messages call it
  bool adapter = false;  ///< adapter_model.*
  bool sharded = false;
  const FileView* index = nullptr;
  std::vector<const FileView*> files;
  std::map<std::string, std::vector<Weight>> tensors;  ///< by name; more than one when shards repeat it

  /// Are all its files there and whole, and every tensor of theirs in the reports?
  bool complete = false;
};

/// The sets of `files`, the one that transformers would load first in front. `files` must outlive them.
std::vector<WeightSet> weight_sets(const std::vector<FileView>& files);

/// Shards against their index: missing ones, ones that it does not name, tensors in another shard than it
/// says, repeated tensors, total_size.
void check_shards(WeightSet& set, DirectoryReport& out);

/// Do two sets hold the same weights? Tied ones may be stored once or twice.
void check_formats(const WeightSet& a, const WeightSet& b, std::vector<Finding>& out);

/// All its tensors, each name once, in the order of their names.
std::vector<NamedTensor> tensors_of(const WeightSet& set);

/// A buffer or mask that some versions save and others do not, and that no loading needs.
bool is_buffer(std::string_view name);

}  // namespace redflag::checks
