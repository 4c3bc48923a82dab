#!/usr/bin/env bash
# Writes the pages that are made from code, then the book (where mdbook is installed) and the crates' documentation.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
BURSAR_BLESS=1 cargo test --locked --quiet --package bursar-gateway --test reason_codes
cargo test --locked --quiet --package bursar-tests --test house_rules
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
if has mdbook; then
  mdbook build docs
else
  printf 'The book is Markdown: begin at docs/SUMMARY.md. `cargo install mdbook` makes pages of it.\n'
fi
