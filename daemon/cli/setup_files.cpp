// The files of `redflag setup`: what goes into them, and putting them where they belong without destroying
// anything.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cli/setup_answers.h"
#include "daemon/config/mask.h"
#include "daemon/config/values.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;
using settings::yaml_text;

std::string drop_in_file(const SetupAnswers& answers) {
  return answers.unit_directory + "/credentials.conf";
}

std::string drop_in_text(const SetupAnswers& answers) {
  std::string text = "# Written by `redflag setup`: systemd hands redflagd its secrets.\n[Service]\n";
  const auto add = [&](const char* name, const std::optional<SetupSecret>& secret) {
    if (!secret || secret->file.empty()) return;
    // systemd expands %.
    std::string path;
    for (const char c : secret->file) path += c == '%' ? std::string("%%") : std::string(1, c);
    text += fmt::format("LoadCredential={}:{}\n", name, path);
  };
  add("wandb_api_key", answers.key);
  add("slack_webhook", answers.webhook);
  return text;
}

bool wants_drop_in(const SetupAnswers& answers) {
  return answers.for_service() && (answers.key.has_value() || answers.webhook.has_value());
}

/// Is there nothing in the file but comments and blank lines, as in the one that the package brings?
bool only_comments(const std::string& path) {
  std::ifstream in(path);
  if (!in) return false;
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos || line[first] == '#') continue;
    // Sections whose keys are all commented out, too: "wandb:".
    const std::size_t colon = line.find(':', first);
    if (colon == std::string::npos || line.find_first_not_of(" \t\r", colon + 1) != std::string::npos)
      return false;
  }
  return true;
}

tl::unexpected<Error> storage_error(const std::string& path, int number) {
  return fail(number == EACCES ? ErrorCode::denied : ErrorCode::storage, "writing " + settings::shown(path),
              std::strerror(number));
}

/// Whole or not at all: written beside, made durable, then moved over.
Result<void> write_whole(const std::string& path, std::string_view text, mode_t mode) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (file < 0) return storage_error(path, errno);
  int problem = ::fchmod(file, mode) == 0 ? 0 : errno;
  while (!text.empty() && problem == 0) {
    const ssize_t done = ::write(file, text.data(), text.size());
    if (done < 0 && errno != EINTR) problem = errno;
    if (done > 0) text.remove_prefix(static_cast<std::size_t>(done));
  }
  if (problem == 0 && ::fsync(file) != 0) problem = errno;
  ::close(file);
  if (problem == 0 && ::rename(beside.c_str(), path.c_str()) != 0) problem = errno;
  if (problem == 0) return {};
  ::unlink(beside.c_str());
  return storage_error(path, problem);
}

Result<void> make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error) return {};
  return storage_error(path, error.value());
}

Result<void> write_secret(const std::optional<SetupSecret>& secret, WrittenFiles& files) {
  if (!secret || !secret->to_be_written) return {};
  std::string line(secret->value.reveal());
  line += '\n';
  Result<void> done = write_whole(secret->file, line, 0600);
  wipe(line);
  if (done) files.paths.push_back(secret->file);
  return done;
}

}  // namespace

std::string configuration_text(const SetupAnswers& answers) {
  std::string text =
      "# Written by `redflag setup`. Every key, commented: redflagd --example-config, or man redflag.yaml.\n";
  if (!answers.project.empty()) {
    text += "wandb:\n";
    if (!answers.base_url.empty()) text += fmt::format("  base_url: {}\n", yaml_text(answers.base_url));
    if (!answers.ca_file.empty()) text += fmt::format("  ca_file: {}\n", yaml_text(answers.ca_file));
    text += "  projects:\n    - ";
    if (!answers.entity.empty()) text += fmt::format("entity: {}\n      ", yaml_text(answers.entity));
    text += fmt::format("project: {}\n", yaml_text(answers.project));
    if (!answers.for_service() && answers.key && !answers.key->file.empty())
      text += fmt::format("  api_key_file: {}\n", yaml_text(answers.key->file));
  }
  // Without this redflagd would say at each start that no project is named.
  if (answers.project.empty()) text += "wandb:\n  enabled: false\n";
  if (!answers.results.empty()) {
    text += "results:\n  roots:\n";
    for (const std::string& path : answers.results) text += fmt::format("    - path: {}\n", yaml_text(path));
  }
  // The service gets its webhook as a credential, and with it a receiver for Slack beside the log by default.
  if (!answers.for_service() && answers.webhook) {
    text += fmt::format(
        "alerts:\n  receivers:\n    - type: slack\n      webhook_file: {}\n      min_severity: warning\n    "
        "- type: log\n",
        yaml_text(answers.webhook->file));
  }
  return text;
}

Result<void> refuse_existing(const SetupAnswers& answers, bool force) {
  if (force) return {};
  const auto refuse = [](const std::string& path) {
    return fail(ErrorCode::conflict, {}, settings::shown(path) + " is there already",
                "--force replaces it; --output FILE writes elsewhere");
  };
  std::error_code ignored;
  if (fs::exists(answers.output, ignored) && !only_comments(answers.output)) return refuse(answers.output);
  if (wants_drop_in(answers) && fs::exists(drop_in_file(answers), ignored))
    return refuse(drop_in_file(answers));
  for (const std::optional<SetupSecret>* secret : {&answers.key, &answers.webhook}) {
    if (*secret && (*secret)->to_be_written && fs::exists((*secret)->file, ignored))
      return refuse((*secret)->file);
  }
  return {};
}

Result<WrittenFiles> write_files(const SetupAnswers& answers) {
  WrittenFiles files;
  const auto failed = [](Result<void>& done) { return tl::unexpected<Error>(std::move(done.error())); };
  Result<void> done = make_directory(fs::path(answers.output).parent_path().string());
  if (!done) return failed(done);
  for (const std::optional<SetupSecret>* secret : {&answers.key, &answers.webhook}) {
    if (done = write_secret(*secret, files); !done) return failed(done);
  }
  if (wants_drop_in(answers)) {
    if (done = make_directory(answers.unit_directory); !done) return failed(done);
    if (done = write_whole(drop_in_file(answers), drop_in_text(answers), 0644); !done) return failed(done);
    files.paths.push_back(drop_in_file(answers));
  }
  std::error_code ignored;
  if (fs::exists(answers.output, ignored) && only_comments(answers.output)) {
    files.kept = answers.output + ".example";
    fs::copy_file(answers.output, files.kept, fs::copy_options::overwrite_existing, ignored);
    if (ignored) files.kept.clear();
  }
  done = write_whole(answers.output, configuration_text(answers), answers.for_service() ? 0644 : 0600);
  if (!done) return failed(done);
  files.paths.push_back(answers.output);
  return files;
}

}  // namespace redflag::daemon
