#include "daemon/tensors/findings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "daemon/tensors/failure.h"

namespace redflag::tensors {
namespace {

constexpr std::size_t kNamed = 8;  // tensors named one by one; the rest is counted

/// Modules of which every name can do harm, and single names of others. Callables that reach code, processes,
/// files or network.
constexpr std::array<std::string_view, 49> kHostileModules{"os",
                                                           "posix",
                                                           "nt",
                                                           "subprocess",
                                                           "pty",
                                                           "runpy",
                                                           "importlib",
                                                           "socket",
                                                           "shutil",
                                                           "ctypes",
                                                           "_ctypes",
                                                           "marshal",
                                                           "code",
                                                           "codeop",
                                                           "bdb",
                                                           "pdb",
                                                           "webbrowser",
                                                           "commands",
                                                           "popen2",
                                                           "multiprocessing",
                                                           "asyncio",
                                                           "threading",
                                                           "_thread",
                                                           "signal",
                                                           "requests",
                                                           "urllib",
                                                           "urllib2",
                                                           "httplib",
                                                           "http",
                                                           "ftplib",
                                                           "smtplib",
                                                           "telnetlib",
                                                           "aiohttp",
                                                           "httpx",
                                                           "pip",
                                                           "ensurepip",
                                                           "venv",
                                                           "cProfile",
                                                           "profile",
                                                           "timeit",
                                                           "trace",
                                                           "doctest",
                                                           "pickletools",
                                                           "dill",
                                                           "cloudpickle",
                                                           "paramiko",
                                                           "xmlrpc",
                                                           "pydoc",
                                                           "_posixsubprocess"};

constexpr std::array<std::string_view, 44> kHostileNames{"builtins.eval",
                                                         "builtins.exec",
                                                         "builtins.compile",
                                                         "builtins.open",
                                                         "builtins.__import__",
                                                         "builtins.setattr",
                                                         "builtins.delattr",
                                                         "builtins.globals",
                                                         "builtins.locals",
                                                         "builtins.vars",
                                                         "builtins.input",
                                                         "builtins.breakpoint",
                                                         "builtins.apply",
                                                         "builtins.execfile",
                                                         "__builtin__.eval",
                                                         "__builtin__.exec",
                                                         "__builtin__.compile",
                                                         "__builtin__.open",
                                                         "__builtin__.file",
                                                         "__builtin__.__import__",
                                                         "__builtin__.setattr",
                                                         "__builtin__.delattr",
                                                         "__builtin__.globals",
                                                         "__builtin__.apply",
                                                         "__builtin__.execfile",
                                                         "__builtin__.input",
                                                         "__builtin__.reload",
                                                         "operator.attrgetter",
                                                         "operator.methodcaller",
                                                         "operator.itemgetter",
                                                         "_operator.attrgetter",
                                                         "_operator.methodcaller",
                                                         "pickle.loads",
                                                         "pickle.load",
                                                         "_pickle.loads",
                                                         "_pickle.load",
                                                         "torch.load",
                                                         "torch.hub.load",
                                                         "torch.jit.load",
                                                         "numpy.load",
                                                         "joblib.load",
                                                         "types.CodeType",
                                                         "types.FunctionType",
                                                         "sys.modules"};

template <typename List>
bool holds(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool hostile(std::string_view name) {
  if (holds(kHostileNames, name)) return true;
  if (name.find("torch.hub.") == 0 || name.find("torch.utils.cpp_extension.") == 0 ||
      name.find("numpy.testing._private.") == 0)
    return true;
  if (holds(kHostileModules, name.substr(0, name.find('.')))) return true;
  // Reached through an honest module that happens to have imported it: "torch.serialization.os.system".
  for (std::size_t at = name.find('.'); at != std::string_view::npos;) {
    const std::size_t next = name.find('.', at + 1);
    const std::string_view part = name.substr(at + 1, next == std::string_view::npos ? next : next - at - 1);
    if (part == "os" || part == "sys" || part == "subprocess" || part == "builtins" || part == "posix" ||
        part == "shutil" || part == "socket" || part == "importlib" || part == "ctypes" ||
        part == "__globals__" || part == "__builtins__") {
      return true;
    }
    at = next;
  }
  return false;
}

void add(FileReport& report, std::string code, Severity severity, std::string message, std::string where) {
  report.findings.push_back({std::move(code), severity, std::move(message), std::move(where)});
}

std::string display(const std::string& name) {
  return name.empty() ? "the tensor" : shown(name);
}

/// Zeros are what such tensors begin with, or what they are for.
bool may_be_zero(const TensorReport& tensor) {
  const std::string& name = tensor.name;
  for (const std::string_view part : {"bias", "lora_B", "lora_embedding_B", "running_", "num_batches",
                                      "exp_avg", "momentum", "position_ids", "token_type", "mask", "beta",
                                      "zero_point", "state.", "cuda", "rng", "step", "grad"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return tensor.shape.size() < 2 && !name.ends_with("norm.weight");
}

}  // namespace

void find_in_tensors(const TensorFile& file, FileReport& report) {
  std::size_t bad = 0, zero = 0;
  std::uint64_t bad_elements = 0;
  std::string more_bad, more_zero;
  for (const TensorReport& each : report.tensors) {
    if (!each.statistics || each.statistics->count == 0) continue;
    const Statistics& s = *each.statistics;
    if (s.nonfinite() != 0) {
      bad_elements += s.nonfinite();
      if (bad++ < kNamed) {
        std::string what;
        const auto say = [&](std::uint64_t n, const char* word) {
          if (n != 0) what += fmt::format("{}{} {}", what.empty() ? "" : ", ", commas(n), word);
        };
        say(s.nan, "NaN");
        say(s.positive_infinity, "+Inf");
        say(s.negative_infinity, "-Inf");
        add(report, s.nan != 0 ? "nan" : "inf", Severity::critical,
            fmt::format("{} holds {} among {} elements", display(each.name), what, commas(s.count)),
            each.name);
      }
    } else if (s.zeros == s.count && s.count > 1 && !may_be_zero(each)) {
      if (zero++ < kNamed) {
        add(report, "all_zero", Severity::warning,
            fmt::format("all {} elements of {} are zero", commas(s.count), display(each.name)), each.name);
      }
    }
  }
  if (bad > kNamed) {
    add(report, "nan", Severity::critical,
        fmt::format("{} tensors in all hold NaN or infinities, {} elements together", commas(bad),
                    commas(bad_elements)),
        {});
  }
  if (zero > kNamed)
    add(report, "all_zero", Severity::warning,
        fmt::format("{} tensors in all are zero throughout", commas(zero)), {});
  if (file.tensors.size() == 1 && file.tensors[0].elements() == 0) {
    add(report, "zero_elements", Severity::warning,
        fmt::format("{} has no elements: shape [{}]", display(file.tensors[0].name),
                    fmt::join(file.tensors[0].shape, ", ")),
        file.tensors[0].name);
  }
}

void find_hostile_globals(const TensorFile& file, FileReport& report) {
  std::vector<std::string> bad;
  for (const std::string& each : report.globals) {
    if (hostile(each)) bad.push_back(shown(each));
  }
  if (!bad.empty()) {
    const std::size_t named = std::min<std::size_t>(bad.size(), kNamed);
    const std::string names =
        fmt::format("{}", fmt::join(bad.begin(), bad.begin() + static_cast<std::ptrdiff_t>(named), ", "));
    add(report, "hostile_global", Severity::critical,
        fmt::format("its pickle asks for {}{}: loading it with torch.load runs that code; do not load it, "
                    "find out where it came from",
                    names, bad.size() > named ? fmt::format(" and {} more", bad.size() - named) : ""),
        bad.front());
  }
  if (!file.doubtful_calls.empty()) {
    add(report, "doubtful_global", Severity::warning,
        fmt::format("its pickle calls {}: no honest file does that, attacks do; load it with "
                    "weights_only=True or not at all",
                    file.doubtful_calls.front()),
        file.doubtful_calls.front());
  }
}

void judge_checksums(const ReadTensors& read, const ScanResult& scan, FileReport& report) {
  std::size_t right = 0, switched_off = 0;
  std::vector<const ZipEntry*> wrong;
  for (std::size_t i = 0; i < read.entries.size(); ++i) {
    const ZipEntry& entry = read.entries[i];
    if (entry.crc == scan.checksums[i]) {
      right += entry.bytes == 0 ? 0 : 1;
    } else if (entry.crc == 0) {
      ++switched_off;
    } else {
      wrong.push_back(&entry);
    }
  }
  if (wrong.empty() && switched_off == 0) return;
  const std::string first = wrong.empty() ? std::string() : shown(wrong.front()->name);
  if (!wrong.empty() && right != 0) {
    report.verdict = Verdict::damaged;
    report.reason =
        fmt::format("damaged: the checksum of {} does not match its bytes{}; {} of {} entries do match",
                    first, wrong.size() > 1 ? fmt::format(", nor do those of {} more", wrong.size() - 1) : "",
                    right, read.entries.size());
    add(report, "checksum_mismatch", Severity::critical,
        fmt::format("the bytes of {} were changed after they were written", first), first);
  } else if (!wrong.empty()) {
    add(report, "checksum_mismatch", Severity::warning,
        "no checksum in it matches: its writer may not compute them, or the whole file was altered", {});
  } else if (right == 0) {
    add(report, "checksum_absent", Severity::info,
        "its writer switched checksums off: damage to the numbers cannot be seen", {});
  } else {
    report.verdict = Verdict::damaged;
    report.reason = fmt::format("damaged: {} of {} entries have no checksum though the others do",
                                switched_off, read.entries.size());
  }
}

}  // namespace redflag::tensors
