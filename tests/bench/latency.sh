#!/usr/bin/env bash
# from a history row at W&B (1 s poll), and from a truncated file closing, to the alert at Slack: p50 and p99 of 200; usage: latency [N] [rows|files]
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --build --preset release --target redflag_bench_latency >/dev/null
exec build/release/bin/redflag_bench_latency "${1:-200}" "${2:-both}"
