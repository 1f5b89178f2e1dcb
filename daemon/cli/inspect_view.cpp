#include "daemon/cli/inspect_view.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "alerts/text/escape.h"
#include "daemon/cli/rules_shared.h"
#include "daemon/cli/text_table.h"
#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

using tensors::FileKind;
using tensors::FileReport;
using tensors::Verdict;

constexpr std::size_t kShownTensors = 40;
constexpr std::size_t kShownValues = 24;

std::string_view kind_text(FileKind kind) {
  switch (kind) {
    case FileKind::torch_zip:
      return "torch.save file";
    case FileKind::torch_legacy:
      return "torch.save file (legacy format)";
    case FileKind::torchscript:
      return "TorchScript archive";
    case FileKind::pickle:
      return "pickle";
    case FileKind::safetensors:
      return "safetensors file";
    case FileKind::shard_index:
      return "index of shards";
    case FileKind::json:
      return "JSON file";
    case FileKind::lfs_pointer:
      return "git-LFS pointer";
    case FileKind::empty:
      return "empty file";
    case FileKind::unknown:
      break;
  }
  return "file of no known format";
}

std::string colored(std::string_view text, std::string_view code, bool color) {
  return color ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

std::string verdict_word(Verdict verdict, bool color) {
  const std::string word = verdict == Verdict::in_progress ? "in progress" : std::string(to_string(verdict));
  const char* const code = verdict == Verdict::ok ? "32" : verdict == Verdict::damaged ? "31;1" : "33";
  return colored(word, code, color);
}

std::string finding_line(const tensors::Finding& finding, const InspectViewOptions& options) {
  const char* const code = finding.severity == Severity::critical  ? "31;1"
                           : finding.severity == Severity::warning ? "33"
                                                                   : "2";
  const std::string text = finding.code + ": " + alerts::escape_terminal(finding.message);
  return fmt::format("    {} {}\n",
                     colored(fmt::format("{:<8}", to_string(finding.severity)), code, options.terminal.color),
                     wrapped(text, 13, std::max<std::size_t>(options.terminal.width, 60)));
}

std::string figure(double x) {
  return fmt::format("{:.4g}", x);
}

std::string tensor_table(const FileReport& report, const InspectViewOptions& options) {
  TextTable table({"tensor", "type", "shape", ">min", ">max", ">mean", ">sd", ">zero", ">NaN/Inf"});
  const std::size_t shown =
      options.all_tensors ? report.tensors.size() : std::min(report.tensors.size(), kShownTensors);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& each = report.tensors[i];
    std::vector<std::string> cells{each.name.empty() ? "(the tensor)" : each.name, each.dtype,
                                   fmt::format("{}", fmt::join(each.shape, "x"))};
    if (each.statistics && each.statistics->count != each.statistics->nonfinite()) {
      const auto& s = *each.statistics;
      for (const double x : {s.min, s.max, s.mean, s.stddev}) cells.push_back(figure(x));
      cells.push_back(with_commas(s.zeros));
      cells.push_back(with_commas(s.nonfinite()));
    } else if (each.statistics) {
      cells.insert(cells.end(), {"-", "-", "-", "-", "0", with_commas(each.statistics->nonfinite())});
    }
    table.add(std::move(cells));
  }
  std::string out = "\n" + table.text();
  const std::uint64_t more = report.tensors.size() - shown + report.tensors_left_out;
  if (more != 0) out += fmt::format("  and {} more (--all shows them)\n", with_commas(more));
  return out;
}

std::string value_text(const tensors::Value& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const double* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return alerts::escape_terminal(std::get<std::string>(value));
}

std::string value_list(const FileReport& report, const InspectViewOptions& options) {
  std::string out = "\n";
  const std::size_t shown =
      options.all_tensors ? report.values.size() : std::min(report.values.size(), kShownValues);
  for (std::size_t i = 0; i < shown; ++i) {
    out += fmt::format("  {} = {}\n", alerts::escape_terminal(report.values[i].first),
                       value_text(report.values[i].second));
  }
  if (shown < report.values.size())
    out +=
        fmt::format("  and {} more values (--all shows them)\n", with_commas(report.values.size() - shown));
  return out;
}

