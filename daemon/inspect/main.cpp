// redflag-inspect: reads tensor files in a sandbox. Paths come in on standard input, each ended by a zero
// byte; a line of JSON goes out for each, in order. It is started by redflagd and by `redflag inspect`.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "daemon/inspect/sandbox.h"
#include "daemon/inspect/self_test.h"
#include "daemon/inspect/server.h"
#include "daemon/tensors/inspect.h"

namespace {

using namespace redflag;

constexpr int kUsage = 3;
constexpr int kNoSandbox = 4;

constexpr const char* kHelp = R"(usage: redflag-inspect --root DIR [--root DIR …] [OPTIONS]  < paths
       redflag-inspect --self-test

Reads tensor files (torch.save, safetensors, TorchScript) and what lies beside them, in a sandbox, and says what
is in them. Paths are read from standard input, each ended by a zero byte; each is answered with a line of JSON.
People will want `redflag inspect` instead.

  --root DIR          may be read, with all below it; nothing else may
  --threads N         threads (default 1): small files side by side, large ones by all
  --memory BYTES      address space (default 536870912)
  --cpu-seconds N     (default 3600)
  --pace BYTES        read no more than this a second (default: as fast as it goes)
  --drop-cache        give back pages of the page cache that only this program brought in
  --self-test         try what the sandbox forbids; exit code 0 when all of it was stopped
)";

struct Arguments {
  inspect::SandboxOptions sandbox;
  tensors::InspectOptions reading;
};

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

std::optional<Arguments> parse(const std::vector<std::string>& words) {
  Arguments out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--drop-cache") {
      out.reading.drop_cache = true;
      continue;
    }
    if (i + 1 == words.size()) return std::nullopt;
    const std::string& value = words[++i];
    const auto count = number(value);
    if (word == "--root") {
      out.sandbox.roots.push_back(value);
    } else if (word == "--threads" && count && *count <= 64) {
      out.reading.threads = static_cast<std::size_t>(*count);
    } else if (word == "--pace" && count) {
      out.reading.bytes_per_second = *count;
    } else if (word == "--memory" && count) {
      out.sandbox.memory_bytes = *count;
    } else if (word == "--cpu-seconds" && count) {
      out.sandbox.cpu_seconds = *count;
    } else {
      return std::nullopt;
    }
  }
  if (out.sandbox.roots.empty()) return std::nullopt;
  return out;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
// The leak check at exit wants to trace the process and to look into /proc: the sandbox forbids both.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}
#endif

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h")) {
    fmt::print("{}", kHelp);
    return 0;
  }
  if (words.size() == 1 && words[0] == "--version") {
    fmt::print("redflag-inspect {}\n", REDFLAG_VERSION);
    return 0;
  }
  if (words.size() == 1 && words[0] == "--self-test") return inspect::run_self_test() ? 0 : 1;
  const auto arguments = parse(words);
  if (!arguments) {
    fmt::print(stderr, "{}", kHelp);
    return kUsage;
  }
  const auto entered = inspect::enter_sandbox(arguments->sandbox);
  if (!entered) {
    fmt::print(stderr, "redflag-inspect: {}\n", entered.error().text());
    return kNoSandbox;
  }
  if (!entered->empty()) fmt::print(stderr, "redflag-inspect: {}\n", *entered);
  return inspect::serve(stdin, stdout, arguments->reading);
}
