#include "daemon/host/small_file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <unistd.h>

namespace redflag::daemon {

std::optional<std::string> read_small_file(const std::string& path, std::size_t most, int* error) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    if (error != nullptr) *error = errno;
    return std::nullopt;
  }
  std::string text;
  std::optional<std::string> result;
  for (;;) {
    const std::size_t had = text.size();
    const std::size_t room = std::min<std::size_t>(most - had, 4096);
    text.resize(had + room);
    const ssize_t got = room == 0 ? 0 : ::read(fd, text.data() + had, room);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      if (error != nullptr) *error = errno;
      break;
    }
    if (got == 0) {
      result = std::move(text);
      break;
    }
  }
  ::close(fd);
  return result;
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> number_in_line(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(name)) continue;
    const std::string_view rest = line.substr(name.size());
    if (!rest.empty() && rest[0] != ' ' && rest[0] != '\t') continue;
    return leading_number(rest);
  }
  return std::nullopt;
}

}  // namespace redflag::daemon
