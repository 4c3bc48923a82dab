#!/usr/bin/env bash
# Files that no compiler reads: formatting, shell syntax, Python syntax.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
status=0
cargo fmt --all --check || { printf 'Run: cargo fmt --all\n' >&2; status=1; }
for script in .ci/run scripts/*.sh loadtest/bench/*.sh; do
  [ ! -e "$script" ] || bash -n "$script" || status=1
done
if has python3; then
  while IFS= read -r program; do
    python3 - "$program" <<'PYTHON' || status=1
import ast, sys
ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])
PYTHON
  done < <(find tests loadtest -name '*.py' -not -path '*/.state/*')
fi
exit "$status"
