#!/usr/bin/env bash
# every fault between an alert and Slack, an hour each in simulated time: sent, duplicates, lost, time to recover; usage: faults [WORDS] [--texts]
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release --target redflag_faults
exec build/release/bin/redflag_faults "$@"
