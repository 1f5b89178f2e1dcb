// Space kept for the moment when the disk is full: a file whose blocks are really allocated, given up when
// the database needs them. A full disk is when alerts matter most: the trainer's checkpoints fail too.
#pragma once

#include <cstdint>
#include <string>

namespace redflag::daemon {

/// Used by one thread at a time. The file outlives the process, so a start on a full disk has it too.
class Reserve {
 public:
  static constexpr std::uint64_t kBytes = 8ULL << 20U;

  explicit Reserve(std::string path, std::uint64_t bytes = kBytes);

  /// Makes the file unless it is there whole. False, and no file is left, when the disk cannot give it and as
  /// much again: what was given up a moment ago is not taken back.
  bool make();
  /// Gives the space back. True when there was some to give.
  bool release();
  /// As of the last call of the others.
  bool held() const { return held_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string path_;
  std::uint64_t bytes_;
  bool held_ = false;
};

}  // namespace redflag::daemon
