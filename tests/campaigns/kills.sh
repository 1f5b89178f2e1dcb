#!/usr/bin/env bash
# 500 kill -9 under load, at named points and random moments, also on a disk that forgets what was not synced; usage: kills [KILLS] [MINUTES] [SEED]
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release
command -v /usr/bin/python3 >/dev/null || apt-get install -y -qq --no-install-recommends python3 >/dev/null
shim=build/release/unsynced.so
gcc -shared -fPIC -O2 -Wall -Wextra -o "$shim" tests/campaigns/unsynced.c -ldl
exec /usr/bin/python3 tests/campaigns/kills.py build/release/bin "$shim" "$@"
