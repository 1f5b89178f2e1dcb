// What the kernel says of trainings that it kills and GPUs that fail: its lines read, nothing else. Pure; the
// formats are those of mm/oom_kill.c from 4.4 to 6.x and of NVIDIA's driver from 367 on. Names of processes
// and cgroups in them are whatever somebody chose, and lines may be cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "rules/values/time.h"

namespace redflag::daemon {

/// The kernel killed a process because memory had run out. It says so in up to three lines, each of which
/// knows a part.
struct OomKill {
  std::uint64_t pid = 0;
  std::string command;       ///< at most 15 bytes, as the process calls itself; raw
  std::uint64_t rss_kb = 0;  ///< anonymous, file and shared memory together; 0: the line does not say
  std::string constraint;    ///< "CONSTRAINT_NONE", "CONSTRAINT_MEMCG"; empty: the line does not say
  std::string cgroup;        ///< of the process; empty: the line does not say
  bool in_cgroup = false;    ///< a cgroup's own limit was reached, not the machine's memory
};

/// An error that NVIDIA's driver reports.
struct XidError {
  std::uint32_t number = 0;
  std::string pci;        ///< "0000:65:00.0", lower case, with its function
  std::uint64_t pid = 0;  ///< 0: not known
  std::string command;    ///< empty: not known
  std::string words;      ///< the rest of the line
};

/// "NVRM: GPU at PCI:0000:65:00: GPU-b850…": which card a PCI address is.
struct GpuAddress {
  std::string pci;
  std::string uuid;
};

using KernelNews = std::variant<std::monostate, OomKill, XidError, GpuAddress>;

/// Of one message, without prefix. monostate: nothing that concerns us.
KernelNews read_kernel_text(std::string_view text);

/// "0000:65:00" and "00000000:65:00.0" are the same card: four digits of domain, a function.
std::string normal_pci(std::string_view address);

/// What NVIDIA calls the error; "" for a number that is not known here.
std::string_view xid_meaning(std::uint32_t number);

/// One record of /dev/kmsg: "6,1234,5678901234,-;text", then lines of properties.
struct KmsgRecord {
  std::uint64_t seq = 0;
  std::uint64_t microseconds = 0;  ///< since the boot
  bool from_kernel = false;        ///< facility 0; anything else was written by a program
  std::string text;                ///< unescaped, first line only
};
std::optional<KmsgRecord> parse_kmsg(std::string_view record);

/// One line of `journalctl -o json`.
struct JournalRecord {
  std::string cursor;
  std::string boot;
  Time time;
  bool from_kernel = false;
  std::string text;
};
std::optional<JournalRecord> parse_journal(std::string_view line);

}  // namespace redflag::daemon
