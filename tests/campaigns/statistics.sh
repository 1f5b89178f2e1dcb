#!/usr/bin/env bash
# statistics against R: fixed and random inputs, compared to 1e-9; --keep writes the table that ctest checks
set -euo pipefail
cd "$(dirname "$0")/../.."
./dev setup r-base-core
./dev build release --target redflag_test_statistics
table=build/r_answers.txt
fixture=tests/statistics/r_answers.txt
if [ "${1:-}" = --keep ]; then
  Rscript --vanilla tests/campaigns/statistics.R 1 6 >"$fixture"
  shift
fi
# What is kept is what R says.
Rscript --vanilla tests/campaigns/statistics.R 1 6 | cmp - "$fixture" && echo "$fixture: as R $(Rscript --vanilla -e 'cat(as.character(getRversion()))') writes it"
seed=${1:-$(($(date +%s) % 1000000))}
Rscript --vanilla tests/campaigns/statistics.R "$seed" "${2:-2000}" >"$table"
echo "seed $seed: $(wc -l <"$table") answers of R"
REDFLAG_R_ANSWERS=$table build/release/tests/statistics/redflag_test_statistics "[r]"
