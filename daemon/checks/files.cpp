// Verdicts of files to findings about their directory.
#include "daemon/checks/files.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/checks/words.h"
#include "daemon/results/printable.h"

namespace redflag::checks {
namespace {

int badness(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return 0;
    case Verdict::unknown:
      return 1;
    case Verdict::refused:
      return 2;
    case Verdict::in_progress:
      return 3;
    default:
      return 4;
  }
}

/// The reader could not even look at it, which says nothing of the file.
bool was_not_opened(const FileReport& report) {
  return report.verdict == Verdict::unknown && report.size == 0 && report.inode == 0;
}

Severity worst_finding(const FileReport& report) {
  Severity out = Severity::warning;
  for (const Finding& each : report.findings) out = std::max(out, each.severity);
  return out;
}

/// Code and severity for a file that is not ok.
std::pair<std::string, Severity> problem_of(const FileReport& report) {
  if (report.kind == tensors::FileKind::empty) return {"empty_file", Severity::critical};
  if (report.kind == tensors::FileKind::lfs_pointer) return {"lfs_pointer", Severity::critical};
  if (report.verdict == Verdict::damaged) return {"damaged_file", Severity::critical};
  if (report.verdict == Verdict::refused) return {"refused_file", worst_finding(report)};
  return {"unreadable_file", was_not_opened(report) ? Severity::warning : Severity::critical};
}

void worsen(DirectoryReport& out, Verdict verdict, const std::string& reason) {
  if (badness(verdict) <= badness(out.verdict)) return;
  out.verdict = verdict;
  out.reason = reason;
}

}  // namespace

std::vector<FileView> view_of(const DirectoryInput& input) {
  std::vector<FileView> out;
  const std::string prefix = input.path + '/';
  const bool step = input.place.role == daemon::DirRole::step;
  const bool known = step || daemon::is_checkpoint(input.place.role);
  // A directory that was named by hand is judged as a final model whatever it is called.
  const daemon::DirRole role = known ? input.place.role : daemon::DirRole::final_model;
  for (const FileReport* report : input.files) {
    const std::string_view path = report->path;
    FileView view{
        report, std::string(path.starts_with(prefix) ? path.substr(prefix.size()) : base_name(path)), {}};
    const bool nested = view.name.find('/') != std::string::npos;
    view.kind = nested ? daemon::FileKind::other : daemon::classify_file(role, view.name);
    if (view.kind != daemon::FileKind::temporary) out.push_back(std::move(view));
  }
  std::sort(out.begin(), out.end(), [](const FileView& a, const FileView& b) { return a.name < b.name; });
  return out;
}

const FileView* find_file(const std::vector<FileView>& files, std::string_view name) {
  const auto it =
      std::lower_bound(files.begin(), files.end(), name,
                       [](const FileView& each, std::string_view wanted) { return each.name < wanted; });
  return it != files.end() && it->name == name ? &*it : nullptr;
}

bool in_progress(const std::vector<FileView>& files) {
  return std::any_of(files.begin(), files.end(),
                     [](const FileView& each) { return each.report->verdict == Verdict::in_progress; });
}

void judge_file(const FileView& file, DirectoryReport& out) {
  if (file.ok()) return;
  if (file.report->verdict == Verdict::in_progress) {
    worsen(out, Verdict::in_progress, shown(file.name) + " is being written");
    return;
  }
  const auto [code, severity] = problem_of(*file.report);
  const std::string_view what = code == "empty_file" ? "is empty (0 bytes)"
                                : code == "lfs_pointer"
                                    ? "is a git-LFS pointer, the real file was never fetched"
                                : code == "damaged_file" ? "is damaged"
                                : code == "refused_file" ? "was not read"
                                                         : "cannot be read";
  std::string message = fmt::format("{} {}", shown(file.name), what);
  if (!file.report->reason.empty()) message += ": " + daemon::printable_path(file.report->reason);
  worsen(out, code == "empty_file" ? Verdict::damaged : file.report->verdict, message);
  add(out.findings, code, severity, message, file.name);
}

void note_damage(DirectoryReport& out, const std::string& reason) {
  worsen(out, Verdict::damaged, reason);
}

void add(std::vector<Finding>& to, std::string code, Severity severity, std::string message,
         const std::string& where) {
  to.push_back({std::move(code), severity, std::move(message), daemon::printable_path(where)});
}

}  // namespace redflag::checks
