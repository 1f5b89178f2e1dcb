#!/usr/bin/env bash
# kill -9 at named points and random moments of the demo: no alert lost, duplicates only of what was in flight
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release
command -v /usr/bin/python3 >/dev/null || apt-get install -y -qq --no-install-recommends python3 >/dev/null
exec /usr/bin/python3 tests/campaigns/kills.py build/release/bin "$@"
