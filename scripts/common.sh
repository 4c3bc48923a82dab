# Read by the other scripts: where the project is, how a step is announced, what is at hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
VENV=.state/venv

step() { printf '== %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }
die() { printf '%s\n' "$*" >&2; exit 1; }
