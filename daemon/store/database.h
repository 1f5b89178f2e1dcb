// SQLite with values instead of error codes: a connection and prepared statements, nothing more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/store/trouble.h"
#include "rules/values/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace redflag::daemon {

/// A prepared statement that is ready to be bound again after each use. Belongs to its Database and must not
/// outlive it.
class Statement {
 public:
  /// Notes in `trouble` why it failed, when it does.
  Statement(sqlite3_stmt* statement, StoreTrouble* trouble) : statement_(statement), trouble_(trouble) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::int64_t value);

  /// Runs a statement that returns no rows.
  Result<void> run();
  /// true: a row is ready to be read. false: there are no more.
  Result<bool> step();
  std::string text(int column) const;
  std::int64_t integer(int column) const;
  void reset();

 private:
  sqlite3_stmt* statement_;
  StoreTrouble* trouble_;
};

/// One connection, used by one thread at a time. WAL, synchronous=FULL: a committed transaction survives a
/// power cut.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  /// To look into a database that a daemon may have open: nothing is created, nothing changed.
  static Result<std::unique_ptr<Database>> open_to_read(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<void> execute(const std::string& sql);
  /// Ends a transaction that failed; SQLite has often done so itself.
  void rollback();
  Result<Statement> prepare(const std::string& sql);
  /// The same statement, compiled once per connection; `sql` must have static storage.
  Result<Statement*> cached(const char* sql);
  Result<std::int64_t> query_integer(const std::string& sql);
  /// From another thread: what runs ends with an error.
  void interrupt();
  /// Reads the whole file: "ok", or what is wrong with it.
  Result<std::string> quick_check();
  const std::string& path() const { return path_; }
  /// Why the last call that failed did so.
  StoreTrouble trouble() const { return trouble_; }

 private:
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  sqlite3* handle_;
  std::string path_;
  StoreTrouble trouble_ = StoreTrouble::none;
  std::unordered_map<const char*, std::unique_ptr<Statement>> cache_;
};

}  // namespace redflag::daemon
