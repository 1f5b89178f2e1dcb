// The kernel's lines gathered to events: what belongs to one kill is one event, what one card says again and
// again is one. An event stays for an hour, that people find it; a storm of them stays bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "daemon/host/kernel_log.h"
#include "daemon/host/kernel_text.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

class KernelEvents {
 public:
  static constexpr std::size_t kMostOpen = 64;
  static constexpr Duration kStays = std::chrono::hours{1};

  /// Who a process was.
  struct Victim {
    std::string run;  ///< key; empty: not known
    bool ours = false;
  };
  using Identify = std::function<Victim(std::uint64_t pid)>;

  KernelEvents(std::string host, Identify identify)
      : host_(std::move(host)), identify_(std::move(identify)) {}

  /// Facts of the events that the lines began or added to, one observation each.
  std::vector<Observation> take(const std::vector<KernelLine>& lines, Time now);
  /// Subjects whose hour is over.
  std::vector<Subject> expire(Time now);

  /// What is open, for the next start: JSON, and back. What cannot be read is left out.
  std::string kept() const;
  void restore(const std::string& kept);

  std::size_t open() const { return events_.size(); }
  /// Events beyond kMostOpen, which nobody was told of one by one.
  std::uint64_t left_out() const { return left_out_; }
  /// Did the kernel kill this process lately?
  bool killed(std::int64_t pid) const;

 private:
  struct Event {
    std::string key;  ///< of the subject
    OomKill kill;
    XidError xid;
    bool is_xid = false;
    std::uint64_t count = 0;
    Time first, last;
    std::string run;
    bool touched = false;
  };
  Event* event_for(const std::string& id, const std::string& key, Time when);
  void note(OomKill kill, Time when);
  void note(XidError error, Time when);
  Attributes facts(const Event& event) const;
  Attributes kill_facts(const Event& event) const;

  std::string host_;
  Identify identify_;
  std::map<std::string, Event> events_;       // by what makes two lines one event
  std::map<std::string, std::string> uuids_;  // of cards, by PCI address
  std::uint64_t left_out_ = 0;
};

}  // namespace redflag::daemon
