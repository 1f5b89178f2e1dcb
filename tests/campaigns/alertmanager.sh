#!/usr/bin/env bash
# a real Prometheus Alertmanager: two daemons on one project, one notification for each alert, kept alive, resolved
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release --target redflag redflagd redflag-inspect
command -v /usr/bin/python3 >/dev/null || apt-get install -y -qq --no-install-recommends python3 >/dev/null
# Its service is not wanted, only the program.
command -v prometheus-alertmanager >/dev/null ||
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus-alertmanager >/dev/null
exec /usr/bin/python3 tests/campaigns/alertmanager.py build/release/bin "$@"
