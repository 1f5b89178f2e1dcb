#include "daemon/host/kernel_events.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/host/host_facts.h"
#include "daemon/host/process_text.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kOneKill =
    1min;  ///< lines about one pid within it are one kill: no pid comes back so soon

}  // namespace

KernelEvents::Event* KernelEvents::event_for(const std::string& id, const std::string& key, Time when) {
  auto found = events_.find(id);
  if (found == events_.end()) {
    if (events_.size() >= kMostOpen) {
      ++left_out_;
      return nullptr;
    }
    found = events_.emplace(id, Event{}).first;
    found->second.key = key;
    found->second.first = when;
  }
  Event& event = found->second;
  event.last = std::max(event.last, when);
  event.touched = true;
  return &event;
}

void KernelEvents::note(OomKill kill, Time when) {
  const std::string pid = std::to_string(kill.pid);
  const auto at = [&](const auto& each) {
    const Event& event = each.second;
    return !event.is_xid && event.kill.pid == kill.pid && when - event.first < kOneKill &&
           event.first - when < kOneKill;
  };
  const auto same = std::find_if(events_.begin(), events_.end(), at);
  const auto seconds = when.time_since_epoch() / 1s;
  const std::string id = same != events_.end() ? same->first : fmt::format("oom {} {}", pid, seconds);
  Event* event = event_for(id, fmt::format("{}:oom:{}:{}", host_, pid, seconds), when);
  if (event == nullptr) return;
  ++event->count;
  OomKill& known = event->kill;
  known.pid = kill.pid;
  if (known.command.empty()) known.command = std::move(kill.command);
  known.rss_kb = std::max(known.rss_kb, kill.rss_kb);
  if (known.constraint.empty()) known.constraint = std::move(kill.constraint);
  if (known.cgroup.empty()) known.cgroup = std::move(kill.cgroup);
  known.in_cgroup = known.in_cgroup || kill.in_cgroup;
  if (event->run.empty()) event->run = identify_(kill.pid).run;
}

void KernelEvents::note(XidError error, Time when) {
  const std::string id = fmt::format("xid {} {}", error.pci, error.number);
  Event* event = event_for(id, fmt::format("{}:xid:{}:{}", host_, error.pci, error.number), when);
  if (event == nullptr) return;
  ++event->count;
  event->is_xid = true;
  if (const std::string run = identify_(error.pid).run; !run.empty()) event->run = run;
  event->xid = std::move(error);
}

std::vector<Observation> KernelEvents::take(const std::vector<KernelLine>& lines, Time now) {
  for (const KernelLine& line : lines) {
    // A stamp from the future is a clock that jumped: what is read now happened by now.
    const Time when = line.time == Time{} || line.time > now ? now : line.time;
    KernelNews news = read_kernel_text(line.text);
    if (auto* kill = std::get_if<OomKill>(&news)) {
      note(std::move(*kill), when);
    } else if (auto* error = std::get_if<XidError>(&news)) {
      note(std::move(*error), when);
    } else if (auto* card = std::get_if<GpuAddress>(&news)) {
      if (uuids_.size() < kMostOpen) uuids_[card->pci] = card->uuid;
    }
  }
  std::vector<Observation> told;
  for (auto& [id, event] : events_) {
    if (!event.touched) continue;
    event.touched = false;
    Observation facts;
    facts.kind = ObservationKind::facts;
    facts.subject = {SubjectKind::host, event.key};
    facts.run = event.run;
    facts.source = "host";
    facts.time = event.last;
    facts.attributes = this->facts(event);
    told.push_back(std::move(facts));
  }
  return told;
}

