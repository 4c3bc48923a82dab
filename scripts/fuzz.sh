#!/usr/bin/env bash
# Every fuzz target for FUZZ_SECONDS: the tests whose names begin with `fuzz_`, which `make test` runs for a moment.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
seconds="${FUZZ_SECONDS:-60}"
export BOLERO_RANDOM_TEST_TIME_MS="$((seconds * 1000))" BOLERO_RANDOM_ITERATIONS=1000000000
exec cargo test --locked --workspace --lib --tests -- fuzz_ --test-threads "$(nproc)"
