#include "daemon/host/kernel_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "daemon/host/small_file.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestWords = 500;

/// What stands between `before` and `after`, both looked for from the left; nullopt when either is missing.
std::optional<std::string_view> between(std::string_view text, std::string_view before,
                                        std::string_view after) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(at + before.size());
  const std::size_t end = rest.find(after);
  if (end == std::string_view::npos) return std::nullopt;
  return rest.substr(0, end);
}

std::string cut(std::string_view text, std::size_t most) {
  return std::string(text.substr(0, most));
}

std::uint64_t kilobytes(std::string_view text, std::string_view name) {
  const std::size_t at = text.rfind(name);
  return at == std::string_view::npos ? 0 : leading_number(text.substr(at + name.size())).value_or(0);
}

std::optional<std::uint64_t> pid_at(std::string_view text) {
  const auto pid = leading_number(text);
  return pid && *pid > 0 && *pid <= 0x7fffffff ? pid : std::nullopt;
}

/// "Killed process 1234 (python3) total-vm:…, anon-rss:…": the name may hold anything, brackets too.
std::optional<OomKill> killed(std::string_view text) {
  std::size_t at = text.find("Killed process ");
  std::size_t skip = std::string_view("Killed process ").size();
  if (at == std::string_view::npos) {
    at = text.find("Kill process ");  // before 5.0, told before it is done
    skip = std::string_view("Kill process ").size();
  }
  if (at == std::string_view::npos || at > 80) return std::nullopt;
  const std::string_view head = text.substr(0, at);
  const bool cgroup = head.starts_with("Memory cgroup out of memory");
  // "Killed process" alone begins the second line of kernels before 5.0.
  if (!head.empty() && !cgroup && !head.starts_with("Out of memory")) return std::nullopt;
  const std::string_view rest = text.substr(at + skip);
  const auto pid = pid_at(rest);
  const std::size_t open = rest.find(" (");
  if (!pid || open == std::string_view::npos || open > 12) return std::nullopt;
  OomKill kill;
  kill.pid = *pid;
  kill.in_cgroup = cgroup;
  const std::string_view named = rest.substr(open + 2);
  std::size_t close = named.rfind(") total-vm:");
  if (close == std::string_view::npos) close = named.rfind(") score ");
  if (close == std::string_view::npos) close = named.rfind("), ");  // ", UID 1000, total-vm:" of some
  if (close == std::string_view::npos) close = named.rfind(')');
  if (close == std::string_view::npos) close = named.size();  // the line is cut
  kill.command = cut(named.substr(0, close), kLongestName);
  const std::string_view figures = named.substr(close);
  for (const char* name : {"anon-rss:", "file-rss:", "shmem-rss:"}) {
    const std::uint64_t more = kilobytes(figures, name);
    if (more < (std::uint64_t{1} << 50)) kill.rss_kb += more;
  }
  return kill;
}

/// "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),…,task_memcg=/x,task=python3,pid=1,uid=0".
std::optional<OomKill> oom_kill(std::string_view text) {
  if (!text.starts_with("oom-kill:")) return std::nullopt;
  // From the right: names of cgroups and tasks may hold commas.
  const std::size_t pid_field = text.rfind(",pid=");
  const std::size_t task = text.rfind(",task=", pid_field);
  if (pid_field == std::string_view::npos || task == std::string_view::npos || task > pid_field)
    return std::nullopt;
  const auto pid = pid_at(text.substr(pid_field + 5));
  if (!pid) return std::nullopt;
  OomKill kill;
  kill.pid = *pid;
  kill.command = cut(text.substr(task + 6, pid_field - task - 6), kLongestName);
  kill.constraint = cut(between(text, "constraint=", ",").value_or(""), kLongestName);
  kill.in_cgroup = kill.constraint == "CONSTRAINT_MEMCG";
  const std::string_view before = text.substr(0, task);
  if (const std::size_t memcg = before.find(",task_memcg="); memcg != std::string_view::npos)
    kill.cgroup = cut(before.substr(memcg + 12), kLongestName);
  return kill;
}

