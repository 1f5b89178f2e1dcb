#!/usr/bin/env bash
# a real Prometheus scrapes a running redflagd, evaluates alerting rules on it; promtool finds nothing to object to
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release --target redflag redflagd redflag-inspect
./dev setup python3
# Its service is not wanted, only the programs.
command -v promtool >/dev/null || RUNLEVEL=1 ./dev setup prometheus
exec /usr/bin/python3 tests/campaigns/prometheus.py build/release/bin "$@"
