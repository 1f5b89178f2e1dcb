#!/usr/bin/env bash
# a results tree (384 layers of 4 MB, 4 checkpoints of 325 MB) validated by `redflag inspect` and by a Python loop of the same checks; usage: validate_tree [REPEATS] [DIRECTORY]
# The tree is made in DIRECTORY (build/bench/tree: 3 GB, kept for the next time).
set -euo pipefail
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import torch' 2>/dev/null || ./dev setup python3-torch
cmake --build --preset release --target redflag redflag-inspect >/dev/null
exec /usr/bin/python3 tests/bench/validate_tree.py build/release/bin/redflag "${1:-3}" "${2:-build/bench/tree}"
