// From a pickle's nodes to torch's tensors and plain values: which calls make tensors, and of which storage.
// Sources: torch/_utils.py (_rebuild_*), torch/serialization.py (persistent ids), numpy's __reduce__.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/tensors/pickle.h"

namespace redflag::tensors {

/// A storage as the pickle speaks of it; where its bytes lie is for the container to say.
struct ClaimedStorage {
  std::string key;
  DType dtype = DType::uint8;
  std::uint64_t bytes = 0;
};

struct TorchObjects {
  std::vector<ClaimedStorage> storages;
  std::vector<TensorEntry> tensors;  ///< `storage` indexes `storages`, or inline_storages beyond those
  /// Bytes of numpy arrays, inside the pickle itself; appended to the file's storages after the others.
  std::vector<StorageEntry> inline_storages;
  std::vector<std::pair<std::string, Value>> values;
  std::vector<std::string> globals;  ///< "collections.OrderedDict"
  std::vector<std::string> doubtful_calls;
};

/// Walks the nodes once. Failures: a tensor that reaches beyond its storage, nesting over 256 levels, names
/// over 16 MB.
tl::expected<TorchObjects, ReadFailure> find_torch_objects(const ByteSource& source, const Pickle& pickle);

}  // namespace redflag::tensors
