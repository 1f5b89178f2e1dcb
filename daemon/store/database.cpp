#include "daemon/store/database.h"

#include <cerrno>
#include <utility>

#include <sqlite3.h>
#include <sys/stat.h>

namespace redflag::daemon {
namespace {

StoreTrouble trouble_of(sqlite3* handle, int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return StoreTrouble::full;
    case SQLITE_IOERR: {
      // SQLite calls only a refused write full, not a refused fsync, quota or shared-memory file.
      const int cause = handle != nullptr ? sqlite3_system_errno(handle) : 0;
      const bool full = cause == ENOSPC || cause == EDQUOT || code == SQLITE_IOERR_SHMSIZE;
      return full ? StoreTrouble::full : StoreTrouble::io;
    }
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return StoreTrouble::damaged;
    default:
      return StoreTrouble::other;
  }
}

tl::unexpected<Error> sqlite_error(sqlite3* handle, int code, std::string doing, StoreTrouble& trouble) {
  trouble = trouble_of(handle, code);
  const int primary = code & 0xff;
  std::string advice;
  bool retryable = false;
  switch (primary) {
    case SQLITE_FULL:
      advice = "free space on the file system of the state directory", retryable = true;
      break;
    case SQLITE_IOERR:
      advice = "check the disk (dmesg)", retryable = true;
      break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      advice = "make the state directory writable for the user that redflagd runs as";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      advice = "another program has the database open", retryable = true;
      break;
    default:
      break;
  }
  return fail(ErrorCode::storage, std::move(doing),
              handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code), advice, retryable);
}

}  // namespace

std::string_view to_words(StoreTrouble trouble) {
  switch (trouble) {
    case StoreTrouble::none:
      return "";
    case StoreTrouble::full:
      return "redflag's disk is full";
    case StoreTrouble::io:
      return "redflag's disk answers with errors";
    case StoreTrouble::damaged:
      return "redflag's state database is damaged";
    case StoreTrouble::other:
      return "redflag cannot write its state";
  }
  return "";
}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), trouble_(other.trouble_) {}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}

Result<void> Statement::run() {
  Result<bool> stepped = step();
  reset();
  if (!stepped) return tl::unexpected<Error>(std::move(stepped.error()));
  return {};
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto error = sqlite_error(sqlite3_db_handle(statement_), code, "writing the state database", *trouble_);
  reset();
  return error;
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return bytes == nullptr
             ? std::string()
             : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const mode_t before = ::umask(0077);  // alerts name runs and hosts: nobody else's business
  const int code = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  ::umask(before);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (code != SQLITE_OK)
    return sqlite_error(handle, code, "opening the state database " + path, database->trouble_);
  sqlite3_busy_timeout(handle, 2000);
  // The WAL is kept small: its size is what a start after a crash has to read.
  const Result<void> tuned = database->execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
      "PRAGMA cache_size=-1024; PRAGMA wal_autocheckpoint=500; PRAGMA journal_size_limit=4194304; PRAGMA "
      "temp_store=MEMORY;");
  if (!tuned) return tl::unexpected<Error>(tuned.error());
  return database;
}

Result<std::unique_ptr<Database>> Database::open_to_read(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (code != SQLITE_OK)
    return sqlite_error(handle, code, "opening the state database " + path, database->trouble_);
  sqlite3_busy_timeout(handle, 2000);
  return database;
}

Database::~Database() {
  cache_.clear();
  sqlite3_close(handle_);
}

Result<void> Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(handle_, code, "writing the state database " + path_, trouble_);
  return {};
}

void Database::rollback() {
  if (sqlite3_get_autocommit(handle_) == 0)
    (void)sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<Statement> Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(handle_, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return sqlite_error(handle_, code, "reading the state database " + path_, trouble_);
  return Statement(statement, &trouble_);
}

Result<Statement*> Database::cached(const char* sql) {
  auto found = cache_.find(sql);
  if (found == cache_.end()) {
    Result<Statement> prepared = prepare(sql);
    if (!prepared) return tl::unexpected<Error>(std::move(prepared.error()));
    found = cache_.emplace(sql, std::make_unique<Statement>(std::move(*prepared))).first;
  }
  return found->second.get();
}

Result<std::int64_t> Database::query_integer(const std::string& sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected<Error>(std::move(statement.error()));
  const Result<bool> row = statement->step();
  if (!row) return tl::unexpected<Error>(row.error());
  return *row ? statement->integer(0) : 0;
}

void Database::interrupt() {
  sqlite3_interrupt(handle_);
}

Result<std::string> Database::quick_check() {
  Result<Statement> statement = prepare("PRAGMA quick_check(5)");
  if (!statement) return tl::unexpected<Error>(std::move(statement.error()));
  std::string found;
  for (;;) {
    const Result<bool> row = statement->step();
    if (!row) return tl::unexpected<Error>(row.error());
    if (!*row) return found;
    found += (found.empty() ? "" : "; ") + statement->text(0);
  }
}

}  // namespace redflag::daemon
