#include "daemon/inspection/verdict_cache.h"

#include <utility>

#include <fmt/format.h>

#include "daemon/inspection/autopsy.h"
#include "daemon/tensors/report_json.h"

namespace redflag::daemon {

using tensors::FileReport;

asio::awaitable<std::optional<VerdictRecord>> MemoryVerdicts::find(const std::string& path) {
  const auto found = records_.find(path);
  co_return found == records_.end() ? std::nullopt : std::optional(found->second);
}

asio::awaitable<std::optional<FileReport>> VerdictCache::find(const std::string& path,
                                                              const FileIdentity& identity) {
  const std::optional<VerdictRecord> record = co_await store_.find(path);
  if (!record || record->path != path || record->reader != reader_) co_return std::nullopt;
  const FileIdentity kept{.size = record->size,
                          .modified_ns = record->modified_ns,
                          .inode = record->inode,
                          .device = record->device};
  if (!(kept == identity)) co_return std::nullopt;
  std::optional<FileReport> report = tensors::report_from_json(record->report);
  if (!report || report->path != path || !(identity_in(*report) == identity)) co_return std::nullopt;
  co_return report;
}

void VerdictCache::keep(const FileReport& report) {
  std::optional<std::string> text = worth_keeping(report) ? text_to_keep(report) : std::nullopt;
  if (!text) {
    store_.forget(report.path);  // what is kept of it from before says something else
    return;
  }
  VerdictRecord record;
  record.path = report.path;
  record.device = report.device;
  record.inode = report.inode;
  record.size = report.size;
  record.modified_ns = report.modified_ns;
  record.reader = reader_;
  record.checked = clock_.now();
  record.report = std::move(*text);
  store_.keep(std::move(record));
}

std::string reader_version(const std::string& program) {
  const std::optional<FileIdentity> found = SystemFileProbe{}.identity_of(program);
  if (!found) return REDFLAG_VERSION;
  return fmt::format("{}:{}:{}", REDFLAG_VERSION, found->size, found->modified_ns);
}

std::optional<std::string> text_to_keep(FileReport report) {
  std::string text = tensors::to_json(report);
  if (text.size() <= kKeptReportBytes) return text;
  for (tensors::TensorReport& tensor : report.tensors) tensor.statistics.reset();
  text = tensors::to_json(report);
  if (text.size() > kKeptAtMostBytes) return std::nullopt;
  return text;
}

}  // namespace redflag::daemon
