// A growing file, line by line, through what happens to logs: rotation (another file under the name), copying
// and truncating, and a file that is not there yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace redflag::daemon {

class LogFollower {
 public:
  /// Begins `lines` lines before the end of what is there. The path may come into being later.
  LogFollower(std::string path, std::size_t lines);
  ~LogFollower();
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  struct News {
    std::vector<std::string> lines;  ///< without line ends; those over 1 MiB are cut
    std::string remark;              ///< "the log was rotated"; empty: nothing of the kind
  };
  /// What has come since, at most about 8 MiB at once; `more` says whether to come back at once. Does not
  /// wait.
  News poll();
  bool more() const { return more_; }
  /// What stands behind the last line end: for when nobody will come back.
  std::string rest();

  /// Why the file cannot be read at present ("no such file"); empty: it can.
  const std::string& trouble() const { return trouble_; }

 private:
  bool open();
  void close();
  void begin_before_the_end(std::size_t lines);
  bool changed_under_us() const;
  void read(News& news);

  std::string path_;
  std::size_t lines_;  // of the file that is there at the beginning
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::uint64_t offset_ = 0;
  std::string head_;     // the first bytes of the file: another head is another content
  std::string partial_;  // what stands behind the last line end
  bool cutting_ = false;
  bool more_ = false;
  bool first_ = true;
  std::string trouble_;
};

}  // namespace redflag::daemon
