#include "daemon/forward/weights.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <thread>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

namespace redflag::forward {
namespace {

/// Runs work(0), …, work(count - 1), each on a thread; the first exception of any comes back.
void in_parallel(std::int64_t count, const std::function<void(std::int64_t)>& work) {
  if (count <= 1) return count == 1 ? work(0) : void();
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(count));
  std::vector<std::jthread> threads;
  for (std::int64_t i = 0; i < count; ++i) {
    threads.emplace_back([&work, &thrown, i] {
      try {
        at::set_num_threads(1);  // OpenMP keeps this per thread
        work(i);
      } catch (...) {
        thrown[static_cast<std::size_t>(i)] = std::current_exception();
      }
    });
  }
  threads.clear();
  for (const std::exception_ptr& one : thrown)
    if (one) std::rethrow_exception(one);
}

}  // namespace

const Located& Weights::at(const std::string& name) const {
  const auto found = binding_.tensors.find(name);
  if (found == binding_.tensors.end()) throw ReadProblem(fmt::format("{} was not found", name));
  return found->second;
}

at::Tensor Weights::vector(const std::string& name) {
  return reader().whole(at(name));
}

at::Tensor Weights::embedding(const std::string& name, const std::vector<std::int64_t>& ids) {
  const Located& table = at(name);
  at::Tensor out = at::empty({static_cast<std::int64_t>(ids.size()), table.entry->shape.at(1)}, at::kFloat);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= table.entry->shape[0])
      throw ReadProblem(
          fmt::format("{} has {} rows, row {} is asked for", name, table.entry->shape[0], ids[i]));
    out[static_cast<std::int64_t>(i)].copy_(reader().rows(table, ids[i], 1)[0]);
  }
  return out;
}

at::Tensor Weights::project(const at::Tensor& x, const std::string& name) {
  const Located& weight = at(name);
  const std::int64_t rows = weight.entry->shape.at(0);
  if (!weight.contiguous()) return at::matmul(x, reader().whole(weight).t());
  at::Tensor y = at::empty({x.size(0), rows}, at::kFloat);
  const std::int64_t block = TensorReader::rows_per_block(weight);
  const auto workers =
      std::min<std::int64_t>(static_cast<std::int64_t>(readers_.size()), (rows + block - 1) / block);
  in_parallel(workers, [&](std::int64_t worker) {
    TensorReader& mine = readers_[static_cast<std::size_t>(worker)];
    for (std::int64_t first = worker * block; first < rows; first += workers * block) {
      const std::int64_t count = std::min(block, rows - first);
      y.narrow(1, first, count).copy_(at::matmul(x, mine.rows(weight, first, count).t()));
    }
  });
  return y;
}

at::Tensor Weights::linear(const at::Tensor& x, const std::string& module) {
  return finish(project(x, module + ".weight"), x, module);
}

at::Tensor Weights::conv1d(const at::Tensor& x, const std::string& module) {
  const Located& weight = at(module + ".weight");
  const std::int64_t rows = weight.entry->shape.at(0);
  if (!weight.contiguous()) return finish(at::matmul(x, reader().whole(weight)), x, module);
  at::Tensor y = at::zeros({x.size(0), weight.entry->shape.at(1)}, at::kFloat);
  const std::int64_t block = TensorReader::rows_per_block(weight);
  for (std::int64_t first = 0; first < rows; first += block) {
    const std::int64_t count = std::min(block, rows - first);
    y.addmm_(x.narrow(1, first, count), reader().rows(weight, first, count));
  }
  return finish(std::move(y), x, module);
}

at::Tensor Weights::finish(at::Tensor y, const at::Tensor& x, const std::string& module) {
  if (has(module + ".bias")) y.add_(vector(module + ".bias"));
  const auto term = binding_.lora.find(module);
  if (term == binding_.lora.end()) return y;
  const at::Tensor inner = at::matmul(x, reader().whole(term->second.a).t());
  y.add_(at::matmul(inner, reader().whole(term->second.b).t()), term->second.scaling);
  return y;
}

at::Tensor Weights::layer_norm(const at::Tensor& x, const std::string& module, double epsilon) {
  return at::layer_norm(x, {x.size(-1)}, vector(module + ".weight"), vector(module + ".bias"), epsilon);
}

at::Tensor Weights::rms_norm(const at::Tensor& x, const std::string& name, double epsilon) {
  const at::Tensor variance = x.pow(2).mean(-1, true);
  return vector(name) * (x * at::rsqrt(variance + epsilon));
}

}  // namespace redflag::forward
