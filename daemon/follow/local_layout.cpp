#include "daemon/follow/local_layout.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "rules/values/glob.h"

namespace redflag::daemon::follow {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
}

/// "run-20261123_025156-small001" → "small001".
std::string_view wandb_run_id(std::string_view name) {
  if (name.starts_with("offline-")) name.remove_prefix(8);
  if (!name.starts_with("run-")) return {};
  name.remove_prefix(4);
  if (name.size() < 17 || name[8] != '_' || name[15] != '-') return {};
  if (!all_digits(name.substr(0, 8)) || !all_digits(name.substr(9, 6))) return {};
  return name.substr(16);
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_part_of_data(std::string_view name) {
  constexpr std::array kNames{"train", "validation", "val", "eval", "test", "valid"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

/// add_hparams writes into a directory named by the time: "1764212345.678".
bool is_timestamp(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot != std::string_view::npos && dot >= 9 && all_digits(name.substr(0, dot)) &&
         all_digits(name.substr(dot + 1));
}

void place_tensorboard(std::string_view directory, LocalPlace& place) {
  if (is_timestamp(name_of(directory))) directory = parent_of(directory);
  if (is_part_of_data(name_of(directory))) {
    place.prefix = std::string(name_of(directory)) + '/';
    directory = parent_of(directory);
  } else if (name_of(parent_of(directory)) == "runs" && !parent_of(parent_of(directory)).empty()) {
    directory = parent_of(parent_of(directory));  // HF: output_dir/runs/DATE_HOST
  }
  place.group = directory;
}

}  // namespace

std::string_view source_of(LocalKind kind) {
  switch (kind) {
    case LocalKind::none:
      return "";
    case LocalKind::wandb:
      return "wandb_file";
    case LocalKind::console:
      return "console";
    case LocalKind::trainer_state:
      return "trainer_state";
    case LocalKind::json_lines:
      return "trainer_log";
    case LocalKind::tensorboard:
      return "tensorboard";
  }
  return "";
}

std::int64_t checkpoint_number(std::string_view name) {
  constexpr std::string_view kPrefix = "checkpoint-";
  std::int64_t number = -1;
  if (!name.starts_with(kPrefix) || !all_digits(name.substr(kPrefix.size()))) return -1;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), number);
  return number;
}

std::string working_directory_of(std::string_view wandb_run_directory) {
  const std::string_view parent = parent_of(wandb_run_directory);
  const std::string_view name = name_of(parent);
  return name == "wandb" || name == ".wandb" ? std::string(parent_of(parent)) : std::string();
}

LocalPlace local_place(std::string_view path, const std::vector<std::string>& logs) {
  LocalPlace place;
  const std::string_view directory = parent_of(path);
  const std::string_view name = name_of(path);
  // The outermost run directory above the file, if there is one.
  std::string_view run_directory;
  for (std::size_t at = 1; at < path.size(); ++at) {
    const std::size_t end = path.find('/', at);
    if (end == std::string_view::npos) break;
    if (const std::string_view id = wandb_run_id(path.substr(at, end - at)); !id.empty()) {
      run_directory = path.substr(0, end);
      place.wandb_id = id;
      break;
    }
    at = end;
  }
  if (name.ends_with(".wandb") && name.size() > 6) {
    place.kind = LocalKind::wandb;
    place.group = run_directory;
    if (!run_directory.empty() && directory != run_directory) place.kind = LocalKind::none;
    if (run_directory.empty()) {
      place.group = path;
      place.lone = true;
    }
    return place;
  }
  if (name == "trainer_state.json") {
    place.kind = LocalKind::trainer_state;
    place.group = checkpoint_number(name_of(directory)) >= 0 ? parent_of(directory) : directory;
  } else if (name == "trainer_log.jsonl") {
    place.kind = LocalKind::json_lines;
    place.group = directory;
  } else if (name.find("tfevents") != std::string_view::npos && !name.ends_with(".profile-empty")) {
    place.kind = LocalKind::tensorboard;
    place_tensorboard(directory, place);
  } else if (std::any_of(logs.begin(), logs.end(), [&](const auto& g) { return glob_match(g, path); })) {
    place.kind = LocalKind::console;
    place.group = path;
    place.lone = true;
  } else if (name == "output.log") {
    place.kind = LocalKind::console;
    place.group = directory;
    if (!run_directory.empty() && directory != std::string(run_directory) + "/files")
      place.kind = LocalKind::none;
  }
  if (!run_directory.empty() && place.kind != LocalKind::none) {
    place.group = run_directory;
    place.lone = false;
  } else if (run_directory.empty()) {
    place.wandb_id.clear();
  }
  return place;
}

}  // namespace redflag::daemon::follow
