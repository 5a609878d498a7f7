#!/bin/sh
# What Bedplate costs: the whole agent (run.py), sysctls beside others (sysctls.py), a disk beside fio (disk.py), manifests
# beside K3s (k3s.py), signatures beside git (trust.py), and the
# Google Benchmark programs where they were built with BEDPLATE_BENCH. BEDPLATE_BUILD names the folder of the programs,
# BEDPLATE_BENCH_ROUNDS, _IDLE, _PAIRS and _COMMITS how long it takes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "${BEDPLATE_BUILD:-$here/../../build}")
for program in bedplate bedplated bedplate-worker; do
  [ -x "$build/$program" ] || { echo "run.sh: no $program in $build: build it first" >&2; exit 1; }
done
BEDPLATE_BUILD=$build python3 "$here/run.py"
BEDPLATE_BUILD=$build python3 "$here/sysctls.py"
BEDPLATE_BUILD=$build python3 "$here/disk.py"
BEDPLATE_BUILD=$build python3 "$here/k3s.py"
BEDPLATE_BUILD=$build python3 "$here/trust.py"
found=no
for program in "$build"/tests/bench_*; do
  [ -x "$program" ] || continue
  found=yes
  basename "$program"
  "$program" "$@"
done
[ $found = yes ] || echo "bench_*: SKIPPED, not built (cmake -DBEDPLATE_BENCH=ON)"
