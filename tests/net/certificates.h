// Certificates made on the spot, so that none in the repository can expire.
#pragma once

#include <memory>
#include <string>

namespace redflag::daemon::test {

/// A server's certificate and key, PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

/// A certificate authority of one test.
class Authority {
 public:
  Authority();
  ~Authority();

  /// Its own certificate, PEM.
  std::string pem() const;
  /// A certificate for `subject_alt_name` ("DNS:api.test", "IP:127.0.0.1"), valid from and until so many
  /// hours from now.
  Identity issue(const std::string& subject_alt_name, int from_hours = -24, int until_hours = 24) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

/// A file with this text, for as long as the object lives.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace redflag::daemon::test
