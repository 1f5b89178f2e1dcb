// A client that sends what it is told to, byte for byte, and reads what comes: a browser, or something that
// pretends to be one.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace redflag::test {

class Wire {
 public:
  explicit Wire(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval limit{20, 0};  // so that a mistake ends as a failed test
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("nobody listens");
  }
  ~Wire() { ::close(socket_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void send(const std::string& text) {
    if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("it does not listen any more");
  }

  /// Reads on until `words` have come since the last call; gives all up to them. Without words: what comes
  /// before the end.
  std::string until(const std::string& words) {
    for (;;) {
      const std::size_t found = words.empty() ? std::string::npos : read_.find(words);
      if (found != std::string::npos) {
        std::string text = read_.substr(0, found + words.size());
        read_.erase(0, text.size());
        return text;
      }
      char buffer[4096];
      const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
      if (size <= 0) return std::exchange(read_, {});
      read_.append(buffer, static_cast<std::size_t>(size));
    }
  }

 private:
  int socket_;
  std::string read_;
};

}  // namespace redflag::test
