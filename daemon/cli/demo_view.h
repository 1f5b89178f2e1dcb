// What the demo shows of the daemon's log as it happens, and what it counts for the summary.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "rules/values/time.h"

namespace redflag::daemon {

class DemoView {
 public:
  /// `json`: print the alerts as JSON lines and nothing else.
  DemoView(bool json, bool colour, Time start) : json_(json), colour_(colour), start_(start) {}

  /// One line of redflagd's JSON log.
  void take(std::string_view line);

  /// Rules that fired as critical, by the run's name; what belongs to no run is under "".
  const std::map<std::string, std::set<std::string>>& critical() const { return critical_; }
  const std::map<std::string, std::set<std::string>>& warnings() const { return warnings_; }
  std::size_t alerts() const { return alerts_; }

 private:
  void take_alert(const nlohmann::json& alert, std::string_view raw);
  void print(std::string_view time, std::string_view label, std::string_view colour,
             std::string_view text) const;

  bool json_;
  bool colour_;
  Time start_;
  std::map<std::string, std::set<std::string>> critical_;
  std::map<std::string, std::set<std::string>> warnings_;
  std::size_t alerts_ = 0;
};

}  // namespace redflag::daemon
