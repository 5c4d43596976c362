#!/bin/sh
# Sets up what Pithos needs: Debian's packages where it may, and a virtual environment in .venv.
# What is missing and may not be installed is named, with the command that installs it.
# `setup.sh tests` installs what the tests look for besides (tests/packages.txt), and nothing else.
set -eu
cd "$(dirname "$0")/.."
venv=.venv

say() { printf 'pithos: %s\n' "$*" >&2; }

missing=""
need() { # need PROGRAM-OR-FILE PACKAGE
    if command -v "$1" >/dev/null 2>&1 || [ -e "$1" ]; then return; fi
    case " $missing " in *" $2 "*) ;; *) missing="$missing $2" ;; esac
}

apt() { # a mirror that does not answer is given up soon; another apt-get is waited for
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 \
        -o Acquire::Retries=0 -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

update() { # whether packages can be had: some mirror may be out of order, and old lists may do
    apt update && ! grep -q '^W: Failed to fetch' "$log" && return
    place=$(mktemp -d)
    # shellcheck disable=SC2046
    set -- $(known)
    (cd "$place" && [ $# -gt 0 ] && apt download "$1") && answers=0 || answers=1
    rm -rf "$place"
    return $answers
}

known() { # those of $missing that this machine's apt-get has heard of
    for package in $missing; do
        if apt-cache show "$package" 2>/dev/null | grep -q .; then printf ' %s' "$package"; fi
    done
}

install_missing() { # install_missing WHAT-FOR
    if [ -z "$missing" ]; then return; fi
    by_hand="sudo apt-get update && sudo apt-get install$missing"
    if [ "$(id -u)" = 0 ]; then sudo=""; elif sudo -n true >/dev/null 2>&1; then sudo="sudo -n"; else sudo="no"; fi
    if [ "$sudo" = no ] || ! command -v apt-get >/dev/null 2>&1; then
        say "missing$1:$missing. Install with: $by_hand"
        return
    fi
    say "installing$1:$missing"
    log=$(mktemp)
    # shellcheck disable=SC2046
    if ! { update >"$log" 2>&1 && [ -n "$(known)" ] && apt install -y --no-install-recommends $(known) >>"$log" 2>&1; }; then
        grep '^[EW]: ' "$log" | tail -n 3 >&2 || true
        say "apt-get failed (above); install by hand: $by_hand"
    fi
    rm -f "$log"
}

if [ "${1-}" = tests ]; then
    while read -r thing package; do
        case $thing in '#'* | '') ;; *) need "$thing" "$package" ;; esac
    done <tests/packages.txt
    install_missing " for tests"
    exit 0
fi

need qemu-system-x86_64 qemu-system-x86
need busybox busybox-static
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then missing="$missing python3-venv"; fi
if [ "$(command -v busybox || true)" ] && [ "$(od -An -tx1 -j16 -N2 "$(command -v busybox)" | tr -d ' ')" = 0300 ] &&
    ldd "$(command -v busybox)" >/dev/null 2>&1; then missing="$missing busybox-static"; fi
install_missing ""

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
