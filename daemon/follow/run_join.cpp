#include "daemon/follow/run_join.h"

#include <algorithm>
#include <filesystem>

namespace redflag::daemon::follow {
namespace {

/// Clocks of the two machines differ, and the service's heartbeat is the time of arrival.
constexpr Duration kClocks = std::chrono::minutes{5};

Time earlier_known(Time a, Time b) {
  if (a == Time{}) return b;
  return b == Time{} ? a : std::min(a, b);
}

RunState joined_state(const RunInfo& service, const RunInfo& disk, Time disk_sign, Time now) {
  const bool over_there = has_ended(service.state);
  const bool over_here = has_ended(disk.state);
  if (over_here && over_there) {
    // Here "crashed" is what we made of silence; there may be a word of its own.
    return disk.state == RunState::crashed ? service.state : disk.state;
  }
  if (over_here) {
    // It goes on elsewhere when the service has heard of it since.
    const Time ended = std::max(disk.heartbeat_at, disk_sign);
    return service.state != RunState::unknown && service.heartbeat_at > ended + kClocks ? service.state
                                                                                        : disk.state;
  }
  if (over_there) {
    // Crashed, as seen from there, is a lost connection as often as a lost run.
    const bool heard_of_the_end = service.state == RunState::finished || service.state == RunState::failed;
    const bool lives =
        disk_sign != Time{} && disk_sign > service.heartbeat_at + kClocks && now - disk_sign < kDiskOutweighs;
    return lives && !heard_of_the_end ? RunState::running : service.state;
  }
  return service.state == RunState::unknown ? disk.state : service.state;
}

}  // namespace

std::vector<std::string> directories_of(const nlohmann::json& config, const std::string& working_directory) {
  std::vector<std::string> found;
  const auto look = [&](const nlohmann::json& section) {
    for (const char* const name : {"output_dir", "logging_dir"}) {
      const auto value = section.find(name);
      if (value == section.end() || !value->is_string()) continue;
      std::filesystem::path path = value->get<std::string>();
      if (path.empty() || (path.is_relative() && working_directory.empty())) continue;
      if (path.is_relative()) path = std::filesystem::path(working_directory) / path;
      std::string text = path.lexically_normal().string();
      while (text.size() > 1 && text.back() == '/') text.pop_back();
      if (text != "/" && std::find(found.begin(), found.end(), text) == found.end()) found.push_back(text);
    }
  };
  if (!config.is_object()) return found;
  look(config);
  for (const auto& [name, section] : config.items()) {
    if (section.is_object()) look(section);
  }
  return found;
}

RunInfo join_run(const RunSides& sides, Time now) {
  if (!sides.service) return *sides.disk;
  if (!sides.disk) return *sides.service;
  const RunInfo& disk = *sides.disk;
  RunInfo run = *sides.service;
  if (run.name.empty() || run.name == run.id) run.name = disk.name.empty() ? run.name : disk.name;
  if (run.group.empty()) run.group = disk.group;
  if (run.job_type.empty()) run.job_type = disk.job_type;
  if (run.tags.empty()) run.tags = disk.tags;
  if (run.project.empty()) run.project = disk.project;
  if (run.config.empty()) run.config = disk.config;
  run.created_at = earlier_known(run.created_at, disk.created_at);
  run.heartbeat_at = std::max(run.heartbeat_at, disk.heartbeat_at);
  run.state = joined_state(*sides.service, disk, sides.disk_sign, now);
  run.historic = run.historic && disk.historic;
  derive_identity(run);
  return run;
}

}  // namespace redflag::daemon::follow
