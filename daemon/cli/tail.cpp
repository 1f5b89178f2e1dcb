#include "daemon/cli/tail.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "daemon/base/spawn.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/interrupt.h"
#include "daemon/cli/log_entry.h"
#include "daemon/cli/log_follower.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/suggest.h"

namespace redflag::daemon {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds{250};
constexpr std::size_t kMostLine = 1 << 20;

/// Prints what is wanted of what comes, at once.
class Printer {
 public:
  Printer(LogFilter filter, bool json) : filter_(std::move(filter)), json_(json) {}

  void line(const LogEntry& entry) const {
    if (!filter_.wants(entry)) return;
    fmt::print("{}\n", json_ ? log_entry_json(entry) : log_entry_text(entry, look_));
  }
  /// Of ours, not of the log: on stderr, so that a pipe gets the log and nothing else.
  static void remark(const std::string& text) {
    std::fflush(stdout);
    fmt::print(stderr, "-- {}\n", alerts::escape_terminal(text));
  }
  static void flush() { std::fflush(stdout); }

 private:
  LogFilter filter_;
  bool json_;
  Look look_ = Look::of_stdout();
};

int follow_file(const std::string& path, std::size_t lines, bool follow, const Printer& printer) {
  Interrupt interrupt;
  LogFollower log(path, lines);
  std::string told;
  for (;;) {
    const LogFollower::News news = log.poll();
    if (log.trouble().empty() && !told.empty()) Printer::remark(path + " is there");
    if (log.trouble() != told && !log.trouble().empty()) {
      if (!follow) {
        fmt::print(stderr, "redflag tail: {}: {}\n", alerts::escape_terminal(path), log.trouble());
        return kNotReached;
      }
      Printer::remark(fmt::format("{}: {}; waiting for it", path, log.trouble()));
    }
    told = log.trouble();
    if (!news.remark.empty()) Printer::remark(news.remark);
    for (const std::string& line : news.lines) printer.line(read_log_line(line));
    Printer::flush();
    if (log.more()) {
      if (interrupt.asked()) return 0;
      continue;
    }
    if (!follow) {
      if (const std::string rest = log.rest(); !rest.empty()) printer.line(read_log_line(rest));
      Printer::flush();
      return 0;
    }
    if (!interrupt.wait(kLookEvery)) return 0;
  }
}

std::string in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const std::string file = fmt::format("{}/{}", rest.substr(0, rest.find(':')), name);
    if (file.front() == '/' && ::access(file.c_str(), X_OK) == 0) return file;
    rest.remove_prefix(
        std::min(rest.size(), rest.find(':') == std::string_view::npos ? rest.size() : rest.find(':') + 1));
  }
  return {};
}

/// journalctl as a child, its lines read from a pipe; gone when this is.
class Journal {
 public:
  static Result<Journal> open(std::size_t lines, bool follow) {
    SpawnOptions options;
    options.program = in_path("journalctl");
    if (options.program.empty())
      return fail(ErrorCode::not_found, "reading the journal", "there is no journalctl on this machine");
    options.arguments = {"--output=json", "--no-pager", "--quiet", fmt::format("--lines={}", lines),
                         "--identifier=redflagd"};
    if (follow) options.arguments.emplace_back("--follow");
    for (char** each = environ; *each != nullptr; ++each) options.environment.emplace_back(*each);
    options.input = ChildStream::nothing;
    options.output = ChildStream::pipe;
    options.errors = ChildStream::inherit;
    Result<Spawned> child = spawn(options);
    if (!child) return tl::unexpected<Error>(std::move(child.error()));
    return Journal(*child);
  }
  Journal(Journal&& other) noexcept : child_(std::exchange(other.child_, Spawned{})) {}
  Journal& operator=(Journal&&) = delete;
  ~Journal() { end(); }

  int fd() const { return child_.output; }
  /// Lines that are there; false: there will be no more.
  bool read(std::vector<std::string>& lines) {
    std::array<char, 64 * 1024> buffer{};
    const ssize_t got = ::read(child_.output, buffer.data(), buffer.size());
    if (got <= 0) return false;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      if (partial_.size() < kMostLine) partial_ += rest.substr(0, end);
      if (end == std::string_view::npos) break;
      lines.push_back(std::move(partial_));
      partial_.clear();
      rest.remove_prefix(end + 1);
    }
    return true;
  }
  /// Its exit code once it has ended by itself.
  int end() {
    if (child_.pid < 0) return 0;
    ::close(child_.output);
    if (child_.pidfd >= 0) ::close(child_.pidfd);
    (void)::kill(child_.pid, SIGTERM);
    int status = 0;
    while (::waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    child_.pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  }

 private:
  explicit Journal(Spawned child) : child_(child) {}

  Spawned child_;
  std::string partial_;
};

