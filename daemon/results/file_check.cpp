// Which check a file gets, and the verdicts that need no format: empty, tiny, a git-LFS pointer.
#include "daemon/results/file_check.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/results/bounded_json.h"
#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

constexpr std::uint64_t kMaxParsedJson = 4'000'000;

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

CheckResult lfs_pointer(std::string_view head) {
  std::string real;
  const std::size_t at = head.find("\nsize ");
  if (at != std::string_view::npos) {
    for (char c : head.substr(at + 6, 18)) {
      if (c < '0' || c > '9') break;
      real += c;
    }
  }
  return {Verdict::lfs_pointer,
          real.empty() ? std::string("a git-LFS pointer, not the file itself: run git lfs pull")
                       : fmt::format("a git-LFS pointer, not the file itself ({} bytes): run git lfs pull",
                                     with_commas(std::stoull(real)))};
}

/// Large JSON files (a long trainer_state.json) are only looked at from both ends.
Result<CheckResult> check_json(FileSystem& files, const std::string& path, std::uint64_t size,
                               const CheckContext& context) {
  if (size > kMaxParsedJson) {
    const auto head = files.read(path, 0, 64);
    if (!head) return tl::unexpected(head.error());
    const auto tail = files.read(path, size - 64, 64);
    if (!tail) return tl::unexpected(tail.error());
    const std::size_t first = head->find_first_not_of(" \t\r\n");
    const std::size_t last = tail->find_last_not_of(" \t\r\n");
    if (first == std::string::npos || (*head)[first] != '{')
      return CheckResult{Verdict::damaged, "is not a JSON object"};
    if (last == std::string::npos || (*tail)[last] != '}') {
      return CheckResult{Verdict::truncated,
                         fmt::format("ends in the middle of its JSON, after {} bytes", with_commas(size))};
    }
    return CheckResult{};
  }
  const auto text = files.read(path, 0, static_cast<std::size_t>(size));
  if (!text) return tl::unexpected(text.error());
  if (context.kind == FileKind::metadata) return check_metadata(*text, context);
  nlohmann::json value;
  if (const auto problem = parse_bounded_json(*text, value)) {
    const Verdict verdict = problem->cut_short ? Verdict::truncated : Verdict::damaged;
    return CheckResult{verdict, fmt::format("{} ({} bytes)", problem->what, with_commas(size))};
  }
  if (!value.is_object()) return CheckResult{Verdict::damaged, "is not a JSON object"};
  return CheckResult{};
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  constexpr std::array<std::string_view, 8> kNames{"ok",      "empty",   "tiny",        "truncated",
                                                   "damaged", "missing", "lfs_pointer", "in_progress"};
  return kNames.at(static_cast<std::size_t>(verdict));
}

Result<CheckResult> check_file(FileSystem& files, const std::string& path, std::uint64_t size,
                               const CheckContext& context) {
  if (size == 0) return CheckResult{Verdict::empty, "empty: 0 bytes"};
  if (size < 1024) {
    const auto head = files.read(path, 0, 1024);
    if (!head) return tl::unexpected(head.error());
    if (head->rfind("version https://git-lfs.github.com/spec/", 0) == 0) return lfs_pointer(*head);
  }
  switch (context.kind) {
    case FileKind::metadata:
    case FileKind::config:
    case FileKind::tokenizer:
    case FileKind::shard_index:
    case FileKind::trainer_state:
      return check_json(files, path, size, context);
    default:
      break;
  }
  auto result =
      ends_with(path, ".safetensors") ? check_safetensors(files, path, size) : check_torch(files, path, size);
  const bool tensor = context.kind == FileKind::layer || context.kind == FileKind::tensor ||
                      context.kind == FileKind::weights;
  if (result && result->verdict == Verdict::ok && tensor && size < kTinyBytes) {
    return CheckResult{Verdict::tiny,
                       fmt::format("suspiciously small: {} bytes, under {}", size, with_commas(kTinyBytes))};
  }
  return result;
}

