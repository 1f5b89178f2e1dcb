// The weights of a model as a forward pass uses them: read from the file when they are needed, in blocks that
// stay in the processor's cache, so that a model of any size takes little memory. Adapters are applied, not
// merged.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "daemon/forward/binding.h"
#include "daemon/forward/tensor_reader.h"

namespace redflag::forward {

class Weights {
 public:
  /// `binding` must be complete() and outlive this. Large matrices are worked on by `threads` threads of our
  /// own: those of OpenMP and OpenBLAS wait by spinning, which took 40 times longer beside a busy trainer.
  /// What comes out does not depend on their number.
  Weights(const Binding& binding, std::uint64_t limit_bytes, int threads)
      : binding_(binding),
        readers_(static_cast<std::size_t>(std::max(threads, 1)), TensorReader(limit_bytes)) {}

  /// Names are those of expected_tensors(). All may throw ReadProblem and c10::Error.
  bool has(const std::string& name) const { return binding_.tensors.contains(name); }
  at::Tensor vector(const std::string& name);
  /// The rows `ids` of a table: [ids, columns].
  at::Tensor embedding(const std::string& name, const std::vector<std::int64_t>& ids);
  /// torch.nn.Linear with its adapter and its bias if it has one. `x` is [tokens, in].
  at::Tensor linear(const at::Tensor& x, const std::string& module);
  /// x W^T alone, for output embeddings.
  at::Tensor project(const at::Tensor& x, const std::string& name);
  /// GPT-2's Conv1D, whose weight is [in, out].
  at::Tensor conv1d(const at::Tensor& x, const std::string& module);
  at::Tensor layer_norm(const at::Tensor& x, const std::string& module, double epsilon);
  at::Tensor rms_norm(const at::Tensor& x, const std::string& name, double epsilon);

 private:
  const Located& at(const std::string& name) const;
  TensorReader& reader() { return readers_.front(); }
  at::Tensor finish(at::Tensor y, const at::Tensor& x, const std::string& module);

  const Binding& binding_;
  std::vector<TensorReader> readers_;  ///< one per thread
};

}  // namespace redflag::forward