int follow_journal(std::size_t lines, bool follow, const Printer& printer) {
  Interrupt interrupt;
  Result<Journal> journal = Journal::open(lines, follow);
  if (!journal) {
    fmt::print(stderr, "redflag tail: redflagd logs to the journal or to standard error, and {}\n  {}\n",
               journal.error().what,
               "set log.file in its configuration, or name the file it was directed to: --file PATH");
    return kNotReached;
  }
  // Nothing at all may come of it: a redflagd that was started by hand is not in the journal.
  if (follow)
    Printer::remark(
        "following the journal; what a redflagd started by hand says is where it was directed to: --file "
        "PATH");
  for (;;) {
    if (!interrupt.wait(std::chrono::hours{1}, journal->fd())) return 0;
    std::vector<std::string> news;
    const bool more = journal->read(news);
    for (const std::string& line : news) printer.line(read_journal_line(line));
    Printer::flush();
    if (more) continue;
    const int code = journal->end();
    if (code != 0 || follow) {
      Printer::remark(fmt::format("journalctl ended (exit code {})", code));
      return kNotReached;
    }
    return 0;
  }
}

int wrong(const std::string& what) {
  fmt::print(stderr, "redflag tail: {}\n", what);
  return kWrongUsage;
}

/// "-n 20" and "-n20", as tail(1) has it.
std::vector<std::string> with_long_names(const std::vector<std::string>& words) {
  std::vector<std::string> all;
  for (const std::string& word : words) {
    if (word == "-n") {
      all.emplace_back("--lines");
    } else if (word.starts_with("-n") && word.size() > 2) {
      all.push_back("--lines=" + word.substr(2));
    } else if (word == "-f") {
      continue;
    } else {
      all.push_back(word);
    }
  }
  return all;
}

}  // namespace

const CommandSpec& tail_spec() {
  static const CommandSpec kSpec{
      "tail",
      "",
      "Follows the daemon's log, made readable: alerts stand out.",
      "The log is log.file of the configuration; under systemd, without one, the\n"
      "journal (through journalctl). It survives rotation and truncation. What is no\n"
      "line of redflagd's is shown as it is. Ctrl-C ends it.\n\n"
      "!! marks a critical alert, ! another one, + the end of one. --severity shows\n"
      "alerts only, of this severity and worse; --level drops lines below it. PATTERN\n"
      "is a run's name or key, with * and ?.\n\n"
      "exit codes: 0 ended by you, 2 wrong usage, 3 there is no log to be read\n\n"
      "examples:\n"
      "  redflag tail\n"
      "  redflag tail -n 200 --run 'full_ft_sst2_*'\n"
      "  redflag tail --severity warning\n"
      "  redflag tail --no-follow --lines 1000 --json | jq -r 'select(.alert).text'",
      {{"lines", "N", "begin so many lines before the end (20); also -n N"},
       {"run", "PATTERN", "lines about these runs"},
       {"severity", "S", "only alerts: critical, warning or info, and worse"},
       {"level", "L", "debug, info, warning, error, critical, and worse"},
       {"no-follow", "", "end at the end of the log"},
       {"json", "", "one JSON object a line, whatever the log's form"},
       {"file", "PATH", "this log"},
       {"config", "FILE", "the daemon's configuration, which names its log"}}};
  return kSpec;
}

int tail_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = tail_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, with_long_names(words));
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  const Result<double> lines = arguments->number("lines", 20, 0, 1'000'000);
  if (!lines) return wrong(lines.error().text());
  LogFilter filter;
  filter.run = arguments->value("run");
  if (arguments->has("severity")) {
    filter.severity = severity_from(arguments->value("severity"));
    if (!filter.severity) return wrong("--severity is critical, warning or info");
  }
  if (arguments->has("level")) {
    const std::optional<LogLevel> level = log_level_from(arguments->value("level"));
    if (!level) return wrong("--level is debug, info, warning, error or critical");
    filter.level = *level;
  }
  const Printer printer(filter, arguments->has("json"));
  const bool follow = !arguments->has("no-follow");
  const auto count = static_cast<std::size_t>(*lines);
  if (arguments->has("file")) return follow_file(arguments->value("file"), count, follow, printer);
  const ConfigResult parsed = load_config(process_load_options(
      arguments->has("config") ? std::optional<std::string>(arguments->value("config")) : std::nullopt));
  if (!parsed && arguments->has("config")) {
    fmt::print(stderr, "{}", parsed.error().text());
    return kWrongUsage;
  }
  // What this user may not read is most likely the system's, whose log is the journal.
  const std::string file = parsed ? parsed->config.log.file : "journal";
  if (file == "stderr" || file == "journal" || file.empty()) return follow_journal(count, follow, printer);
  return follow_file(file, count, follow, printer);
}

}  // namespace redflag::daemon