CheckResult check_metadata(std::string_view text, const CheckContext& context) {
  nlohmann::json value;
  if (const auto problem = parse_bounded_json(text, value)) {
    const Verdict verdict = problem->cut_short ? Verdict::truncated : Verdict::damaged;
    return {verdict, fmt::format("{} ({} bytes)", problem->what, with_commas(text.size()))};
  }
  if (!value.is_object()) return {Verdict::damaged, "is not a JSON object"};
  std::string problems;
  const auto say = [&](const std::string& problem) { problems += (problems.empty() ? "" : "; ") + problem; };
  std::string absent;
  for (const char* key :
       {"step", "task_name", "method", "timestamp", "num_samples", "layer_names", "tensor_shapes"}) {
    if (!value.contains(key)) absent += (absent.empty() ? "" : ", ") + std::string(key);
  }
  if (!absent.empty()) say("lacks " + absent);
  const auto text_of = [&](const char* key) -> std::string {
    return value.contains(key) && value[key].is_string() ? value[key].get<std::string>() : std::string();
  };
  if (value.contains("step")) {
    const auto& step = value["step"];
    const double number = step.is_number() ? step.get<double>() : -1.0;
    if (!step.is_number()) {
      say("step is not a number");
    } else if (context.step >= 0 && number != static_cast<double>(context.step)) {
      say(fmt::format("step is {}, its directory says {}", number, context.step));
    }
  }
  if (value.contains("task_name")) {
    const std::string task = text_of("task_name");
    if (!context.task.empty() && canonical_task(task) != context.task) {
      say(fmt::format("task_name is \"{}\", its directory says {}", printable_path(task).substr(0, 60),
                      context.task));
    }
  }
  if (value.contains("method")) {
    const std::string method = text_of("method");
    if (!context.method.empty() && split_method_task(method + "_x").method != context.method) {
      say(fmt::format("method is \"{}\", its directory says {}", printable_path(method).substr(0, 60),
                      context.method));
    }
  }
  if (value.contains("num_samples") &&
      !(value["num_samples"].is_number() && value["num_samples"].get<double>() > 0)) {
    say("num_samples is not a positive number");
  }
  const bool layers_are_names = value.contains("layer_names") && value["layer_names"].is_array() &&
                                !value["layer_names"].empty() &&
                                std::all_of(value["layer_names"].begin(), value["layer_names"].end(),
                                            [](const auto& each) { return each.is_string(); });
  if (value.contains("layer_names") && !layers_are_names) say("layer_names is not a list of names");
  if (value.contains("tensor_shapes")) {
    const auto& shapes = value["tensor_shapes"];
    if (!shapes.is_object()) {
      say("tensor_shapes is not an object");
    } else if (layers_are_names) {
      std::size_t without = 0;
      std::string first;
      for (const auto& layer : value["layer_names"]) {
        const auto shape = shapes.find(layer.get<std::string>());
        if (shape != shapes.end() && shape->is_array()) continue;
        if (without++ == 0) first = printable_path(layer.get<std::string>()).substr(0, 60);
      }
      if (without != 0) say(fmt::format("tensor_shapes lacks {} of the layers, first {}", without, first));
    }
  }
  if (problems.empty()) return {};
  return {Verdict::damaged, problems};
}

std::vector<std::string> metadata_layers(FileSystem& files, const std::string& path) {
  std::vector<std::string> out;
  const auto text = files.read(path, 0, kMaxParsedJson);
  nlohmann::json value;
  if (!text || parse_bounded_json(*text, value) || !value.is_object()) return out;
  const auto names = value.find("layer_names");
  if (names == value.end() || !names->is_array()) return out;
  for (const auto& name : *names) {
    if (name.is_string() && out.size() < 4096) out.push_back(name.get<std::string>());
  }
  return out;
}

std::vector<std::string> index_shards(FileSystem& files, const std::string& path) {
  const auto text = files.read(path, 0, kMaxParsedJson);
  nlohmann::json value;
  if (!text || parse_bounded_json(*text, value) || !value.is_object()) return {};
  const auto map = value.find("weight_map");
  if (map == value.end() || !map->is_object()) return {};
  std::set<std::string> shards;
  for (const auto& shard : *map) {
    if (shard.is_string() && shards.size() < 4096) shards.insert(shard.get<std::string>());
  }
  return {shards.begin(), shards.end()};
}

}  // namespace redflag::daemon
