#!/usr/bin/env bash
# The long proofs: tests marked #[ignore], which take minutes and not seconds.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
step "build"
cargo build --locked --workspace --all-targets
step "proofs"
exec cargo test --locked --workspace --no-fail-fast -- --ignored
