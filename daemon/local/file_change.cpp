#include "daemon/local/file_change.h"

#include <algorithm>

#include "daemon/local/crc.h"

namespace redflag::daemon::local {

FileMark mark_file(std::uint64_t inode, std::uint64_t size, std::string_view beginning) {
  beginning = beginning.substr(0, FileMark::kHeadBytes);
  return {inode, size, static_cast<std::uint32_t>(beginning.size()), crc32c(beginning)};
}

FileChange compare(const FileMark& before, const FileMark& now, std::string_view beginning) {
  // The file may have had fewer bytes then; those have to be the same.
  const std::size_t known = before.head_bytes;
  if (beginning.size() < known) return beginning.empty() ? FileChange::shrunk : FileChange::replaced;
  if (crc32c(beginning.substr(0, known)) != before.head) return FileChange::replaced;
  if (now.size < before.size) return FileChange::shrunk;
  return now.size > before.size ? FileChange::grown : FileChange::none;
}

}  // namespace redflag::daemon::local
