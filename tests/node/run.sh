#!/bin/sh
# Boots nodes, installs dist/*.deb (built when there is none) and runs tests/node/*_test.py.
# usage: ./dev node-test [--keep] [TEST...]      --keep: leave the nodes standing, and say where
set -eu
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --keep ]; then shift; export BEDPLATE_NODE_KEEP=1; fi
ls dist/bedplate_*.deb >/dev/null 2>&1 || ./dev package
status=0
python3 -u tests/node/main.py "$@" || status=$?
exit "$status"
