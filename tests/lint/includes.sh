#!/usr/bin/env bash
# The rooms' one law of direction: daemon -> alerts, rules; alerts -> rules/values; rules -> nothing of ours.
# Also: rules/ and alerts/ touch no clock, file, thread or socket.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0
complain() { # complain REASON PATTERN FOLDER…
  local reason=$1 pattern=$2 found
  shift 2
  found=$(grep -rnE "$pattern" --include='*.h' --include='*.cpp' "$@" || true)
  [ -z "$found" ] && return 0
  printf '%s\n' "$found" | sed "s|^|includes: $reason: |" >&2
  bad=1
}

complain "rules may include only rules" '^#include "(alerts|daemon|tests)/' rules
complain "alerts may include only alerts and rules/values" '^#include "(daemon|tests)/|^#include "rules/(lang|engine|packs)/' alerts
complain "the daemon may not include tests" '^#include "tests/' daemon
complain "includes are written from the top of the project" '^#include "(\.|[^/"]*")' rules alerts daemon
complain "a pure room touches no file, socket, thread or process" \
  '^#include <(fstream|filesystem|thread|mutex|future|atomic|condition_variable|iostream|boost/.*|sys/.*|unistd\.h|fcntl\.h|sqlite3\.h|spdlog/.*)>' \
  rules alerts
complain "a pure room asks no clock" '(system_clock|steady_clock|high_resolution_clock)::now|[^_a-z]time\(nullptr\)|gettimeofday|random_device' rules alerts
# LibTorch belongs to redflag-forward alone.
complain "only redflag-forward may link LibTorch" '^#include <(torch|ATen|c10)/' rules alerts \
  $(find daemon -mindepth 1 -maxdepth 1 ! -name forward)
complain "awaitable operators throw multiple_exceptions at a cancellation: use timed() of daemon/base/timed.h" 'awaitable_operators' \
  $(find daemon -name '*.h' -o -name '*.cpp' | grep -vx daemon/base/timed.h)

[ $bad -eq 0 ] && echo "includes: ok" >&2
exit $bad
