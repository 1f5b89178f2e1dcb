// The weight files of a directory, and where in them each tensor lies. Nothing of the tensors' data is read
// here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/tensors/byte_source.h"
#include "daemon/tensors/tensor_file.h"
#include "rules/values/error.h"

namespace redflag::forward {

/// A tensor, and the file that holds its bytes. Points into a WeightSet.
struct Located {
  const tensors::ByteSource* source = nullptr;
  const tensors::StorageEntry* storage = nullptr;
  const tensors::TensorEntry* entry = nullptr;

  /// Where its bytes are contiguous and all there; false for views with strides of their own.
  bool contiguous() const;
  std::uint64_t offset() const;  ///< of its first byte in the file
};

/// One way in which a directory holds its weights.
struct WeightFormat {
  std::string name;  ///< "safetensors" or "bin"
  std::string main;  ///< "model.safetensors", or "model.safetensors.index.json" of shards
  bool sharded = false;
};

/// What `directory` holds under `stem` ("model" or "adapter_model"): safetensors first. As transformers does,
/// a single file goes before shards of the same format. Of "model" the .bin is called pytorch_model.bin.
std::vector<WeightFormat> weight_formats(const std::string& directory, const std::string& stem);

/// The tensors of one format by name.
class WeightSet {
 public:
  /// Errors: malformed (damaged file, index that contradicts itself), not_found (a shard), unavailable
  /// (refused, still being written).
  static Result<WeightSet> open(const std::string& directory, const WeightFormat& format);

  const Located* find(std::string_view name) const;
  const std::map<std::string, Located, std::less<>>& tensors() const { return tensors_; }
  /// Tensors that the index of the shards places in another file than the one they are in, or that are in
  /// none.
  const std::vector<tensors::Finding>& findings() const { return findings_; }
  /// "model.safetensors has changed", or "" as long as the files are those that were opened.
  std::string changed() const;

 private:
  struct File {
    explicit File(tensors::FileSource&& opened) : source(std::move(opened)) {}
    std::string name;
    tensors::FileSource source;
    tensors::TensorFile content;
  };

  Result<const File*> add_file(const std::string& directory, const std::string& name);
  Result<void> add_all_tensors(const File& file);
  Result<void> open_shards(const std::string& directory, const std::string& index_name);
  void note_misplaced(const std::map<std::string, std::map<std::string, std::size_t>>& moved,
                      const std::vector<std::string>& missing);

  std::vector<std::unique_ptr<File>> files_;
  std::map<std::string, Located, std::less<>> tensors_;
  std::vector<tensors::Finding> findings_;
};

}  // namespace redflag::forward
