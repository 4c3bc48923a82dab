#!/usr/bin/env bash
# Every fuzz target for FUZZ_SECONDS (60). A target is a test with bolero's `check!`; `make test` runs each for a moment.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
seconds="${FUZZ_SECONDS:-60}"

# The names of the functions that hold a `check!()`.
mapfile -t targets < <(
  find . -name '*.rs' -not -path '*/target/*' -print0 | xargs -0 grep -lE 'bolero' | xargs awk '
    match($0, /fn [a-z0-9_]+\(/) { name = substr($0, RSTART + 3, RLENGTH - 4) }
    /check!\(/ && name { print name; name = "" }' | sort -u
)
[ "${#targets[@]}" -gt 0 ] || die "there is no fuzz target"
step "${#targets[@]} targets, $seconds s each: ${targets[*]}"
export BOLERO_RANDOM_TEST_TIME_MS="$((seconds * 1000))"
cargo test --locked --workspace --lib --tests --no-fail-fast -- "${targets[@]}"
