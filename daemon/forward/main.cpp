// redflag-forward: the one program with LibTorch in it. Forward passes and drift, for redflagd, redflag and
// by hand.
#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/forward/arguments.h"
#include "daemon/forward/drift.h"
#include "daemon/forward/limits.h"
#include "daemon/forward/logits.h"
#include "daemon/forward/script.h"
#include "daemon/forward/torch_error.h"

namespace {

using namespace redflag::forward;

constexpr int kUsage = 3;

Json run(const Arguments& arguments) {
  switch (arguments.command) {
    case Command::logits:
      return to_json(check_logits(arguments));
    case Command::script:
      return to_json(check_script(arguments));
    case Command::drift:
      return to_json(check_drift(arguments));
    case Command::help:
    case Command::version:
      break;
  }
  return Json::object();
}

/// Whatever happens inside, the caller gets its one object.
Json run_and_measure(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  Json json;
  const redflag::Result<void> ran = guarded("looking at it", [&] { json = run(arguments); });
  if (!ran) {
    json = {{"status", to_string(Status::not_checked)},
            {"reason", redflag::alerts::escape_utf8(redflag::forward::one_line(ran.error().text()))},
            {"findings", Json::array()}};
  }
  json["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  json["peak_bytes"] = memory_use().peak_bytes;
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments =
      parse_arguments(std::vector<std::string_view>(argv + (argc > 0 ? 1 : 0), argv + argc));
  if (!arguments) {
    fmt::print(stderr, "redflag-forward: {} ({})\n", arguments.error().what, arguments.error().advice);
    return kUsage;
  }
  if (arguments->command == Command::help || arguments->command == Command::version) {
    fmt::print("{}", arguments->command == Command::help ? usage() : "redflag-forward " REDFLAG_VERSION "\n");
    return 0;
  }
  // Before the limits: the thread pool of LibTorch waits for ever when it gets no memory for its threads. A
  // forward pass has threads of its own.
  set_threads(arguments->command == Command::logits ? 1 : arguments->threads);
  const Confinement confined = confine({arguments->memory_bytes, arguments->cpu_seconds});
  Json json = run_and_measure(*arguments);
  json["confined"] = confined.seccomp;
  fmt::print("{}\n", dump(json));
  return std::fflush(stdout) == 0 ? 0 : 1;
}
