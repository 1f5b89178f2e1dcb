#!/usr/bin/env bash
# the same in a minimal Debian 13 root (GCC 14, Boost 1.83, Catch2 3)
exec bash "$(dirname "$0")/../support/fresh_root.sh" trixie
