#!/usr/bin/env bash
# the live page in Chromium: live curves, flags, ack and silence, hostile names, keyboard, contrast, 5,000 runs, screenshots
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev build release --target redflag redflagd redflag-inspect redflag_page_store
./dev setup chromium chromium-driver fonts-dejavu-core python3
exec /usr/bin/python3 tests/campaigns/page.py build/release/bin "$@"
