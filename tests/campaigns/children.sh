#!/usr/bin/env bash
# A reader that crashes, hangs, is killed or eats memory until the kernel ends it: the daemon's alert for each, and that it lives
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release --target redflagd redflag-inspect
exec /usr/bin/python3 tests/campaigns/children.py build/release/bin
