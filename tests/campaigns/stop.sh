#!/usr/bin/env bash
# SIGTERM while DNS hangs: redflagd is gone within two seconds
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" -eq 0 ] || { echo "a private resolv.conf needs root (a mount namespace)" >&2; exit 2; }
./dev build release
exec unshare -m bash -euo pipefail -c '
dir=$(mktemp -d)
trap "rm -rf $dir; kill %% 2>/dev/null || true" EXIT
echo "nameserver 127.0.0.1" >$dir/resolv.conf
mount --bind $dir/resolv.conf /etc/resolv.conf
# A name server that takes questions and never answers.
/usr/bin/python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\"127.0.0.1\", 53))
time.sleep(60)" &
sleep 0.5
printf "wandb: {base_url: https://api.wandb.example, projects: [e/p]}\nstore: {state_directory: %s/state}\n" $dir >$dir/redflag.yaml
for i in 1 2 3; do
  WANDB_API_KEY=$(printf "k%.0s" $(seq 40)) build/release/bin/redflagd --config $dir/redflag.yaml 2>$dir/log &
  daemon=$!
  sleep 1.5
  start=$(date +%s%N)
  kill -TERM $daemon
  code=0; wait $daemon || code=$?
  ms=$(( ($(date +%s%N) - start) / 1000000 ))
  echo "try $i: stopped with exit code $code after $ms ms, its DNS question unanswered"
  grep -q unreachable $dir/log && { echo "DNS did not hang here"; cat $dir/log; exit 1; }
  [ $code -eq 0 ] && [ $ms -lt 2000 ] || { cat $dir/log; exit 1; }
done
'
