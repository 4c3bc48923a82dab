#!/usr/bin/env bash
# Measures Bursar beside the floor and its neighbours, and writes docs/performance.md. Arguments go to bench.py.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
step "release build"
cargo build --locked --release --package bursar-gateway --package bursar-loadtest --bins
exec python3 loadtest/bench/bench.py run "$@"
