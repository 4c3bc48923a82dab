#!/usr/bin/env bash
# Everything that can be said about the project without running it.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
status=0
absent=()

step "formatting and scripts"
scripts/check-files.sh || status=1

step "clippy"
cargo clippy --locked --workspace --all-targets --keep-going -- -D warnings || status=1

step "house rules"
cargo test --locked --quiet --package bursar-tests --test house_rules || status=1

step "dependencies"
if has cargo-deny; then
  cargo deny --offline check bans licenses sources || status=1
else
  absent+=("cargo-deny (deny.toml; house rules check its bans and lowest versions meanwhile)")
fi

step "deploy files"
export PATH="$PATH:$PWD/.state/py-lint/bin"
if has hadolint; then
  hadolint deploy/docker/Dockerfile || status=1
else
  absent+=("hadolint")
fi
if has systemd-analyze; then
  # The unit is checked with a program that exists here. systemd-analyze prints what is wrong and succeeds all the same.
  folder="$(mktemp -d)"
  sed 's|^ExecStart=.*|ExecStart=/bin/true|' deploy/systemd/bursar.service >"$folder/bursar.service"
  said="$(systemd-analyze verify "$folder/bursar.service" 2>&1 | grep -F bursar.service || true)"
  rm -r "$folder"
  [ -z "$said" ] || { printf '%s\n' "$said" >&2; status=1; }
else
  absent+=("systemd-analyze")
fi
if has docker-compose; then
  docker-compose -f deploy/compose/compose.yaml config --quiet || status=1
fi

for tool in "${absent[@]}"; do
  printf 'not checked, because it is not installed: %s\n' "$tool"
done
[ "$status" = 0 ] && printf 'lint: clean\n'
exit "$status"
