// Reads ~/.netrc, where `wandb login` puts its key.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/config/secret.h"

namespace redflag::daemon {

/// The password of the first "machine HOST" entry, else of "default". Tokens are separated by blanks and line
/// breaks, in any layout; "quoted tokens" with \ escapes, # comments at the start of a token, and "macdef"
/// (up to an empty line) are understood, as in Python's netrc and curl. nullopt: no such entry, or one
/// without a password.
std::optional<Secret> netrc_password(std::string_view text, std::string_view host);

}  // namespace redflag::daemon
