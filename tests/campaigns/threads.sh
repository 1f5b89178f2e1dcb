#!/usr/bin/env bash
# the thread sanitizer over everything that has threads: store, DNS, and the whole daemon
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev setup
cmake -S . -B build/tsan -G Ninja -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1 -fsanitize=thread -Wno-tsan" >/dev/null
cmake --build build/tsan --target redflag_test_store redflag_test_net redflag_test_app redflagd | tail -n 3
for test in store net app; do
  echo "== $test"
  "build/tsan/tests/$test/redflag_test_$test" | tail -n 3
done
