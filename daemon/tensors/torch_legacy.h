// torch.save before 1.6, and with _use_new_zipfile_serialization=False: five pickles (magic number, protocol,
// system, the object, the storages' keys), then each storage's bytes. Source: torch/serialization.py,
// _legacy_save. A pickle that does not begin with the magic number is read as a plain one.
#pragma once

#include "daemon/tensors/tensor_file.h"

namespace redflag::tensors {

tl::expected<TensorFile, ReadFailure> read_torch_legacy(const ByteSource& source);

}  // namespace redflag::tensors
