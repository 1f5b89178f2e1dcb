#include "daemon/monitor/alive_mark.h"

#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/text/clean.h"

namespace redflag::daemon {
namespace {

/// An upgrade or a restart by hand is shorter.
constexpr Duration kWorthSaying = std::chrono::minutes{5};
constexpr std::size_t kNames = 10;

}  // namespace

std::string encode(const AliveMark& mark) {
  return nlohmann::json{
      {"time", mark.time.time_since_epoch().count()}, {"boot", mark.boot}, {"stopped", mark.stopped}}
      .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::optional<AliveMark> decode_alive_mark(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("time") || !json["time"].is_number_integer()) return std::nullopt;
  AliveMark mark;
  mark.time = Time{Duration{json["time"].get<std::int64_t>()}};
  if (json.contains("boot") && json["boot"].is_string()) mark.boot = json["boot"].get<std::string>();
  mark.stopped = json.contains("stopped") && json["stopped"] == true;
  return mark;
}

std::optional<AbsenceNotice> absence_notice(const AliveMark& last, Time now, const std::string& boot,
                                            const std::vector<std::string>& live) {
  if (now < last.time + kWorthSaying) return std::nullopt;
  const bool rebooted = !boot.empty() && !last.boot.empty() && boot != last.boot;
  const char* why = rebooted       ? "the machine was restarted"
                    : last.stopped ? "it had been stopped"
                                   : "it had been killed or had crashed";
  const auto second = [](Time time) { return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)); };
  AbsenceNotice notice;
  notice.title = fmt::format("redflag was away for {}", human_duration(now - last.time));
  notice.text = fmt::format("Nothing was watched from {} to {}: {}.", second(last.time), second(now), why);
  if (live.empty()) {
    notice.text += " No run was live when it was last seen.";
  } else {
    notice.text += fmt::format("\n{} live then: ", live.size() == 1 ? "Run" : "Runs");
    for (std::size_t i = 0; i < std::min(live.size(), kNames); ++i)
      notice.text += (i == 0 ? "" : ", ") + alerts::clean(live[i], 100);
    if (live.size() > kNames) notice.text += fmt::format(" and {} more", live.size() - kNames);
    notice.text += ".";
  }
  notice.text += "\nSources are read on from where they were left: what W&B and the disk kept is judged now.";
  return notice;
}

std::string system_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace redflag::daemon
