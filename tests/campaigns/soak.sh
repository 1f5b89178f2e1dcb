#!/usr/bin/env bash
# 30 days of 50 runs a day in simulated time, with outages, crashes and restarts: memory, database, alerts exact; usage: soak [DAYS [RETENTION_DAYS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release --target redflag_soak
exec build/release/bin/redflag_soak "${1:-30}" "${2:-90}"
