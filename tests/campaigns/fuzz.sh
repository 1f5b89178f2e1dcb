#!/usr/bin/env bash
# libFuzzer with address and undefined-behaviour sanitizers on every parser of outside data; usage: fuzz [SECONDS EACH] [TARGET|tensors]
# tensors: the four readers of tensor files. TIMEOUT=SECONDS for one input: more than 10 beside other work.
# SAMPLES=DIR adds the files below DIR to their seeds. Corpora stay in build/fuzz and grow.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-600}
only=${2:-}
./dev setup
ccache=$(command -v ccache || true)
command -v clang++ >/dev/null || apt-get install -y -qq --no-install-recommends clang libclang-rt-14-dev >/dev/null
out=build/fuzz
mkdir -p "$out/objects"
flags=(-std=c++20 -O1 -g -I. -DREDFLAG_VERSION='"fuzz"' -fno-sanitize-recover=all)
tensor_targets=" torch_zip pickle torch_legacy safetensors "

# Rule files may include the packs that ship.
packs() {
  local name
  for name in generic step3; do
    cmake -DIN="rules/packs/$name.yaml" -DOUT="$out/${name}_pack.cpp" -DNAME="$name" -P rules/packs/embed.cmake
    echo "$out/${name}_pack.cpp"
  done
  echo rules/packs/packs.cpp
}

# The readers of local files, with their table of log patterns.
local_files() {
  cmake -DIN=daemon/local/log_patterns.yaml -DOUT="$out/log_patterns_text.cpp" -DHEADER=daemon/local/log_patterns.h \
    -DFUNCTION=redflag::daemon::local::shipped_log_patterns_text -P rules/packs/embed.cmake
  echo daemon/local/*.cpp "$out/log_patterns_text.cpp" daemon/runs/*.cpp rules/values/*.cpp
}

sources_of() {
  case "$1" in
    api_request) echo daemon/api/bodies.cpp daemon/api/target.cpp daemon/net/url.cpp daemon/config/{mask,suggest,url,values}.cpp alerts/matcher.cpp alerts/text/{escape,utf8}.cpp rules/values/*.cpp ;;
    config_file) echo daemon/config/*.cpp rules/values/*.cpp ;;
    csv_log) echo daemon/cli/csv_*.cpp daemon/runs/*.cpp rules/values/*.cpp ;;
    graphql) echo daemon/simulator/graphql_*.cpp rules/values/error.cpp ;;
    kernel_log | nvidia_smi) echo daemon/host/{disk,host_facts,kernel_events,kernel_text,memory,nvidia_smi,nvml,process_text,processes,small_file}.cpp daemon/base/{event,process}.cpp daemon/results/printable.cpp rules/values/*.cpp ;;
    history_row) echo daemon/runs/*.cpp rules/values/*.cpp ;;
    engine_snapshot | rule_file) echo rules/engine/*.cpp rules/lang/*.cpp rules/values/*.cpp $(packs) ;;
    labels) echo daemon/cli/labels.cpp daemon/cli/rule_kinds.cpp rules/lang/*.cpp rules/values/*.cpp $(packs) ;;
    wandb_file | tfevents | console | trainer_json) local_files ;;
    push) echo daemon/follow/{disk_run,joined_intake,local_layout,point_ledger,push,push_teller,run_join,silence,step_set}.cpp \
      daemon/base/simulated_clock.cpp daemon/results/printable.cpp "$(local_files)" ;;
    torch_zip | pickle | torch_legacy | safetensors) echo daemon/tensors/*.cpp daemon/results/printable.cpp rules/values/*.cpp ;;
    rule_test_file) echo rules/testing/*.cpp rules/engine/*.cpp rules/lang/*.cpp rules/values/*.cpp $(packs) ;;
    *) echo "fuzz: no list of sources for $1" >&2; exit 1 ;;
  esac
}

# No "function" of undefined: Clang 14 cannot have it in a coroutine.
# Objects are shared between targets, so two of these scripts may build at once: each file is put in place whole.
compile() { # compile SOURCE: prints nothing, leaves its object
  local object="$out/objects/${1//\//_}.o" extra=()
  case "$1" in # as daemon/tensors/CMakeLists.txt has it
    */kernels_avx2.cpp) extra=(-mavx2 -mfma -mf16c) ;;
    */kernels_fused.cpp) extra=(-mavx512f -mavx512bw -mavx512dq -mavx512vl -mvpclmulqdq -mpclmul) ;;
    */kernels_avx512.cpp) extra=(-mavx512f -mavx512bw -mavx512dq -mavx512vl) ;;
  esac
  $ccache clang++ "${flags[@]}" "${extra[@]}" -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=function -c "$1" -o "$object.$$" && mv "$object.$$" "$object" ||
    rm -f "$object" # so that the link fails, too
}

build() { # build TARGET
  local source objects=()
  for source in "tests/fuzz/$1.cpp" $(sources_of "$1"); do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    compile "$source" &
    objects+=("$out/objects/${source//\//_}.o")
  done
  wait
  clang++ -fsanitize=fuzzer,address,undefined "${objects[@]}" -lyaml-cpp -lfmt -lisal -lz -o "$out/$1"
}

