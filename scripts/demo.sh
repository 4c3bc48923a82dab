#!/usr/bin/env bash
# Builds the gateway and shows its main job. Uses the OpenAI SDK where `setup.sh demo` could bring it, else curl.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
step "build"
cargo build --locked --package bursar-gateway --bin bursar
if [ -x "$VENV/bin/python" ]; then
  export BURSAR_DEMO_PYTHON="$PWD/$VENV/bin/python"
fi
exec target/debug/bursar demo
