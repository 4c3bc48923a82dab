#!/usr/bin/env bash
# Builds everything in one profile, runs every test, and closes with a line that says how many ran.
# Arguments choose packages, as for cargo: scripts/test.sh --package bursar-policy
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
scope=("$@")
[ "${#scope[@]}" -gt 0 ] || scope=(--workspace)
mkdir -p .state
log=.state/test.log
run_id="bursar-test-$$-$(date +%s)"
export BURSAR_TEST_RUN="$run_id"

# Tests stop what they start. What a killed test left behind is found by the mark in its environment, and by nothing else.
sweep() {
  local found pid
  while IFS= read -r found; do
    pid="${found//[!0-9]/}"
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != bursar ] || kill -KILL "$pid" 2>/dev/null || true
  done < <(grep -lzx "BURSAR_TEST_RUN=$run_id" /proc/[0-9]*/environ 2>/dev/null)
}
trap sweep EXIT

step "build"
# All targets in one go, so that nothing is compiled twice. The stories run the binary that is built here.
cargo build --locked "${scope[@]}" --all-targets

step "tests"
status=0
if has cargo-nextest; then
  cargo nextest run --locked "${scope[@]}" 2>&1 | tee "$log" || status=1
  cargo test --locked --quiet "${scope[@]}" --doc 2>&1 | tee -a "$log" || status=1
else
  cargo test --locked "${scope[@]}" --no-fail-fast -- --nocapture 2>&1 | tee "$log" || status=1
fi

step "formatting and scripts"
scripts/check-files.sh || status=1

# nextest:    Summary [   3.2s] 41 tests run: 40 passed, 1 failed, 2 skipped
# cargo test: test result: ok. 22 passed; 0 failed; 0 ignored; ...
sum() { # sum <word>: the numbers before that word on all closing lines
  sed -E 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^ *Summary \[|^test result:' |
    grep -oE "[0-9]+ $1" | awk '{ n += $1 } END { print n + 0 }' || true
}
passed="$(sum passed)"
failed="$(sum failed)"
skipped="$(($(sum skipped) + $(sum ignored)))"
# A test that finds its data missing passes, and says `SKIPPED: ...` on a line of its own.
junit=target/nextest/default/junit.xml
grep -hoE 'SKIPPED: [^<]*' "$log" $(has cargo-nextest && echo "$junit") 2>/dev/null | sort -u || true
[ "$failed" = 0 ] || status=1
if [ "$passed" = 0 ]; then
  printf 'No test ran.\n' >&2
  status=1
fi
printf 'tests: %s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
exit "$status"
