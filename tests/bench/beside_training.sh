#!/usr/bin/env bash
# how much a CPU training loop slows down while a 2.5 GB checkpoint is inspected beside it at low priority; usage: beside_training [ROUNDS] [DIRECTORY]
# The checkpoint is made in DIRECTORY (build/bench: 2.5 GB, kept for the next time).
set -euo pipefail
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import torch' 2>/dev/null || ./dev setup python3-torch
command -v ionice >/dev/null || ./dev setup util-linux
cmake --build --preset release --target redflag-inspect >/dev/null
exec /usr/bin/python3 tests/bench/beside_training.py build/release/bin/redflag-inspect "${1:-5}" "${2:-build/bench}"
