// A disk that can be told to fail: an SQLite VFS in front of the real one. It refuses on demand, and it can
// lose what was not synced, as a power cut does: whole writes, or all but the first half of one.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace redflag::test {

enum class DiskFault : std::uint8_t {
  none,
  full,         ///< writes that would make a file grow: no space left
  write_error,  ///< every write: input/output error
  sync_error,   ///< every fsync: input/output error
  damaged,      ///< every write finds the file damaged, until another is opened
  dead,         ///< the power is gone: nothing works any more
};

/// In force for every database opened from its construction to its destruction; one at a time, one thread at
/// a time.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  DiskFault fault = DiskFault::none;
  /// While this file exists a full disk is full; without it there is `spare_bytes` for everybody. Empty:
  /// always full.
  std::string reserve;
  std::int64_t spare_bytes = 0;

  std::uint64_t writes = 0;  ///< that were tried, truncations included
  std::uint64_t syncs = 0;
  std::uint64_t refusals = 0;
  /// At this write (counted as above, from 1) the power goes: fault becomes `dead`. 0: never.
  std::uint64_t power_cut_at = 0;

  /// From now on what was not synced can be lost. Costs a copy of the file for each fsync.
  void track_unsynced();
  /// To be called when nobody has a database open: puts the files into a state in which a power cut can leave
  /// them. Of the writes since its last sync each file keeps, at random, none, some in any order, or parts of
  /// them.
  void power_cut(std::mt19937_64& random);
};

}  // namespace redflag::test
