#!/usr/bin/env bash
# a minimal Debian 12 root without a compiler: clone, ./dev run, ./dev test
exec bash "$(dirname "$0")/../support/fresh_root.sh" bookworm
