#!/usr/bin/env bash
# 5,000 directories with 10 files each, as fast as tar can, with the inotify queue lowered: every file seen
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" -eq 0 ] || { echo "lowering fs.inotify.max_queued_events needs root" >&2; exit 2; }
./dev build release
queue=/proc/sys/fs/inotify/max_queued_events
old=$(cat $queue)
work=$(mktemp -d)
trap 'echo $old >$queue; rm -rf "$work"' EXIT
mkdir "$work/src" "$work/watched"
(cd "$work/src" && for d in $(seq 5000); do mkdir -p "g$((d % 50))/d$d"; for f in 0 1 2 3 4 5 6 7 8 9; do echo $f >"g$((d % 50))/d$d/f$f"; done; done)
tar -C "$work/src" -cf "$work/tree.tar" .
for limit in "$old" 256 16; do
  echo "$limit" >$queue
  rm -rf "$work/watched" && mkdir "$work/watched"
  build/release/bin/redflag_watch_probe "$work/watched" 50000 120 >"$work/out" 2>&1 &
  probe=$!
  until grep -q watching "$work/out"; do :; done
  start=$(date +%s.%N)
  tar -C "$work/watched" -xf "$work/tree.tar"
  written=$(date +%s.%N)
  code=0
  wait $probe || code=$?
  end=$(date +%s.%N)
  awk -v l="$limit" -v w="$(awk "BEGIN{print $written-$start}")" \
    -v t="$(awk "BEGIN{print $end-$start}")" -v last="$(tail -n 1 "$work/out")" \
    'BEGIN { printf "queue %6d: written in %.1f s, all known after %.1f s: %s\n", l, w, t, last }'
  [ $code -eq 0 ] || { echo "FAILED"; cat "$work/out"; exit 1; }
done