bool pci_like(std::string_view text) {
  return text.size() >= 7 && text.size() <= 20 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                  c == '.';
         });
}

/// "name=python3, " or "pid='<unknown>', ": the value, and `text` goes on behind it.
std::optional<std::string_view> take_field(std::string_view& text, std::string_view name) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (!text.starts_with(name)) return std::nullopt;
  const std::string_view rest = text.substr(name.size());
  const std::size_t end = std::min(rest.find(','), rest.size());
  text = rest.substr(std::min(end + 1, rest.size()));
  return rest.substr(0, end);
}

/// "NVRM: Xid (PCI:0000:65:00): 79, pid=1234, name=python3, GPU has fallen off the bus."
std::optional<XidError> xid(std::string_view text) {
  constexpr std::string_view kName = "NVRM: Xid (";
  if (!text.starts_with(kName)) return std::nullopt;
  text.remove_prefix(kName.size());
  if (text.starts_with("PCI:")) text.remove_prefix(4);
  const std::size_t close = text.find("): ");
  if (close == std::string_view::npos || !pci_like(text.substr(0, close))) return std::nullopt;
  XidError error;
  error.pci = normal_pci(text.substr(0, close));
  text.remove_prefix(close + 3);
  const auto number = leading_number(text);
  if (!number || *number == 0 || *number > 9999) return std::nullopt;
  error.number = static_cast<std::uint32_t>(*number);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789 "), text.size());
  text.remove_prefix(digits);
  if (text.starts_with(',')) text.remove_prefix(1);
  if (const auto pid = take_field(text, "pid=")) error.pid = pid_at(*pid).value_or(0);
  if (const auto name = take_field(text, "name=")) {
    if (*name != "<unknown>" && *name != "'<unknown>'") error.command = cut(*name, kLongestName);
  }
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  error.words = cut(text, kLongestWords);
  return error;
}

std::optional<GpuAddress> gpu_address(std::string_view text) {
  constexpr std::string_view kName = "NVRM: GPU at PCI:";
  if (!text.starts_with(kName)) return std::nullopt;
  text.remove_prefix(kName.size());
  const std::size_t end = text.find(": GPU-");
  if (end == std::string_view::npos || !pci_like(text.substr(0, end))) return std::nullopt;
  const std::string_view uuid = text.substr(end + 2);
  const std::size_t length = std::min(uuid.find_first_not_of("GPU-0123456789abcdefABCDEF"), uuid.size());
  if (length < 10 || length > 64) return std::nullopt;
  return GpuAddress{normal_pci(text.substr(0, end)), std::string(uuid.substr(0, length))};
}

/// The kernel writes what is not printable, and backslashes, as \x1b.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' &&
        std::from_chars(&text[i + 2], &text[i + 2] + 2, value, 16).ptr == &text[i + 2] + 2) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// A field of the journal: text, or bytes as a list of numbers when it is not UTF-8; null when it is huge.
std::string journal_text(const nlohmann::json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  std::string out;
  if (!found->is_array() || found->size() > (std::size_t{64} << 10)) return out;
  for (const auto& byte : *found) {
    if (!byte.is_number_unsigned() || byte.get<std::uint64_t>() > 255) return {};
    out += static_cast<char>(byte.get<std::uint64_t>());
  }
  return out;
}

}  // namespace

KernelNews read_kernel_text(std::string_view text) {
  // Nearly every line is none of ours: decided on its first letters.
  if (text.starts_with("NVRM: ")) {
    if (auto error = xid(text)) return std::move(*error);
    if (auto address = gpu_address(text)) return std::move(*address);
    return {};
  }
  if (text.starts_with("oom-kill:")) {
    if (auto kill = oom_kill(text)) return std::move(*kill);
    return {};
  }
  if (text.starts_with("Out of memory") || text.starts_with("Memory cgroup out of memory") ||
      text.starts_with("Killed process ")) {
    if (auto kill = killed(text)) return std::move(*kill);
  }
  return {};
}