std::string contents(const FileReport& report) {
  if (report.tensors.empty()) return "";
  std::uint64_t elements = 0;
  for (const auto& each : report.tensors) {
    std::uint64_t count = 1;
    for (const std::int64_t size : each.shape) count *= static_cast<std::uint64_t>(size);
    if (each.same_as.empty()) elements += count;
  }
  const std::size_t count = report.tensors.size() + static_cast<std::size_t>(report.tensors_left_out);
  return fmt::format(", {} tensor{}, {} elements", with_commas(count), count == 1 ? "" : "s",
                     with_commas(elements));
}

std::string reason_line(const std::string& reason, const InspectViewOptions& options) {
  if (reason.empty()) return "";
  // The verdict stands above it already.
  for (const std::string_view word : {"damaged: ", "refused: "}) {
    if (reason.compare(0, word.size(), word) == 0) return reason_line(reason.substr(word.size()), options);
  }
  return "    " +
         wrapped(alerts::escape_terminal(reason), 4, std::max<std::size_t>(options.terminal.width, 60)) +
         "\n";
}

/// What redflag-forward said, when it was asked.
std::string forward_line(const checks::DirectoryReport& report) {
  const auto value = [&](std::string_view name) -> const tensors::Value* {
    const auto found = std::find_if(report.values.begin(), report.values.end(),
                                    [&](const auto& each) { return each.first == name; });
    return found == report.values.end() ? nullptr : &found->second;
  };
  std::string drift;
  for (const char* name : {"drift", "drift_previous", "cka", "cka_previous"}) {
    const auto* found = value(name);
    if (found != nullptr)
      drift += fmt::format("{}{} {:.4g}", drift.empty() ? "" : ", ", name, std::get<double>(*found));
  }
  if (!drift.empty()) return fmt::format("    {}\n", drift);
  const auto* forward = value("forward");
  if (forward == nullptr) return "";
  const std::string said = std::get<std::string>(*forward);
  if (said == "ok") return "    outputs: finite, the same when loaded again and from each format\n";
  const std::string detail = alerts::escape_terminal(std::get<std::string>(*value("forward_detail")));
  return "    " +
         wrapped(fmt::format("outputs: {}: {}", said == "bad" ? "BAD" : "NOT CHECKED", detail), 4, 80) + "\n";
}

}  // namespace

std::string file_page(const FileReport& report, const InspectViewOptions& options) {
  std::string out = bold(alerts::escape_terminal(report.path), options.terminal.color) + "\n";
  out += fmt::format("  {}, {} bytes{}: {}\n", kind_text(report.kind), with_commas(report.size),
                     contents(report), verdict_word(report.verdict, options.terminal.color));
  out += reason_line(report.reason, options);
  for (const auto& each : report.findings) out += finding_line(each, options);
  if (!report.tensors.empty()) out += tensor_table(report, options);
  if (!report.values.empty()) out += value_list(report, options);
  if (!report.globals.empty()) {
    const std::size_t shown = std::min<std::size_t>(report.globals.size(), 12);
    const std::string names = fmt::format(
        "{}",
        fmt::join(report.globals.begin(), report.globals.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
    out +=
        "\n  " +
        wrapped("asks for: " + alerts::escape_terminal(names) + (shown < report.globals.size() ? ", …" : ""),
                4, 78) +
        "\n";
  }
  return out;
}

std::string file_lines(const FileReport& report, const std::string& name, const InspectViewOptions& options) {
  std::string out = fmt::format("  {}  {}\n", alerts::escape_terminal(name),
                                verdict_word(report.verdict, options.terminal.color));
  out += reason_line(report.reason, options);
  for (const auto& each : report.findings) out += finding_line(each, options);
  return out;
}

std::string directory_lines(const checks::DirectoryReport& report, const std::string& name,
                            const InspectViewOptions& options) {
  std::string kind = report.kind;
  std::replace(kind.begin(), kind.end(), '_', ' ');
  std::string out = fmt::format("  {}  {}: {}\n", alerts::escape_terminal(name), kind,
                                verdict_word(report.verdict, options.terminal.color));
  out += reason_line(report.reason, options);
  for (const auto& each : report.findings) out += finding_line(each, options);
  return out + forward_line(report);
}

}  // namespace redflag::daemon
