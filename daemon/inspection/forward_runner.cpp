#include "daemon/inspection/forward_runner.h"

#include <csignal>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "daemon/base/timed.h"
#include "daemon/inspection/inspector_process.h"

namespace redflag::daemon {
namespace {

constexpr int kDeepest = 64;  // of its JSON: the child may be made to write anything

ForwardAnswer not_checked(std::string why, bool later) {
  ForwardAnswer answer;
  answer.not_checked = std::move(why);
  answer.later = later;
  return answer;
}

std::string program_name(const std::string& program) {
  return program.substr(program.rfind('/') + 1);
}

/// Bounded before it is parsed: values that lie in one another cost more than their text.
bool too_deep(const std::string& text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepest) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

std::optional<nlohmann::json> object_in(const std::string& text) {
  if (too_deep(text)) return std::nullopt;
  nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return value;
}

/// false: more than `most` bytes.
asio::awaitable<bool> hear_out(Process& process, std::string& said, std::size_t most) {
  for (;;) {
    // Not in the loop's condition: GCC 12 makes an illegal instruction of that.
    const bool more = co_await process.read(said);
    if (!more) co_return true;
    if (said.size() > most) co_return false;
  }
}

}  // namespace

asio::awaitable<ForwardAnswer> ForwardRunner::run(std::vector<std::string> arguments, ForwardLimits limits) {
  const std::string name = program_name(program_);
  if (const auto available = memory_.available_bytes(); available && *available < limits.memory_bytes) {
    co_return not_checked(fmt::format("memory is short: {} available, {} may need {}",
                                      human_bytes(*available), name, human_bytes(limits.memory_bytes)),
                          true);
  }
  SpawnOptions options;
  options.program = program_;
  options.arguments = std::move(arguments);
  // It refuses what would not fit, which says more than an allocation that fails.
  options.arguments.insert(options.arguments.end(), {"--memory", std::to_string(limits.memory_bytes)});
  // OpenBLAS starts a thread for each processor (Debian's: up to 64) before main() is reached, and ends the
  // process when the unit's TasksMax= has no room for them. The program sets its own number of threads.
  options.environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "OPENBLAS_NUM_THREADS=1"};
  options.gives_way = true;
  options.memory_bytes = limits.memory_bytes;
  Result<std::unique_ptr<Process>> started = launcher_.launch(std::move(options));
  if (!started && started.error().code == ErrorCode::not_found)
    co_return not_checked(fmt::format("{} is not installed (package redflag-forward)", name), true);
  if (!started) co_return not_checked(started.error().text(), true);

  Process& process = **started;
  process.close_input();
  std::string said;
  const std::optional<bool> heard =
      co_await timed(clock_, limits.timeout, hear_out(process, said, limits.longest_answer));
  if (!heard || !*heard) process.kill();
  std::optional<ProcessEnd> end = co_await timed(clock_, limits.farewell, process.ended());
  const std::string words = process.last_words();
  const std::string because = words.empty() ? std::string() : "; its last words: " + words;
  if (!heard)
    co_return not_checked(fmt::format("{} was not done within {}", name, human_duration(limits.timeout)),
                          true);
  if (!*heard) {
    co_return not_checked(
        fmt::format("{} answered with more than {}", name, human_bytes(limits.longest_answer)), false);
  }
  if (!end) co_return not_checked(fmt::format("{} has answered and does not end", name), true);
  if (end->signal == SIGKILL)
    co_return not_checked(
        fmt::format("{} was killed (SIGKILL), as the kernel does when memory runs out", name), true);
  if (end->code == kChildOutOfMemory)
    co_return not_checked(fmt::format("{} ran out of memory (its limit is {}){}", name,
                                      human_bytes(limits.memory_bytes), because),
                          false);
  if (end->signal != 0)
    co_return not_checked(fmt::format("{} died with {}{}", name, end->text(), because), false);
  std::optional<nlohmann::json> result = object_in(said);
  if (!result && end->code != 0)
    co_return not_checked(fmt::format("{} ended with {}{}", name, end->text(), because), false);
  if (!result)
    co_return not_checked(fmt::format("{} answered with something that is no JSON object{}", name, because),
                          false);
  ForwardAnswer answer;
  answer.result = std::move(*result);
  co_return answer;
}

}  // namespace redflag::daemon