std::string normal_pci(std::string_view address) {
  std::string out;
  for (const char c : address) out += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::size_t colon = out.find(':');
  if (colon != std::string::npos && std::count(out.begin(), out.end(), ':') >= 2 && colon > 4)
    out.erase(0, colon - 4);  // NVML and nvidia-smi write eight digits of domain
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string_view xid_meaning(std::uint32_t number) {
  constexpr std::array<std::pair<std::uint32_t, std::string_view>, 30> kMeanings{{
      {8, "GPU stopped processing"},
      {13, "graphics engine exception"},
      {31, "GPU memory page fault"},
      {32, "invalid or corrupted push buffer stream"},
      {38, "driver firmware error"},
      {43, "GPU stopped processing"},
      {45, "preemptive cleanup after a process ended"},
      {48, "double bit ECC error"},
      {61, "internal micro-controller breakpoint"},
      {62, "internal micro-controller halt"},
      {63, "memory page retired or row remapped"},
      {64, "memory page could not be retired or row not be remapped"},
      {68, "video processor exception"},
      {69, "graphics engine class error"},
      {74, "NVLink error"},
      {79, "GPU has fallen off the bus"},
      {92, "high rate of single bit ECC errors"},
      {94, "contained ECC error"},
      {95, "uncontained ECC error"},
      {109, "context switch timeout"},
      {119, "GSP firmware does not answer"},
      {120, "GSP firmware error"},
      {121, "C2C link error"},
      {136, "link training failed"},
      {137, "NVLink privilege error"},
      {140, "unrecovered ECC error"},
      {143, "GPU initialisation error"},
      {145, "NVLink error (RLW)"},
      {149, "NVLink error (NETIR)"},
      {154, "GPU has to be recovered"},
  }};
  const auto found = std::find_if(kMeanings.begin(), kMeanings.end(),
                                  [&](const auto& each) { return each.first == number; });
  return found == kMeanings.end() ? std::string_view{} : found->second;
}

std::optional<KmsgRecord> parse_kmsg(std::string_view record) {
  const std::size_t semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  const std::string_view prefix = record.substr(0, semicolon);
  const std::size_t second = prefix.find(',');
  if (second == std::string_view::npos) return std::nullopt;
  const std::size_t third = prefix.find(',', second + 1);
  if (third == std::string_view::npos) return std::nullopt;
  const auto priority = leading_number(prefix);
  const auto seq = leading_number(prefix.substr(second + 1));
  const auto time = leading_number(prefix.substr(third + 1));
  if (!priority || !seq || !time) return std::nullopt;
  KmsgRecord out;
  out.seq = *seq;
  out.microseconds = *time;
  out.from_kernel = (*priority >> 3) == 0;
  const std::string_view rest = record.substr(semicolon + 1);
  out.text = unescape(rest.substr(0, rest.find('\n')));
  return out;
}

std::optional<JournalRecord> parse_journal(std::string_view line) {
  const nlohmann::json entry = nlohmann::json::parse(line, nullptr, false);
  if (!entry.is_object()) return std::nullopt;
  JournalRecord out;
  out.cursor = journal_text(entry, "__CURSOR");
  if (out.cursor.empty()) return std::nullopt;
  out.boot = journal_text(entry, "_BOOT_ID");
  out.text = journal_text(entry, "MESSAGE");
  out.text.resize(std::min(out.text.find('\n'), out.text.size()));
  const std::string facility = journal_text(entry, "SYSLOG_FACILITY");
  out.from_kernel = journal_text(entry, "_TRANSPORT") == "kernel" && (facility.empty() || facility == "0");
  const auto time = leading_number(journal_text(entry, "__REALTIME_TIMESTAMP"));
  constexpr std::uint64_t kYear9999 = 253'402'300'799'000'000;
  if (time && *time < kYear9999) out.time = Time{Duration{static_cast<Duration::rep>(*time)}};
  return out;
}

}  // namespace redflag::daemon
