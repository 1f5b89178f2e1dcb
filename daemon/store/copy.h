// A copy of the daemon's store for somebody who wants to look at what it knows without disturbing it.
#pragma once

#include <cstdint>
#include <string>

#include "rules/values/error.h"

namespace redflag::daemon {

/// Copies `from`/redflag.db to `to`/redflag.db, whole and consistent, beside a daemon that writes (SQLite's
/// backup). Errors: not_found, denied; too_large beyond `most` bytes; storage.
Result<void> copy_store(const std::string& from, const std::string& to, std::uint64_t most);

}  // namespace redflag::daemon
