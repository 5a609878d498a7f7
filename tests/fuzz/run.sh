#!/bin/sh
# Runs the libFuzzer programs of build-fuzz, each for so many seconds (default 60), from the corpus and what was found
# before. usage: ./dev fuzz [SECONDS] [NAME]
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
for program in build-fuzz/tests/fuzz_"${2:-}"*; do
  name=${program##*/fuzz_}
  found="build-fuzz/found/$name"
  mkdir -p "$found"
  echo "fuzz $name for $seconds s"
  "$program" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$found-" "$found" "tests/fuzz/corpus/$name"
done
