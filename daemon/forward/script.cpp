#include "daemon/forward/script.h"

#include <algorithm>
#include <functional>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "alerts/text/escape.h"
#include "daemon/forward/torch_error.h"

namespace redflag::forward {
namespace {

using Value = c10::IValue;

constexpr std::size_t kMaxOutputs = 64;

/// Something to try the module on.
struct Input {
  std::string words;
  at::Tensor tensor;
};

Input ids_input(const std::vector<std::int64_t>& ids) {
  const at::Tensor tensor = at::tensor(ids, at::kLong).unsqueeze(0);
  return {fmt::format("token ids [1, {}]", ids.size()), tensor};
}

/// The same numbers every time, between -1 and 1.
Input float_input(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return {fmt::format("float32 [{}]", fmt::join(shape, ", ")),
          at::linspace(-1, 1, count, at::TensorOptions(at::kFloat)).reshape(shape)};
}

/// Token ids first; then what the first weight asks for: a linear layer [out, in], convolutions [out, in, …].
std::vector<Input> inputs_for(const torch::jit::Module& module, const std::vector<std::int64_t>& ids) {
  std::vector<Input> inputs = {ids_input(ids)};
  for (const at::Tensor& parameter : module.parameters()) {
    if (parameter.dim() < 2 || parameter.dim() > 5 || parameter.size(1) > (1 << 20) || parameter.size(1) == 0)
      continue;
    std::vector<std::int64_t> shape = {1, parameter.size(1)};
    for (std::int64_t i = 2; i < parameter.dim(); ++i) shape.push_back(32);
    inputs.push_back(float_input(shape));
    break;
  }
  return inputs;
}

/// `first`, and for what else forward() cannot do without, ones of its shape: masks, mostly.
std::vector<Value> arguments_for(const torch::jit::Module& module, const at::Tensor& first) {
  std::vector<Value> values = {first};
  const auto& parameters = module.get_method("forward").function().getSchema().arguments();
  for (std::size_t i = 2; i < parameters.size(); ++i)
    if (!parameters[i].default_value()) values.emplace_back(at::ones(first.sizes(), at::kLong));
  if (parameters.size() < 2) values.clear();
  return values;
}

void collect(const Value& value, std::vector<at::Tensor>& out, int depth) {
  if (depth > 8 || out.size() >= kMaxOutputs) return;
  if (value.isTensor()) {
    if (value.toTensor().defined()) out.push_back(value.toTensor());
  } else if (value.isTuple()) {
    for (const Value& element : value.toTupleRef().elements()) collect(element, out, depth + 1);
  } else if (value.isList()) {
    for (const Value& element : value.toListRef()) collect(element, out, depth + 1);
  } else if (value.isGenericDict()) {
    for (const auto& element : value.toGenericDict()) collect(element.value(), out, depth + 1);
  }
}

ScriptOutput describe(const at::Tensor& tensor) {
  ScriptOutput out;
  out.shape = tensor.sizes().vec();
  out.dtype = c10::toString(tensor.scalar_type());
  if (tensor.layout() != at::kStrided || tensor.is_quantized()) return out;
  if (tensor.is_floating_point() || tensor.is_complex()) {
    out.nan = static_cast<std::uint64_t>(at::isnan(tensor).sum().item<std::int64_t>());
    const auto finite = static_cast<std::uint64_t>(at::isfinite(tensor).sum().item<std::int64_t>());
    out.infinite = static_cast<std::uint64_t>(tensor.numel()) - out.nan - finite;
  }
  if (tensor.is_complex() || tensor.numel() == 0) return out;
  const at::Tensor flat = tensor.flatten();
  const std::int64_t count = std::min<std::int64_t>(flat.numel(), 256);
  for (std::int64_t i = 0; i < count; ++i)
    out.sample.push_back(flat[count == 1 ? 0 : i * (flat.numel() - 1) / (count - 1)].item<double>());
  return out;
}

/// The first input that the module takes; the error of the first otherwise.
Result<void> run(torch::jit::Module& module, const std::vector<Input>& inputs, ScriptReport& report) {
  std::optional<Error> first_error;
  for (const Input& input : inputs) {
    std::vector<at::Tensor> outputs;
    const Result<void> ran = guarded("running it", [&] {
      outputs.clear();
      collect(module.forward(arguments_for(module, input.tensor)), outputs, 0);
      report.outputs.clear();
      for (const at::Tensor& output : outputs) report.outputs.push_back(describe(output));
    });
    if (ran) {
      report.input = input.words;
      return {};
    }
    if (!first_error) first_error = ran.error();
  }
  return tl::unexpected<Error>(*first_error);
}

void judge(ScriptReport& report) {
  report.status = Status::ok;
  if (report.outputs.empty()) {
    report.status = Status::not_checked;
    report.reason = "its output holds no tensor";
  }
  for (std::size_t i = 0; i < report.outputs.size(); ++i) {
    const ScriptOutput& output = report.outputs[i];
    if (output.nan == 0 && output.infinite == 0) continue;
    report.status = Status::bad;
    report.reason = fmt::format("{} NaN and {} infinite numbers in its output", output.nan, output.infinite);
    report.findings.push_back(
        {"forward_nonfinite", Severity::critical, report.reason, fmt::format("output {}", i)});
  }
}

}  // namespace

ScriptReport check_script(const Arguments& arguments) {
  ScriptReport report;
  torch::jit::Module module;
  std::vector<Input> inputs;
  Result<void> done = guarded("loading it by LibTorch", [&] {
    module = torch::jit::load(arguments.path, at::kCPU);
    module.eval();
    inputs = inputs_for(module, arguments.ids);
  });
  if (done) done = run(module, inputs, report);
  if (done) {
    judge(report);
  } else {
    report.outputs.clear();
    report.reason = one_line(done.error().text());
  }
  return report;
}

Json to_json(const ScriptReport& report) {
  Json outputs = Json::array();
  bool finite = !report.outputs.empty();
  for (const ScriptOutput& output : report.outputs) {
    Json sample = Json::array();
    for (const double value : output.sample) sample.push_back(number_json(value));
    finite = finite && output.nan == 0 && output.infinite == 0;
    outputs.push_back({{"shape", output.shape},
                       {"dtype", output.dtype},
                       {"nan", output.nan},
                       {"inf", output.infinite},
                       {"sample", std::move(sample)}});
  }
  return {{"status", to_string(report.status)},
          {"reason", alerts::escape_utf8(report.reason)},
          {"input", report.input},
          {"finite", report.outputs.empty() ? Json(nullptr) : Json(finite)},
          {"outputs", std::move(outputs)},
          {"findings", findings_json(report.findings)}};
}

}  // namespace redflag::forward
