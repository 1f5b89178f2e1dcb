// The journal's native protocol: one datagram an entry, with fields that journalctl can search for.
// Source: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace redflag::daemon {

using JournalFields = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";
inline constexpr std::size_t kMaxJournalValue = 48 * 1024;  ///< longer values are cut
inline constexpr std::size_t kMaxJournalEntry =
    160 * 1024;  ///< later fields are left out: a datagram has a limit

/// The datagram. A value with a line break goes in the form that gives its length, so that it can add no
/// field of its own. A name that is none (capitals, digits, _; no digit or _ first) leaves its field out.
std::string journal_datagram(const JournalFields& fields);

/// A connection that needs no connecting: each entry finds the socket anew, so that a journal that was
/// restarted is no matter. Not thread-safe.
class JournalWriter {
 public:
  explicit JournalWriter(std::string socket_path);
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// False when the journal is not there or has no room: nothing was written, and nothing waits.
  bool send(const JournalFields& fields);

 private:
  std::string path_;
  int socket_ = -1;
};

}  // namespace redflag::daemon