Attributes KernelEvents::kill_facts(const Event& event) const {
  const OomKill& kill = event.kill;
  const std::string command = host_text(kill.command, 64);
  // The children of redflag are meant to be the first to go; they say so by their names, too.
  const bool ours = identify_(kill.pid).ours || kill.command.starts_with("redflag-");
  const bool python = may_train(kill.command, {});
  const char* victim = !event.run.empty() ? "trainer" : ours ? "redflag" : python ? "python" : "other";
  std::string detail = fmt::format("{} (pid {})", command.empty() ? "a process" : command, kill.pid);
  if (kill.rss_kb > 0) detail += fmt::format(" with {:.1f} GB", static_cast<double>(kill.rss_kb) / 1e6);
  detail += kill.in_cgroup ? ", at its cgroup's memory limit" : ", the machine's memory had run out";
  if (kill.in_cgroup && !kill.cgroup.empty()) detail += fmt::format(" ({})", host_text(kill.cgroup, 100));
  return {{"what", std::string("oom_kill")},
          {"host", host_},
          {"name", command},
          {"detail", detail},
          {"pid", static_cast<double>(kill.pid)},
          {"in_cgroup", kill.in_cgroup},
          {"rss_mb", static_cast<double>(kill.rss_kb) / 1e3},
          {"victim", std::string(victim)}};
}

Attributes KernelEvents::facts(const Event& event) const {
  if (!event.is_xid) return kill_facts(event);
  const XidError& error = event.xid;
  const std::string_view meaning = xid_meaning(error.number);
  std::string detail = meaning.empty() ? host_text(error.words, 200) : std::string(meaning);
  if (error.pid != 0)
    detail += fmt::format(", in {} (pid {})",
                          error.command.empty() ? "a process" : host_text(error.command, 64), error.pid);
  const auto card = uuids_.find(error.pci);
  return {{"what", std::string("xid")},
          {"host", host_},
          {"name", "GPU " + error.pci},
          {"pci", error.pci},
          {"gpu", card == uuids_.end() ? std::string() : card->second},
          {"detail", detail},
          {"count", static_cast<double>(event.count)},
          {"xid", static_cast<double>(error.number)}};
}

std::vector<Subject> KernelEvents::expire(Time now) {
  std::vector<Subject> over;
  std::erase_if(events_, [&](const auto& each) {
    const bool old = now - each.second.last >= kStays;
    if (old) over.push_back({SubjectKind::host, each.second.key});
    return old;
  });
  return over;
}

bool KernelEvents::killed(std::int64_t pid) const {
  return std::any_of(events_.begin(), events_.end(), [&](const auto& each) {
    return !each.second.is_xid && static_cast<std::int64_t>(each.second.kill.pid) == pid;
  });
}

std::string KernelEvents::kept() const {
  auto all = nlohmann::json::array();
  for (const auto& [id, event] : events_) {
    all.push_back({{"id", id},
                   {"key", event.key},
                   {"pid", event.kill.pid},
                   {"xid", event.is_xid ? event.xid.number : 0},
                   {"pci", event.xid.pci},
                   {"count", event.count},
                   {"first", event.first.time_since_epoch().count()},
                   {"last", event.last.time_since_epoch().count()},
                   {"run", event.run}});
  }
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void KernelEvents::restore(const std::string& kept) {
  const auto all = nlohmann::json::parse(kept, nullptr, false);
  if (!all.is_array()) return;
  for (const auto& each : all) {
    try {
      Event event;
      event.key = each.at("key").get<std::string>();
      event.kill.pid = each.at("pid").get<std::uint64_t>();
      event.xid.number = each.at("xid").get<std::uint32_t>();
      event.xid.pci = each.at("pci").get<std::string>();
      event.is_xid = event.xid.number != 0;
      event.count = each.at("count").get<std::uint64_t>();
      event.first = Time{Duration{each.at("first").get<Duration::rep>()}};
      event.last = Time{Duration{each.at("last").get<Duration::rep>()}};
      event.run = each.at("run").get<std::string>();
      if (events_.size() < kMostOpen) events_.emplace(each.at("id").get<std::string>(), std::move(event));
    } catch (const nlohmann::json::exception&) {
      continue;  // ours, but damaged
    }
  }
}

}  // namespace redflag::daemon
