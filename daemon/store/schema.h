// The tables, and how an older database becomes today's.
#pragma once

#include "daemon/store/database.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// Version that this program writes; kept in PRAGMA user_version.
int schema_version();

/// Creates the tables, or migrates an older database forward, each version in a transaction of its own;
/// before the first migration the file is copied to "PATH.before-vN". A newer database is refused
/// (ErrorCode::conflict).
Result<void> migrate(Database& database);

}  // namespace redflag::daemon
