// torch.save's zip (NAME/data.pkl, NAME/data/KEY, NAME/version, …) and TorchScript's (with NAME/code/ and
// constants.pkl). Source: caffe2/serialize/inline_container.h of PyTorch, versions 1.6 to 2.x.
#pragma once

#include "daemon/tensors/zip_directory.h"

namespace redflag::tensors {

struct TorchZip {
  TensorFile file;
  std::vector<ZipEntry> entries;  ///< every byte of which has a checksum
};

tl::expected<TorchZip, ReadFailure> read_torch_zip(const ByteSource& source);

}  // namespace redflag::tensors
