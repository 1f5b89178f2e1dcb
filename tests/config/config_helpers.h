// What the configuration's tests share: an environment from a list, a parse in one call, a directory that
// goes away.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/config/config_loader.h"
#include "daemon/config/config_parser.h"

namespace redflag::daemon::test {

using Variables = std::map<std::string, std::string, std::less<>>;

inline Environment environment(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

/// Parses as redflag.yaml in /etc/redflag, with a home and nothing else in the environment unless given.
inline ConfigResult parse(std::string text, Variables variables = {}) {
  variables.emplace("HOME", "/home/someone");
  ConfigContext context;
  context.env = environment(std::move(variables));
  context.base_directory = "/etc/redflag";
  return parse_config(std::move(text), "redflag.yaml", context);
}

/// What is said about the text, warnings about an empty configuration left out.
inline std::string complaints(const std::string& text, Variables variables = {}) {
  const ConfigResult result = parse(text, std::move(variables));
  return result ? std::string() : result.error().text();
}

inline Config accepted(const std::string& text, Variables variables = {}) {
  ConfigResult result = parse(text, std::move(variables));
  if (!result) throw std::runtime_error(result.error().text());
  return std::move(result->config);
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "redflag-config-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    const std::string file = path(name);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }

 private:
  std::string path_;
};

/// Shaped like the real ones, and nobody's.
inline const std::string kKey = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";
inline const std::string kWebhook =
    "https://hooks.slack.com/services/T01ABCDEF/B02GHIJKL/mNoPqRsTuVwXyZ0123456789";

/// Does any part of the secret that would help a thief show?
inline bool leaks(const std::string& text, const std::string& secret) {
  for (std::size_t i = 0; i + 10 <= secret.size(); ++i) {
    if (text.find(secret.substr(i, 10)) != std::string::npos && secret.compare(i, 10, "https://ho") != 0 &&
        i >= (secret[0] == 'h' ? 24U : 0U))
      return true;
  }
  return false;
}

}  // namespace redflag::daemon::test
