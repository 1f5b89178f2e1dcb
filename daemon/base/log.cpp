#include "daemon/base/log.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>

#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules/values/time.h"

namespace redflag::daemon {
namespace {

constexpr std::array<std::string_view, 5> kNames{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
constexpr std::array<std::string_view, 5> kPriorities{"7", "6", "4", "3", "2"};  // syslog's
constexpr std::array<std::string_view, 5> kColours{"\033[2m", "", "\033[33m", "\033[31m", "\033[1;31m"};

struct State {
  LogOptions options;
  bool colour = false;
  std::shared_ptr<spdlog::logger> logger;
  std::unique_ptr<JournalWriter> journal;
};

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  return ::isatty(STDERR_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') && !dumb;
}

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("redflag", std::move(sink));
  logger->set_pattern("%v");  // the line is laid out here, so that text and JSON share their time and level
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  logger->set_error_handler([](const std::string&) {});  // a full disk must not take the monitor down
  return logger;
}

State& state() {
  static State instance{
      {}, wants_colour(), make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>()), nullptr};
  return instance;
}

std::string escape_control(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<void> open_log(const LogOptions& options) {
  State& now = state();
  spdlog::sink_ptr sink;
  if (options.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    try {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    } catch (const spdlog::spdlog_ex& error) {
      return fail(
          ErrorCode::storage, "opening the log " + options.file, error.what(),
          "create its directory and make it writable, or leave log.file out to log to standard error");
    }
  }
  now.options = options;
  now.colour = options.file.empty() && options.format == LogFormat::text && wants_colour();
  now.logger = make_logger(std::move(sink));
  now.journal =
      options.journal_socket.empty() ? nullptr : std::make_unique<JournalWriter>(options.journal_socket);
  return {};
}

void reopen_log() {
  if (Result<void> reopened = open_log(LogOptions(state().options)); !reopened)
    log_error("log", "{}", reopened.error().text());
}

LogFormat log_format() {
  return state().options.format;
}

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

void log_line(LogLevel level, std::string_view area, std::string_view text) {
  log_event(level, area, text, {});
}

void log_event(LogLevel level, std::string_view area, std::string_view text, std::string_view fields_json,
               const JournalFields& journal) {
  State& now = state();
  if (level < now.options.level) return;
  const auto index = static_cast<std::size_t>(level);
  const Time time = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  std::string line;
  if (now.options.format == LogFormat::json) {
    line =
        fmt::format(R"({{"time":"{}","level":"{}","area":{},"text":{}{}{}}})", to_rfc3339(time),
                    kNames[index], quoted(area), quoted(text), fields_json.empty() ? "" : ",", fields_json);
  } else {
    if (now.options.timestamps) line = to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)) + ' ';
    const std::string_view on = now.colour ? kColours[index] : "";
    line += fmt::format("{}{:<8} {:<8} {}{}", on, kNames[index], area, escape_control(text),
                        on.empty() ? "" : "\033[0m");
  }
  if (now.journal) {
    JournalFields entry{{"MESSAGE", line},
                        {"PRIORITY", std::string(kPriorities[index])},
                        {"SYSLOG_IDENTIFIER", "redflagd"},
                        {"REDFLAG_AREA", std::string(area)}};
    entry.insert(entry.end(), journal.begin(), journal.end());
    if (now.journal->send(entry)) return;
  }
  now.logger->log(spdlog::level::info, "{}", line);
}

}  // namespace redflag::daemon
