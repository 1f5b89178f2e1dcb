// safetensors: eight bytes of length, a JSON header, the tensors' bytes without hole or overlap.
// Format: https://github.com/huggingface/safetensors, README, "Format".
#pragma once

#include "daemon/tensors/tensor_file.h"

namespace redflag::tensors {

/// Headers over 32 MB (some 300,000 tensors) are refused, though the format allows 100 MB.
tl::expected<TensorFile, ReadFailure> read_safetensors(const ByteSource& source);

}  // namespace redflag::tensors
