// Bytes of a file at an offset: the seam below every reader, so that tests and fuzzers read from memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rules/values/error.h"

namespace redflag::tensors {

/// Thread-safe: read() keeps no position.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `out` from `offset`; the number of bytes read, fewer only where the file ends or cannot be read.
  virtual std::size_t read(std::uint64_t offset, void* out, std::size_t length) const = 0;
  /// A descriptor to map, or -1.
  virtual int descriptor() const { return -1; }

  /// The bytes [offset, offset+length) as far as they exist.
  std::string bytes(std::uint64_t offset, std::size_t length) const;
};

class MemorySource : public ByteSource {
 public:
  /// `bytes` must outlive the source.
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t offset, void* out, std::size_t length) const override;

 private:
  std::string_view bytes_;
};

class FileSource : public ByteSource {
 public:
  /// A regular file, opened without following a symbolic link into a device or waiting on a pipe.
  /// Errors: not_found, denied, invalid_input (not a regular file).
  static Result<FileSource> open(const std::string& path);
  FileSource(FileSource&& other) noexcept;
  FileSource& operator=(FileSource&&) = delete;
  ~FileSource() override;

  std::uint64_t size() const override { return identity_.size; }
  std::size_t read(std::uint64_t offset, void* out, std::size_t length) const override;
  int descriptor() const override { return descriptor_; }

  /// What tells one state of a file from another.
  struct Identity {
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;  ///< since 1970
    std::uint64_t inode = 0;
    std::uint64_t device = 0;
    bool operator==(const Identity&) const = default;
  };
  const Identity& identity() const { return identity_; }  ///< when it was opened
  Identity identity_now() const;
  /// Does the kernel vouch that somebody has it open for writing? False also when that cannot be told.
  bool has_writer() const;

 private:
  FileSource(int descriptor, Identity identity) : descriptor_(descriptor), identity_(identity) {}
  int descriptor_;
  Identity identity_;
};

}  // namespace redflag::tensors
