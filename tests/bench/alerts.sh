#!/usr/bin/env bash
# 10,000 alerts through store, dispatcher and a local sink, beside prometheus-alertmanager; 1,000 at once: the loop's longest pause; usage: alerts [ours]
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:-all}
cmake --build --preset release --target redflag_bench_alerts >/dev/null
bench=build/release/bin/redflag_bench_alerts
[ "$what" = ours ] || command -v prometheus-alertmanager >/dev/null || ./dev setup prometheus-alertmanager
ulimit -n "$(ulimit -Hn)"
dir=$(mktemp -d -p "${REDFLAG_BENCH_DIR:-/var/tmp}")
children=()
finish() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap finish EXIT
fresh() { rm -rf "$dir/ours" && mkdir -p "$dir/ours" && echo "$dir/ours"; }
sink() { # sink PORT
  "$bench" sink "$1" &
  children+=($!)
  sleep 0.3
}

for shape in "1000 10" "10000 1"; do
  read -r runs rules <<<"$shape"
  echo "$runs runs × $rules rules"
  echo "  redflag, log:          $("$bench" ours log "$runs" "$rules" "$(fresh)")"
  sink 19093
  for outcomes in 1 32; do
    echo "  redflag, webhook, $outcomes a commit: $("$bench" ours "$outcomes" "$runs" "$rules" "$(fresh)" http://127.0.0.1:19093/hook)"
  done
  kill "${children[-1]}"
  [ "$what" = all ] || continue
  sink 19093
  cat >"$dir/alertmanager.yml" <<YAML
route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 5m, repeat_interval: 4h}
receivers: [{name: hook, webhook_configs: [{url: 'http://127.0.0.1:19093/hook', send_resolved: true}]}]
YAML
  prometheus-alertmanager --config.file "$dir/alertmanager.yml" --storage.path "$dir/am$runs" --cluster.listen-address= \
    --web.listen-address 127.0.0.1:19094 --log.level error >"$dir/am.log" 2>&1 &
  alertmanager=$!
  children+=("$alertmanager")
  for _ in $(seq 50); do
    if (exec 3<>/dev/tcp/127.0.0.1/19094) 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "  alertmanager, webhook: $("$bench" feed http://127.0.0.1:19094 http://127.0.0.1:19093 "$runs" "$rules") peak_kb $(awk '/VmHWM/ {print $2}' "/proc/$alertmanager/status")"
  kill "$alertmanager" "${children[-2]}"
  wait "$alertmanager" 2>/dev/null || true
done
echo "1,000 alerts in one batch: the loop's longest pause"
for channel in log slack; do "$bench" burst "$channel" 1000 "$(fresh)" | sed "s/^/  $channel: /"; done
