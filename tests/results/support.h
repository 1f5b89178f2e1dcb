// Shared by the results tests: a scratch directory that cleans up after itself, and small valid files of each
// format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "daemon/results/tree_watcher.h"

namespace redflag::daemon::test {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "redflag-results-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a scratch directory");
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void put(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string little_endian(std::uint64_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

/// A zip as torch.save lays it out: stored entries, a central directory, an end record; 64-bit records on
/// demand.
inline std::string torch_zip(std::size_t payload, bool wide = false, const std::string& comment = {}) {
  std::string body;
  std::string directory;
  for (const std::string name : {"archive/data.pkl", "archive/data/0"}) {
    const std::string data(name == "archive/data.pkl" ? 40 : payload, 'x');
    directory += "PK\x01\x02" + std::string(16, '\0') + little_endian(data.size(), 4) +
                 little_endian(data.size(), 4) + little_endian(name.size(), 2) + std::string(12, '\0') +
                 little_endian(body.size(), 4) + name;
    body += "PK\x03\x04" + std::string(14, '\0') + little_endian(data.size(), 4) +
            little_endian(data.size(), 4) + little_endian(name.size(), 2) + std::string(2, '\0') + name +
            data;
  }
  const std::uint64_t at = body.size();
  std::string out = body + directory;
  if (wide) {
    const std::uint64_t record = out.size();
    out += "PK\x06\x06" + little_endian(44, 8) + std::string(12, '\0') + little_endian(2, 8) +
           little_endian(2, 8) + little_endian(directory.size(), 8) + little_endian(at, 8);
    out += "PK\x06\x07" + std::string(4, '\0') + little_endian(record, 8) + little_endian(1, 4);
  }
  return out + "PK\x05\x06" + std::string(4, '\0') + little_endian(wide ? 0xffff : 2, 2) +
         little_endian(wide ? 0xffff : 2, 2) + little_endian(wide ? 0xffffffffU : directory.size(), 4) +
         little_endian(wide ? 0xffffffffU : at, 4) + little_endian(comment.size(), 2) + comment;
}

inline std::string safetensors(const std::string& header, std::size_t data) {
  return little_endian(header.size(), 8) + header + std::string(data, 'd');
}

inline std::string metadata(std::int64_t step, const std::string& method, const std::string& task,
                            int layers) {
  std::string names;
  std::string shapes;
  for (int i = 0; i < layers; ++i) {
    const std::string comma = i == 0 ? "" : ", ";
    names += comma + "\"layer_" + std::to_string(i) + "\"";
    shapes += comma + "\"layer_" + std::to_string(i) + "\": [100, 512]";
  }
  return R"({"step": )" + std::to_string(step) + R"(, "task_name": ")" + task + R"(", "method": ")" + method +
         R"(", "timestamp": "2025-09-22T19:28:53", "num_samples": 100, "layer_names": [)" + names +
         R"(], "tensor_shapes": {)" + shapes + "}}";
}

}  // namespace redflag::daemon::test
