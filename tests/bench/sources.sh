#!/usr/bin/env bash
# readers of local files (JSON lines, trainer_state.json, event files, run files, console logs) beside Python; usage: sources [MEGABYTES EACH] [REPEATS]
set -euo pipefail
cd "$(dirname "$0")/../.."
megabytes=${1:-64}
repeats=${2:-3}
[[ $megabytes =~ ^[1-9][0-9]*$ && $repeats =~ ^[1-9][0-9]*$ ]] || {
  echo "usage: ./dev bench sources [MEGABYTES EACH] [REPEATS]" >&2
  exit 2
}
cmake --build --preset release --target redflag_bench_sources >/dev/null
./dev setup python3-protobuf
bench=build/release/bin/redflag_bench_sources
dir=$(mktemp -d -p "${REDFLAG_BENCH_DIR:-/var/tmp}")
trap 'rm -rf "$dir"' EXIT
"$bench" generate "$dir" "$megabytes"

median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
times() { awk '{print $2}' "$1" | median; }
implementation=$(/usr/bin/python3 -c 'from google.protobuf.internal import api_implementation as a; print(a.Type())')
echo "$megabytes MB of each, from the page cache; CPU seconds (neither uses more than one thread), median of $repeats, ours and Python's by turns; $(/usr/bin/python3 --version), protobuf ($implementation)"
printf '  %-19s %10s | %9s %9s | %9s %9s %11s | %7s | %s\n' file rows "Python s" MB/s "redflag s" MB/s rows/s times "with observations: s, times"
for kind in jsonl trainer_state trainer_state_again tfevents wandb_older wandb_newer console; do
  for ((i = 0; i < repeats; ++i)); do
    /usr/bin/python3 tests/bench/sources_peer.py "$kind" "$dir/$kind" >>"$dir/$kind.python"
    "$bench" read "$kind" "$dir/$kind" >>"$dir/$kind.ours"
    "$bench" read "$kind" "$dir/$kind" observe >>"$dir/$kind.observe"
  done
  # As many rows and the same sum, to the digits that adding up in another order leaves.
  awk '{rows[NR] = $4; sum[NR] = $6} END {exit !(rows[1] == rows[2] && (sum[1] - sum[2]) ^ 2 <= (1e-6 * sum[1]) ^ 2)}' \
    <(head -n 1 "$dir/$kind.python" && head -n 1 "$dir/$kind.ours") || {
    echo "$kind: not the same rows:" >&2
    head -n 1 "$dir/$kind.python" "$dir/$kind.ours" >&2
    exit 1
  }
  awk -v kind="$kind" -v bytes="$(stat -c %s "$dir/$kind")" -v python="$(times "$dir/$kind.python")" -v ours="$(times "$dir/$kind.ours")" \
    -v observe="$(times "$dir/$kind.observe")" -v rows="$(awk 'NR == 1 {print $4}' "$dir/$kind.ours")" \
    'BEGIN {mb = bytes / 1048576; printf "  %-19s %10d | %9.3f %9.1f | %9.3f %9.1f %11.0f | %6.1fx | %.3f, %.1fx\n", kind, rows, python, mb / python,
            ours, mb / ours, rows / ours, python / ours, observe, python / observe}'
done
echo "  (Python sums the numbers of each row; so does redflag. Again: the state is written anew with one more row. Observations: metric names made canonical, units scaled, step found.)"
