#!/bin/sh
# Boots nodes, installs dist/*.deb and runs tests/node/*_test.py, then tests/node/vm/*_test.py on a virtual machine.
# usage: ./dev node-test [--keep] [vm | TEST...]      --keep: leave the nodes standing, and say where
set -eu
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --keep ]; then shift; export BEDPLATE_NODE_KEEP=1; fi
exec python3 -u tests/node/main.py "$@"
