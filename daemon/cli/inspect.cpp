#include "daemon/cli/inspect.h"

#include <algorithm>
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "daemon/app/arguments.h"
#include "daemon/base/child_process.h"
#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "daemon/checks/tree_check.h"
#include "daemon/cli/inspect_files.h"
#include "daemon/cli/inspect_forward.h"
#include "daemon/cli/inspect_view.h"
#include "daemon/contents/content_facts.h"
#include "daemon/inspection/inspector.h"
#include "daemon/results/printable.h"
#include "daemon/tensors/report_json.h"

namespace redflag::daemon {
namespace {

using tensors::FileReport;
using tensors::Verdict;

constexpr int kFine = 0, kBad = 1, kNotChecked = 2, kUsage = 3;

const CommandSpec kSpec{"inspect",
                        "FILE…|DIRECTORY…",
                        "What is in tensor files and checkpoints, and what is wrong with them.",
                        R"(FILE is anything torch.save wrote (any version since 0.4), safetensors,
TorchScript, an optimizer, scheduler or RNG state, or the JSON beside them.
DIRECTORY is read with all below it: every tensor file in it, and then each
directory as what it is: a step of representations (are all layers there, of the
shapes that metadata.json names?), a checkpoint (do the tensors fit config.json,
can the training resume?), a final model or adapter.

Every byte is read once: checksums, NaN, infinities, zeros, minimum, maximum, mean
and standard deviation. Nothing that a pickle asks for is ever run. The reading is
done by redflag-inspect, a child without network, without write access and with
bounded memory (redflag-inspect --self-test shows that it is); a file on which it
crashes or hangs is named, and the others go on.

The verdict is about the file as such: ok, damaged, refused (not read on purpose:
compressed, big-endian, a git-LFS pointer), in progress (somebody writes it),
unknown (no format that is known, or not readable). What is in it are findings.

--forward has redflag-forward (LibTorch) run each sound checkpoint or model on the
ids 1 2 3 4 5, twice and from every format saved, and compare each step of
representations with the one before and with the base model's.

exit codes: 0 all is well; 1 a file is damaged, or something is found that is at
least a warning; 2 nothing bad, but something was not checked (refused, in
progress, unknown); 3 wrong usage

environment: NO_COLOR and TERM=dumb leave colours out

examples:
  redflag inspect results/full_ft_mrpc_seed42/checkpoint-500
  redflag inspect pytorch_model.bin
  redflag inspect --json results | jq 'select(.verdict != "ok")'
  redflag inspect downloads/*.bin && echo safe to load

see also: docs/inspect.md in the source, for what each finding means)",
                        {{"json", "", "one JSON object a line, for each file and then each directory"},
                         {"forward", "", "also run models on a fixed input, and measure the drift of steps"},
                         {"all", "", "show all files, tensors and values"},
                         {"threads", "N", "threads for each file (default 2)"}}};

struct Answers {
  std::vector<FileReport> files;
  std::vector<checks::DirectoryReport> directories;
};

int code_of(Verdict verdict, const std::vector<tensors::Finding>& findings) {
  const bool bad = std::any_of(findings.begin(), findings.end(),
                               [](const auto& each) { return each.severity >= Severity::warning; });
  if (bad || verdict == Verdict::damaged) return kBad;
  return verdict == Verdict::ok ? kFine : kNotChecked;
}

/// Bad comes before not checked, whatever the numbers.
int worse(int a, int b) {
  if (a == kBad || b == kBad) return kBad;
  return std::max(a, b);
}

/// Reads all files; those that could not be read are answered too. The error says why.
Result<std::vector<FileReport>> read_files(const InspectFiles& files, unsigned threads) {
  asio::io_context loop;
  SystemClock clock;
  SystemLauncher launcher(loop.get_executor());
  SystemMemoryProbe memory;
  InspectorSettings settings;
  settings.program = sibling_program("redflag-inspect");
  settings.roots = files.roots;
  settings.threads = threads;
  settings.least_memory_available = 0;  // somebody asked for it, now
  settings.files_a_child = 100'000;
  Inspector inspector(clock, launcher, memory, settings);
  std::vector<FileReport> out;
  ProgressLine progress("reading");
  Result<void> ended;
  std::exception_ptr failure;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        ended = co_await inspector.inspect(files.requests, [&](InspectionAnswer answer) {
          out.push_back(std::move(answer.report));
          progress.at(out.size(), files.requests.size());
        });
        inspector.rest();
      },
      [&](std::exception_ptr error) { failure = error; });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  if (ended) return out;
  if (out.empty()) return tl::unexpected(ended.error());
  for (std::size_t i = out.size(); i < files.requests.size(); ++i) {
    out.push_back(not_checked_report(files.requests[i], ended.error().text()));
  }
  return out;
}

bool below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.compare(0, directory.size(), directory) == 0 &&
         (directory == "/" || path[directory.size()] == '/');
}

std::string name_below(const std::string& path, const std::string& directory) {
  if (path == directory) return directory.substr(directory.rfind('/') + 1);
  return below(path, directory) ? path.substr(directory == "/" ? 1 : directory.size() + 1) : path;
}

/// What a judged directory says of all its files together need not be said again of each.
bool said_by_directory(const FileReport& file, const Answers& answers) {
  const bool judged = std::any_of(answers.directories.begin(), answers.directories.end(),
                                  [&](const auto& each) { return below(file.path, each.path); });
  return judged && file.verdict == Verdict::ok &&
         std::all_of(file.findings.begin(), file.findings.end(), [](const auto& each) {
           return each.code == "nan" || each.code == "inf" || each.code == "all_zero" ||
                  each.code == "zero_elements" || each.severity == Severity::info;
         });
}

Answers answer(const InspectFiles& files, std::vector<FileReport> reports) {
  Answers out;
  out.files = std::move(reports);
  for (const InspectTarget& target : files.targets) {
    if (!target.directory) continue;
    std::vector<FileReport> inside;
    for (const FileReport& each : out.files) {
      if (below(each.path, target.path)) inside.push_back(each);
    }
    for (auto& each : checks::check_tree(target.path, inside, files.others))
      out.directories.push_back(std::move(each));
  }
  return out;
}

/// Each sound directory through redflag-forward; what could not be looked at says why.
void look_forward(Answers& answers) {
  asio::io_context loop;
  SystemClock clock;
  SystemLauncher launcher(loop.get_executor());
  SystemMemoryProbe memory;
  ForwardRunner runner(clock, launcher, memory, sibling_program("redflag-forward"));
  ProgressLine progress("running");
  std::size_t done = 0;
  const auto work = [&]() -> asio::awaitable<void> {
    for (auto& each : answers.directories) {
      progress.at(done++, answers.directories.size());
      const auto arguments = forward_arguments(each, answers.directories);
      if (arguments.empty()) continue;
      ForwardAnswer said;
      const bool fits = std::none_of(each.findings.begin(), each.findings.end(), [](const auto& finding) {
        return finding.severity == Severity::critical && trouble_of(finding.code) == "mismatch";
      });
      if (each.verdict != Verdict::ok) {
        said.not_checked = "not all of its files are sound";
      } else if (!fits) {
        said.not_checked = "its tensors do not fit its configuration";
      } else {
        said = co_await runner.run(arguments);
      }
      add_forward(each, said);
    }
  };
  std::exception_ptr failure;
  asio::co_spawn(loop, work(), [&](std::exception_ptr error) { failure = error; });
  loop.run();
  if (failure) std::rethrow_exception(failure);
}

void print_directory(const InspectTarget& target, const Answers& answers, bool all,
                     const InspectViewOptions& options) {
  std::size_t count = 0, quiet = 0;
  std::uint64_t bytes = 0;
  std::string text;
  for (const auto& each : answers.directories) {
    if (each.path != target.path && !below(each.path, target.path)) continue;
    text += directory_lines(each, name_below(each.path, target.path), options);
  }
  for (const FileReport& each : answers.files) {
    if (!below(each.path, target.path)) continue;
    ++count;
    bytes += each.size;
    const bool fine = each.verdict == Verdict::ok && each.findings.empty();
    quiet += fine ? 1 : 0;
    if ((fine || said_by_directory(each, answers)) && !all) continue;
    text += file_lines(each, name_below(each.path, target.path), options);
  }
  fmt::print("{}: {} files, {} bytes; {} without a finding\n{}", alerts::escape_terminal(target.path),
             with_commas(count), with_commas(bytes), with_commas(quiet), text);
  if (count == 0) fmt::print("  no tensor files (.pt .pth .bin .ckpt .safetensors) and no JSON in it\n");
}

void print_text(const InspectFiles& files, const Answers& answers, const Arguments& arguments) {
  InspectViewOptions options;
  options.all_tensors = arguments.has("all");
  options.terminal = Terminal::of(STDOUT_FILENO);
  bool first = true;
  for (const InspectTarget& target : files.targets) {
    if (!first) fmt::print("\n");
    first = false;
    if (target.directory) {
      print_directory(target, answers, arguments.has("all"), options);
      continue;
    }
    const auto found = std::find_if(answers.files.begin(), answers.files.end(),
                                    [&](const FileReport& each) { return each.path == target.path; });
    if (found != answers.files.end()) fmt::print("{}", file_page(*found, options));
  }
}

}  // namespace

const CommandSpec& inspect_spec() {
  return kSpec;
}

int inspect_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const auto code = usage_answer("redflag", kSpec, arguments)) return *code == 0 ? 0 : kUsage;
  const auto threads = arguments->number("threads", 2, 1, 64);
  if (!threads || arguments->operands().empty()) {
    fmt::print(stderr, "redflag inspect: {} (see --help)\n",
               threads ? std::string("name at least one file or directory") : threads.error().text());
    return kUsage;
  }
  const InspectFiles files = find_files(arguments->operands());
  auto reports = files.requests.empty() ? Result<std::vector<FileReport>>(std::vector<FileReport>{})
                                        : read_files(files, static_cast<unsigned>(*threads));
  if (!reports) {
    fmt::print(stderr, "redflag inspect: nothing was checked: {}\n",
               alerts::escape_terminal(reports.error().text()));
    return kNotChecked;
  }
  Answers answers = answer(files, std::move(*reports));
  if (arguments->has("forward")) look_forward(answers);
  int code = answers.files.empty() ? kNotChecked : kFine;
  for (const FileReport& each : answers.files) code = worse(code, code_of(each.verdict, each.findings));
  for (const auto& each : answers.directories) code = worse(code, code_of(each.verdict, each.findings));
  if (arguments->has("json")) {
    for (const FileReport& each : answers.files) fmt::print("{}\n", tensors::to_json(each));
    for (const auto& each : answers.directories) fmt::print("{}\n", checks::to_json(each));
  } else {
    print_text(files, answers, *arguments);
  }
  return code;
}

}  // namespace redflag::daemon
