#!/bin/sh
# The main job from beginning to end, with nothing of this machine changed. `./dev run` calls it after building.
set -eu
cd "$(dirname "$0")/../.."
command -v python3 >/dev/null || { echo "demo: needs python3: apt install python3" >&2; exit 1; }
exec python3 tests/demo/run.py "$@"
