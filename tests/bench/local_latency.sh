#!/usr/bin/env bash
# from a write of each kind of local file, or a push, to the alert at a webhook on loopback: p50 and p99; CPU beside 20 runs of 10 lines a second; usage: local_latency [N] [quiet|busy|cpu|all] [KIND…]
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --build --preset release --target redflagd >/dev/null
exec /usr/bin/python3 tests/bench/local_latency.py build/release/bin/redflagd "${1:-200}" "${@:2}"
