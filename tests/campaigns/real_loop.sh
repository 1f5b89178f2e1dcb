#!/usr/bin/env bash
# a real PyTorch training loop with ten faults, one at a time, a healthy loop beside each: what is found, how soon; usage: real_loop [FAULT…]
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev setup python3 python3-torch
./dev build release --target redflag redflagd redflag-inspect
exec /usr/bin/python3 tests/campaigns/real_loop/watch.py build/release/bin "$@"
