#!/bin/sh
# Every lint, each to its end; the last line says how many passed. Arguments: the names of those to run.
set -u
cd "$(dirname "$0")/../.." || exit 1

# list [PATTERN...]: the files that Git knows or would add.
list() {
  git -c safe.directory='*' ls-files --cached --others --exclude-standard "$@" | sort -u |
    while read -r f; do [ ! -f "$f" ] || echo "$f"; done
}

format() { list '*.cpp' '*.h' | xargs -r clang-format-19 --dry-run --Werror; }
shell() { list | xargs grep -lIE '^#!.*[/ ](sh|bash)$' | xargs -r shellcheck; }
# Not in tests: they misspell on purpose.
spelling() { list | grep -vE '^(LICENSE$|tests/)' | xargs -r codespell --ignore-words-list inforce,unexpect,nowns,atleast; }
dependencies() { python3 tests/lint/dependencies.py --build build; }
house() { python3 tests/lint/house.py; }
ansible() { [ ! -d ansible ] || (cd ansible && ansible-lint -q); }
# The analyzer is bounded: without max-nodes it takes three quarters of the time.
tidy() {
  cmake --preset release --log-level=WARNING || return 1
  list 'agent/*.cpp' 'tuning/*.cpp' | while read -r f; do
    ! grep -qF "/$f\"" build/compile_commands.json || echo "$f"
  done | xargs -r -n 2 -P "${BEDPLATE_JOBS:-2}" clang-tidy-19 -p build --quiet --extra-arg=-Wno-unknown-warning-option \
    --extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=30000 2>/dev/null
}

passed=0 failed=0
[ $# -gt 0 ] || set -- format shell spelling dependencies house ansible tidy
for lint do
  start=$(date +%s)
  if "$lint"; then passed=$((passed + 1)) verdict=ok; else failed=$((failed + 1)) verdict=FAILED; fi
  echo "lint $lint: $verdict ($(($(date +%s) - start)) s)"
done
echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
