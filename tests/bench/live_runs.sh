#!/usr/bin/env bash
# memory and CPU of redflagd while it watches 50 live local runs, and how much a training loop beside it slows down; usage: live_runs [MINUTES] [RUNS]
set -euo pipefail
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import torch' 2>/dev/null || ./dev setup python3-torch
cmake --build --preset release --target redflagd >/dev/null
exec /usr/bin/python3 tests/bench/live_runs.py build/release/bin/redflagd "${1:-10}" "${2:-50}"
