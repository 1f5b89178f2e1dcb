#include "daemon/host/process_text.h"

#include <algorithm>
#include <array>
#include <functional>

#include "daemon/host/small_file.h"

namespace redflag::daemon {
namespace {

std::string_view last_part(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

/// Each NUL-ended piece, until `each` says true; true then.
bool any_piece(std::string_view text, const std::function<bool(std::string_view)>& each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    if (each(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

std::string_view value_of(std::string_view argument) {
  if (!argument.starts_with('-') && argument.find('/') < argument.find('=')) return argument;
  const std::size_t equals = argument.find('=');
  return equals == std::string_view::npos ? argument : argument.substr(equals + 1);
}

bool python_like(std::string_view name) {
  return name.starts_with("python") || name.starts_with("pypy") || name.starts_with("pt_") ||
         name.starts_with("torchrun") || name.starts_with("accelerate") || name.starts_with("deepspeed") ||
         name.starts_with("ray::");
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2)
    return std::nullopt;
  const auto pid = leading_number(text);
  if (!pid || *pid > 0x7fffffff) return std::nullopt;
  ProcessStat stat;
  stat.pid = static_cast<std::int64_t>(*pid);
  stat.command = std::string(text.substr(open + 2, close - open - 2));
  std::string_view rest = text.substr(close + 2);
  // From here fields by number, the state being the third of all.
  std::array<std::string_view, 25> fields{};
  for (std::size_t number = 3; number < fields.size(); ++number) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    fields[number] = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto threads = leading_number(fields[20]);
  const auto start = leading_number(fields[22]);
  const auto rss = leading_number(fields[24]);
  if (fields[3].size() != 1 || !threads || !start || !rss) return std::nullopt;
  stat.state = fields[3][0];
  stat.parent = static_cast<std::int64_t>(leading_number(fields[4]).value_or(0));
  stat.threads = static_cast<std::uint32_t>(std::min<std::uint64_t>(*threads, 10'000'000));
  stat.start_ticks = *start;
  stat.rss_pages = std::min<std::uint64_t>(*rss, std::uint64_t{1} << 44);
  return stat;
}

std::string environment_value(std::string_view environ, std::string_view name) {
  std::string value;
  any_piece(environ, [&](std::string_view piece) {
    const bool it = piece.size() > name.size() && piece.starts_with(name) && piece[name.size()] == '=';
    if (it) value = std::string(piece.substr(name.size() + 1, 256));
    return it;
  });
  return value;
}

bool may_train(std::string_view command, std::string_view command_line) {
  if (python_like(command)) return true;
  // A process may call itself anything (setproctitle); its program is the first argument.
  const std::string_view program = last_part(command_line.substr(0, command_line.find('\0')));
  return python_like(program);
}

std::int64_t wandb_service_of(const ProcessStat& stat, std::string_view command_line) {
  const std::string_view program = last_part(command_line.substr(0, command_line.find('\0')));
  const bool service = stat.command.starts_with("wandb-core") || stat.command.starts_with("wandb-service") ||
                       stat.command.starts_with("gpu_stats") || program.starts_with("wandb-core") ||
                       program.starts_with("wandb-service");
  if (!service) return 0;
  std::uint64_t pid = 0;
  bool next = false;
  any_piece(command_line, [&](std::string_view piece) {
    if (next) pid = leading_number(piece).value_or(0);
    if (piece.starts_with("--pid=")) pid = leading_number(piece.substr(6)).value_or(0);
    next = piece == "--pid";
    if (piece.starts_with("wandb-service(")) {
      const std::size_t dash = piece.find('-', 14);
      if (dash != std::string_view::npos) pid = leading_number(piece.substr(dash + 1)).value_or(0);
    }
    return pid != 0;
  });
  return pid > 0 && pid <= 0x7fffffff ? static_cast<std::int64_t>(pid) : stat.parent;
}

std::string run_id_of_file(std::string_view path) {
  for (std::string_view part = path; !part.empty();) {
    const std::size_t slash = part.find('/');
    const std::string_view name = part.substr(0, slash);
    part.remove_prefix(slash == std::string_view::npos ? part.size() : slash + 1);
    if (slash == std::string_view::npos) break;
    const std::size_t head = name.starts_with("offline-run-") ? 12 : name.starts_with("run-") ? 4 : 0;
    // run-YYYYMMDD_HHMMSS-ID
    if (head == 0 || name.size() < head + 17 || name[head + 8] != '_' || name[head + 15] != '-') continue;
    const std::string id(name.substr(head + 16));
    const std::string_view file = part;
    if (file == "run-" + id + ".wandb" || file == "files/output.log" || file.starts_with("logs/")) return id;
  }
  return {};
}

bool names_directory(std::string_view command_line, std::string_view directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  // "." or "out" is where many a run writes: too little to go by.
  if (directory.size() < 6) return false;
  return any_piece(command_line, [&](std::string_view piece) {
    const std::string_view value = value_of(piece);
    return value.starts_with(directory) &&
           (value.size() == directory.size() || value[directory.size()] == '/');
  });
}

bool names_run(std::string_view command_line, std::string_view name) {
  if (name.size() < 6) return false;
  return any_piece(command_line, [&](std::string_view piece) { return last_part(value_of(piece)) == name; });
}

std::string spoken_command_line(std::string_view command_line) {
  std::string out(command_line.substr(0, 4096));
  while (out.ends_with('\0')) out.pop_back();
  std::replace(out.begin(), out.end(), '\0', ' ');
  return out;
}

}  // namespace redflag::daemon
