// Whether a file that is followed is still the one it was: it may have grown, or been cut, rotated, replaced
// by another of the same name. Pure: the caller looks (stat, and the file's first bytes), this decides.
#pragma once

#include <cstdint>
#include <string_view>

namespace redflag::daemon::local {

/// What identifies a file as far as can be seen. Kept beside its cursor.
struct FileMark {
  static constexpr std::size_t kHeadBytes = 1024;

  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::uint32_t head_bytes = 0;  ///< how many bytes `head` was made of
  std::uint32_t head = 0;        ///< checksum of the file's beginning

  bool operator==(const FileMark&) const = default;
};

/// `beginning`: the file's first bytes, kHeadBytes of them or as many as there are.
FileMark mark_file(std::uint64_t inode, std::uint64_t size, std::string_view beginning);

enum class FileChange : std::uint8_t {
  none,
  grown,
  shrunk,    ///< the same beginning, fewer bytes than were read: read it anew from 0
  replaced,  ///< another beginning: another file. Another inode with the same beginning is the same file,
             ///< copied or written anew with more in it
};

/// `beginning` as for mark_file, of the file as it is now.
FileChange compare(const FileMark& before, const FileMark& now, std::string_view beginning);

}  // namespace redflag::daemon::local
