// What redflag-inspect may still do once it begins to read: files below its roots, read-only, and nothing
// else. In the order in which they are laid on:
//   limits    address space, CPU seconds, open files, no core dump
//   manners   nice 19, idle I/O class, first to be killed when memory runs out
//   Landlock  no file outside the roots can be opened, none written (kernels since 5.13)
//   seccomp   only the system calls that reading takes: no socket, no new program or process, no opening for
//   writing
// Each that the kernel lacks is left out and said so; `redflag-inspect --self-test` shows which of them bite
// here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/values/error.h"

namespace redflag::inspect {

struct SandboxOptions {
  std::vector<std::string> roots;           ///< directories or files that may be read
  std::uint64_t memory_bytes = 512U << 20;  ///< address space, mapped files included
  std::uint64_t cpu_seconds = 3600;
  std::uint64_t open_files = 32;
};

/// Cannot be undone. An error only when something went wrong that must not be ignored; what the kernel lacks
/// is in the result's text: "", or "no Landlock in this kernel".
Result<std::string> enter_sandbox(const SandboxOptions& options);

}  // namespace redflag::inspect
