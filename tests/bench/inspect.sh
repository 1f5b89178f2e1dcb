#!/usr/bin/env bash
# GB/s of redflag-inspect (checksums and statistics) beside memory reads, cat and torch.load, warm and cold; usage: inspect [REPEATS] [DIRECTORY]
# Files of 100 MB and 1 GB, fp32 and bf16, .pt and safetensors, made in DIRECTORY (build/bench: 4.5 GB, kept for the next time).
set -euo pipefail
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import torch' 2>/dev/null || ./dev setup python3-torch
cmake --build --preset release --target redflag-inspect redflag_bench_memory_read >/dev/null
exec /usr/bin/python3 tests/bench/inspect_speed.py build/release/bin "${1:-5}" "${2:-build/bench}"
