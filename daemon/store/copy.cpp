#include "daemon/store/copy.h"

#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

namespace redflag::daemon {
namespace {

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Handle = std::unique_ptr<sqlite3, Close>;

Handle open(const std::string& path, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Handle owned(handle);
  if (code != SQLITE_OK) return nullptr;
  sqlite3_busy_timeout(handle, 500);
  return owned;
}

}  // namespace

Result<void> copy_store(const std::string& from, const std::string& to, std::uint64_t most) {
  const std::string source = from + "/redflag.db";
  const std::string doing = "copying what the daemon knows from " + source;
  std::error_code error;
  const auto size = std::filesystem::file_size(source, error);
  if (error) return fail(ErrorCode::not_found, doing, error.message());
  if (::access(source.c_str(), R_OK) != 0) return fail(ErrorCode::denied, doing, "it is not for this user");
  if (size > most) return fail(ErrorCode::too_large, doing, fmt::format("it has {} bytes", size));
  const Handle reader = open(source, SQLITE_OPEN_READONLY);
  const Handle writer = open(to + "/redflag.db", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!reader || !writer) return fail(ErrorCode::storage, doing, "it cannot be opened");
  sqlite3_backup* backup = sqlite3_backup_init(writer.get(), "main", reader.get(), "main");
  if (backup == nullptr) return fail(ErrorCode::storage, doing, sqlite3_errmsg(writer.get()));
  const int stepped = sqlite3_backup_step(backup, -1);  // in one go: a reader of a WAL holds up nobody
  const int finished = sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE || finished != SQLITE_OK) {
    std::error_code ignored;
    std::filesystem::remove(to + "/redflag.db", ignored);
    return fail(ErrorCode::storage, doing, sqlite3_errstr(stepped == SQLITE_DONE ? finished : stepped));
  }
  return {};
}

}  // namespace redflag::daemon
