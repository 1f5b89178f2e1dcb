#include "daemon/base/journal.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace redflag::daemon {
namespace {

bool is_field_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '_' || (name.front() >= '0' && name.front() <= '9'))
    return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace

std::string journal_datagram(const JournalFields& fields) {
  std::string datagram;
  for (const auto& [name, whole] : fields) {
    if (!is_field_name(name)) continue;
    const std::string_view value = std::string_view(whole).substr(0, kMaxJournalValue);
    std::string field = name;
    if (value.find('\n') == std::string_view::npos) {
      field += '=';
    } else {
      field += '\n';
      // 64 bits, little-endian.
      for (unsigned shift = 0; shift < 64; shift += 8)
        field += static_cast<char>(static_cast<std::uint64_t>(value.size()) >> shift & 0xffU);
    }
    field += value;
    field += '\n';
    if (datagram.size() + field.size() > kMaxJournalEntry) continue;
    datagram += field;
  }
  return datagram;
}

JournalWriter::JournalWriter(std::string socket_path) : path_(std::move(socket_path)) {}

JournalWriter::~JournalWriter() {
  if (socket_ >= 0) ::close(socket_);
}

bool JournalWriter::send(const JournalFields& fields) {
  sockaddr_un address{};
  if (path_.size() >= sizeof(address.sun_path)) return false;
  if (socket_ < 0) socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  const std::string datagram = journal_datagram(fields);
  const void* to = &address;
  const ssize_t sent = ::sendto(socket_, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                static_cast<const sockaddr*>(to), sizeof(address));
  return sent == static_cast<ssize_t>(datagram.size());
}

}  // namespace redflag::daemon
