// What tells one state of a file from another, and the seam through which the service asks for it.
#pragma once

#include <optional>
#include <string>

#include "daemon/tensors/byte_source.h"
#include "daemon/tensors/report.h"

namespace redflag::daemon {

using FileIdentity = tensors::FileSource::Identity;

class FileProbe {
 public:
  virtual ~FileProbe() = default;
  /// As the path leads to it now, symbolic links followed; nullopt when there is no such file.
  virtual std::optional<FileIdentity> identity_of(const std::string& path) const = 0;
};

class SystemFileProbe final : public FileProbe {
 public:
  std::optional<FileIdentity> identity_of(const std::string& path) const override;
};

/// Of the file that the report is about, when the reader opened it.
FileIdentity identity_in(const tensors::FileReport& report);

}  // namespace redflag::daemon
