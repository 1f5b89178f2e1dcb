#!/usr/bin/env bash
# memory (RSS) and CPU of redflagd over 60 s with five ended runs and a quiet results tree; libraries it links
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=build/release/bin
dir=$(mktemp -d)
trap 'kill $daemon $demo 2>/dev/null || true; rm -rf "$dir"' EXIT
"$bin/redflag" demo --no-daemon --seconds 5 --directory "$dir" >/dev/null &
demo=$!
sleep 8 # the play is over: what is left is a project with five ended runs and a tree of 188 files
"$bin/redflagd" --config "$dir/redflag.yaml" 2>"$dir/log" &
daemon=$!
sleep 5
ticks() { awk '{print $14 + $15}' "/proc/$daemon/stat"; }
before=$(ticks)
sleep 60
after=$(ticks)
awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "CPU over 60 s: %.3f %% of a core (poll of 1 s asked for, slowed to 4 s while no run is active)\n", t / hz / 60 * 100 }'
grep -E '^(VmRSS|RssAnon|RssFile|VmHWM)' "/proc/$daemon/status"
echo "threads: $(awk '/^Threads/ {print $2}' "/proc/$daemon/status")"
echo "shared libraries:"
ldd "$bin/redflagd" | awk '{print "  " $1}' | sort
if ldd "$bin/redflagd" | grep -qiE 'torch|c10'; then echo "LibTorch is linked"; exit 1; fi
echo "no LibTorch"
