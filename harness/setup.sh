#!/bin/sh
# Sets up what Pithos needs: Debian's packages where it may, and a virtual environment in .venv.
# What is missing and may not be installed is named, with the command that installs it.
set -eu
cd "$(dirname "$0")/.."
venv=.venv

say() { printf 'pithos: %s\n' "$*" >&2; }

missing=""
need() { # need PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need qemu-system-x86_64 qemu-system-x86
need busybox busybox-static
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then missing="$missing python3-venv"; fi
if [ "$(command -v busybox || true)" ] && [ "$(od -An -tx1 -j16 -N2 "$(command -v busybox)" | tr -d ' ')" = 0300 ] &&
    ldd "$(command -v busybox)" >/dev/null 2>&1; then missing="$missing busybox-static"; fi

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true >/dev/null 2>&1; then sudo="sudo -n"; else sudo="no"; fi
    if [ "$sudo" != no ] && command -v apt-get >/dev/null 2>&1; then
        say "installing$missing"
        log=$(mktemp)
        # shellcheck disable=SC2086
        if ! { $sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
            tail -n 5 "$log" >&2
            say "apt-get failed (above); install by hand:$missing"
        fi
        rm -f "$log"
    else
        say "missing:$missing. Install with: sudo apt-get install$missing"
    fi
fi

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "Python 3.11 or newer is needed; python3 here is $(python3 --version 2>&1)"
    exit 1
fi
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    say "Python's venv module is needed. Install with: sudo apt-get install python3-venv"
    exit 1
fi
if ! command -v qemu-system-x86_64 >/dev/null 2>&1; then
    say "no QEMU: the emulator backend is used. Install with: sudo apt-get install qemu-system-x86"
fi

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
say "installing Python packages into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[test]'
touch "$venv/.ready"
