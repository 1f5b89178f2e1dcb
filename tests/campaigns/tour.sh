#!/usr/bin/env bash
# what each command prints, on the demo and on files that somebody else's trainings wrote (SAMPLES=DIR): writes docs/tour.md
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release --target redflag redflagd redflag-inspect redflag-forward
exec /usr/bin/python3 tests/campaigns/tour.py build/release/bin docs/tour.md "$@"
