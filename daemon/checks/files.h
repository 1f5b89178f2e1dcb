// The files of a directory by their role, and what their verdicts mean for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/checks/directory_report.h"

namespace redflag::checks {

struct FileView {
  const FileReport* report = nullptr;
  std::string name;  ///< relative to the directory
  daemon::FileKind kind = daemon::FileKind::other;

  bool ok() const { return report->verdict == Verdict::ok; }
};

/// All but temporary files, sorted by name. Files in folders below are of the kind `other`.
std::vector<FileView> view_of(const DirectoryInput& input);

const FileView* find_file(const std::vector<FileView>& files, std::string_view name);

/// Is a file of it still being written? Then nothing is said of what is missing.
bool in_progress(const std::vector<FileView>& files);

/// Worsens the verdict of a directory, which begins as ok, by a file that is not, with a finding for it.
void judge_file(const FileView& file, DirectoryReport& out);

/// Notes that something required is absent: verdict damaged, and a reason unless there is a worse one.
void note_damage(DirectoryReport& out, const std::string& reason);

/// A finding, appended.
void add(std::vector<Finding>& to, std::string code, Severity severity, std::string message,
         const std::string& where = {});

}  // namespace redflag::checks
