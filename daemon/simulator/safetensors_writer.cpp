// u64 length, JSON header padded with spaces to eight bytes, then the tensors without holes.
#include <cstring>

#include <nlohmann/json.hpp>

#include "daemon/simulator/torch_file_writer.h"

namespace redflag::daemon {

Result<std::string> safetensors_file(const std::map<std::string, FloatTensor>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto elements = element_count(tensor.shape);
    if (!elements || *elements != tensor.values.size() || name == "__metadata__") {
      return fail(ErrorCode::invalid_input, "writing a safetensors file",
                  "tensor " + name + ": its shape and values do not agree");
    }
    const std::uint64_t end = offset + *elements * sizeof(float);
    header[name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  out.reserve(sizeof length + text.size() + offset);
  out += text;
  for (const auto& [name, tensor] : tensors) {
    out.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
  }
  return out;
}

}  // namespace redflag::daemon
