// Verdicts that still hold: of files that have not changed since a reader of the same version looked at them.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/inspection/file_identity.h"
#include "daemon/store/verdict_record.h"
#include "daemon/tensors/report.h"

namespace redflag::daemon {

/// Where verdicts are kept. One per path; the implementation bounds how many. What it cannot find, read or
/// write is a verdict less, never an error: the file is read again.
class VerdictStore {
 public:
  virtual ~VerdictStore() = default;
  virtual asio::awaitable<std::optional<VerdictRecord>> find(const std::string& path) = 0;
  virtual void keep(VerdictRecord record) = 0;
  virtual void forget(const std::string& path) = 0;
};

/// For as long as the process lives: the command line, and tests.
class MemoryVerdicts final : public VerdictStore {
 public:
  asio::awaitable<std::optional<VerdictRecord>> find(const std::string& path) override;
  void keep(VerdictRecord record) override { records_[record.path] = std::move(record); }
  void forget(const std::string& path) override { records_.erase(path); }
  std::size_t size() const { return records_.size(); }

 private:
  std::map<std::string, VerdictRecord> records_;
};

class VerdictCache {
 public:
  /// `reader` as of reader_version(). The references must outlive it.
  VerdictCache(Clock& clock, VerdictStore& store, std::string reader)
      : clock_(clock), store_(store), reader_(std::move(reader)) {}

  asio::awaitable<std::optional<tensors::FileReport>> find(const std::string& path,
                                                           const FileIdentity& identity);
  /// Keeps what worth_keeping() says is worth it. The report's own identity is its key.
  void keep(const tensors::FileReport& report);
  void forget(const std::string& path) { store_.forget(path); }

 private:
  Clock& clock_;
  VerdictStore& store_;
  std::string reader_;
};

/// Redflag's version and what tells one build of the program from another; without the program only the
/// version.
std::string reader_version(const std::string& program);

constexpr std::size_t kKeptReportBytes = std::size_t{256} << 10;
constexpr std::size_t kKeptAtMostBytes = std::size_t{4} << 20;

/// The report as JSON of at most kKeptReportBytes: where it is longer, without statistics of its tensors;
/// names, shapes, hashes and findings all stay. If they alone take more than kKeptAtMostBytes there is
/// nothing to keep (a report with tensors missing would make others look incomplete).
std::optional<std::string> text_to_keep(tensors::FileReport report);

}  // namespace redflag::daemon
