// libFuzzer target: the kernel's log, as /dev/kmsg and as the journal give it, from bytes to facts. Built and
// run by `./dev campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/host/kernel_events.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag;
  using namespace redflag::daemon;
  const std::string text(data, data + size);
  std::vector<KernelLine> lines;
  const auto take = [&](std::string_view line) {
    if (const auto record = parse_kmsg(line)) lines.push_back({record->text, Time{}});
    if (auto record = parse_journal(line)) lines.push_back({record->text, record->time});
    lines.push_back({std::string(line), Time{}});
  };
  take(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    take(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  const Time now = from_unix_seconds(1.8e9);
  KernelEvents events("host", [](std::uint64_t pid) { return KernelEvents::Victim{{}, pid == 1}; });
  for (const Observation& one : events.take(lines, now)) {
    if (one.subject.key.empty() || one.attributes.size() < 4 || one.time > now) std::abort();
    for (const auto& [name, value] : one.attributes) {
      const auto* words = std::get_if<std::string>(&value);
      if (words != nullptr && (words->size() > 4096 || words->find('\n') != std::string::npos)) std::abort();
    }
  }
  if (events.open() > KernelEvents::kMostOpen) std::abort();
  KernelEvents again("host", [](std::uint64_t) { return KernelEvents::Victim{}; });
  again.restore(events.kept());
  if (again.open() != events.open()) std::abort();
  again.restore(text);
  return 0;
}