# Something right to begin with: from nothing a fuzzer takes hours to its first rule, or its first tensor.
seed() { # seed TARGET
  local corpus="$out/corpus-$1" samples="$out/samples"
  mkdir -p "$corpus"
  case "$1" in
    api_request)
      echo '{"matchers":["rule=loss-*","severity>=warning"],"duration":"2h","comment":"known","author":"a"}' >"$corpus/silence"
      echo '{"matchers":["tag=x"],"starts":"2026-11-24T00:00:00Z","ends":"2026-11-25T00:00:00+01:00","comment":"c"}' >"$corpus/from"
      echo '{"ids":["9f3c0a4be2d17788-fired-critical@slack"]}' >"$corpus/ids"
      printf '/v1/alerts?state=firing&match=rule%%3Dloss-*&limit=10' >"$corpus/target"
      ;;
    rule_file) /usr/bin/python3 tests/campaigns/fuzz_seeds.py "$corpus" ;;
    kernel_log)
      echo "Out of memory: Killed process 4711 (python3) total-vm:9kB, anon-rss:8kB, file-rss:0kB, UID:1000" >"$corpus/killed"
      echo "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/j,task_memcg=/j/a,task=python3,pid=812,uid=0" >"$corpus/summary"
      echo "NVRM: Xid (PCI:0000:65:00): 79, pid=4711, name=python3, GPU has fallen off the bus." >"$corpus/xid"
      echo "4,1234,5678901234,-;Memory cgroup out of memory: Killed process 1 (a) total-vm:1kB" >"$corpus/kmsg"
      echo '{"__CURSOR":"c","_TRANSPORT":"kernel","MESSAGE":[79,117,116],"__REALTIME_TIMESTAMP":"1795392000000000"}' >"$corpus/journal"
      ;;
    nvidia_smi)
      echo "0, GPU-b850f46d, NVIDIA A10G, 00000000:00:1E.0, 21000, 23028, 97, 71, 250.51, 300.00, 0, 0x0000000000000004" >"$corpus/card"
      echo "31 22 0:40 / /data rw - nfs4 server:/data rw" >"$corpus/mountinfo"
      cp /proc/meminfo /proc/self/stat "$corpus/"
      ;;
    push)
      printf '%s\n' '{"run":"r","name":"n","step":1,"time":1764000000.5,"metrics":{"train/loss":NaN,"lr":1e-5}}' \
        '{"run":"r","project":"e/p","event":"started","config":{"output_dir":"/data/out","max_steps":5,"a":{"output_dir":"x"}}}' \
        '{"run":"r","log":"RuntimeError: CUDA out of memory. Tried to allocate"}' '{"run":"r","event":"alive"}' \
        '{"run":"r","time":"2026-11-24T00:00:00Z","step":"7","metrics":{"x":"Infinity","y":[1],"z":{"a":1}}}' \
        '{"run":"r","event":"finished"}' >"$corpus/lines"
      ;;
    rule_test_file) cp rules/packs/*_test.yaml "$corpus/" ;;
    wandb_file | tfevents | console | trainer_json)
      /usr/bin/python3 tests/local/fuzz_seeds.py "$1" "$corpus" "$out/$1.dict" ${SAMPLES:+"$SAMPLES"} >/dev/null
      ;;
    torch_zip | pickle | torch_legacy | safetensors)
      # Without python3-torch the few committed files have to do.
      /usr/bin/python3 tests/tensors/make_samples.py "$samples" >/dev/null 2>&1 || samples=
      /usr/bin/python3 tests/tensors/fuzz_seeds.py "$1" "$corpus" "$out/$1.dict" tests/tensors/fixtures ${samples:+"$samples"} \
        ${SAMPLES:+"$SAMPLES"} >/dev/null
      ;;
  esac
}

# figures LOG: runs, coverage (edges), features (edges by how often), from libFuzzer's last line about them
figures() {
  awk '/ cov: / {for (i = 1; i < NF; ++i) {if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1); if ($i == "corp:") corp = $(i + 1)}}
       /^stat::number_of_executed_units/ {runs = $2} /^#[0-9]+/ {last = substr($1, 2)} /peak_rss_mb/ {rss = $2}
       END {printf "%d runs, cov %d, ft %d, corpus %s, peak %d MB", runs ? runs : last, cov, ft, corp, rss}' "$1"
}

failed=0
for target in tests/fuzz/*.cpp; do
  name=$(basename "$target" .cpp)
  case "$only" in
    "" | "$name") ;;
    tensors) [[ $tensor_targets == *" $name "* ]] || continue ;;
    *) continue ;;
  esac
  build "$name"
  seed "$name"
  options=(-max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout="${TIMEOUT:-10}" -print_final_stats=1)
  [ ! -f "$out/$name.dict" ] || options+=(-dict="$out/$name.dict")
  # New finds only: what earlier runs left is moved aside.
  mkdir -p "$out/old"
  find "$out" -maxdepth 1 -regex ".*/$name-\(crash\|leak\|oom\|timeout\|slow-unit\)-.*" -exec mv -t "$out/old" {} +
  status=clean
  "$out/$name" "${options[@]}" -artifact_prefix="$out/$name-" "$out/corpus-$name" >"$out/$name.log" 2>&1 || status=FAILED
  crashes=$(find "$out" -maxdepth 1 -regex ".*/$name-\(crash\|leak\|oom\|timeout\)-.*" | wc -l)
  printf '%-16s %s: %s, crashes %d\n' "$name" "$status" "$(figures "$out/$name.log")" "$crashes"
  if [ "$status" != clean ]; then
    failed=1
    echo "  see $out/$name.log"
    tail -n 5 "$out/$name.log" | sed 's/^/  /'
  fi
done
exit $failed
