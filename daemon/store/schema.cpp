#include "daemon/store/schema.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

namespace redflag::daemon {
namespace {

constexpr std::int64_t kApplicationId = 0x52464c47;  // "RFLG"

// One entry a version, in order. Never edit one that has shipped: add the next.
constexpr std::array<const char*, 3> kMigrations{
    // v1. A subject is stored as "kind:key". Times are microseconds since the epoch, UTC.
    R"sql(
    CREATE TABLE run (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;

    -- The points, row by row as they came: windows are rebuilt from them in this order.
    CREATE TABLE point (
      id INTEGER PRIMARY KEY,
      subject TEXT NOT NULL, kind INTEGER NOT NULL, run TEXT NOT NULL, source TEXT NOT NULL,
      seq INTEGER NOT NULL, attempt INTEGER NOT NULL, step INTEGER NOT NULL, time INTEGER NOT NULL,
      samples TEXT NOT NULL);
    CREATE INDEX point_by_subject ON point (subject, id);

    CREATE TABLE fact (
      subject TEXT NOT NULL, name TEXT NOT NULL, run TEXT NOT NULL, source TEXT NOT NULL, time INTEGER NOT NULL,
      value TEXT NOT NULL, PRIMARY KEY (subject, name)) WITHOUT ROWID;

    CREATE TABLE cursor (source TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;

    CREATE TABLE instance (
      rule TEXT NOT NULL, subject TEXT NOT NULL, state INTEGER NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (rule, subject)) WITHOUT ROWID;

    CREATE TABLE alert (
      id TEXT PRIMARY KEY, active INTEGER NOT NULL, ended_at INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX alert_by_activity ON alert (active, ended_at);

    -- A sent message stays until retention ends, so that the same announcement cannot be queued again.
    CREATE TABLE outbox (
      place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE INDEX outbox_by_state ON outbox (state, created);
    )sql",

    // v2. What was found in tensor files. Bounded: the oldest go, by the index alone.
    R"sql(
    CREATE TABLE verdict (
      path TEXT PRIMARY KEY, device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
      modified_ns INTEGER NOT NULL, reader TEXT NOT NULL, checked INTEGER NOT NULL, bytes INTEGER NOT NULL,
      report TEXT NOT NULL);
    CREATE INDEX verdict_by_age ON verdict (checked, bytes);
    )sql",

    // v3. Silences; acknowledgements are part of the alert's record.
    R"sql(
    CREATE TABLE silence (id TEXT PRIMARY KEY, ends INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
    )sql",
};

}  // namespace

int schema_version() {
  return static_cast<int>(kMigrations.size());
}

Result<void> migrate(Database& database) {
  const Result<std::int64_t> found = database.query_integer("PRAGMA user_version");
  if (!found) return tl::unexpected<Error>(found.error());
  if (*found > schema_version()) {
    return fail(ErrorCode::conflict, "opening the state database " + database.path(),
                fmt::format("it was written by a newer redflag (schema {}, this program knows {})", *found,
                            schema_version()),
                "install that version again, or move the file away to start afresh");
  }
  if (*found > 0 && *found < schema_version()) {
    // One from a start that was cut short may be there, whole or not.
    std::error_code ignored;
    std::filesystem::remove(fmt::format("{}.before-v{}", database.path(), schema_version()), ignored);
    if (Result<void> copied =
            database.execute(fmt::format("VACUUM INTO '{}.before-v{}'", database.path(), schema_version()));
        !copied) {
      return copied;
    }
  }
  for (auto version = *found; version < schema_version(); ++version) {
    const Result<void> done = database.execute(
        fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT;",
                    kMigrations[static_cast<std::size_t>(version)], kApplicationId, version + 1));
    if (!done) {
      database.rollback();
      return done;
    }
  }
  return {};
}

}  // namespace redflag::daemon
