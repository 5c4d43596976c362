"""Signals to `pithos run` reach the program; what it does not heed ends the machine all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.needs import needs

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]
LISTENER = (
    'for s in INT HUP QUIT USR1 USR2 WINCH TERM; do trap "echo got $s" $s; done; echo on; while :; do sleep 0.05; done'
)
TIMEOUT = 60


@contextmanager
def started(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `pithos run` whose program has said that it is on."""
    program = [sys.executable, "-m", "harness.cli", "run", *map(str, arguments)]
    with subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"on\n"
            yield process
        finally:
            process.kill()


def test_every_signal_reaches_the_program(rootfs: Path) -> None:
    with started(rootfs, "--", "sh", "-c", LISTENER) as process:
        assert process.stdout is not None
        for name in ("USR1", "USR1", "USR2", "WINCH", "WINCH", "INT", "HUP", "QUIT", "TERM"):
            process.send_signal(signal.Signals[f"SIG{name}"])
            assert process.stdout.readline() == f"got {name}\n".encode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 128 + signal.SIGTERM
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_signal_ends_a_program_that_heeds_it(rootfs: Path) -> None:
    with started(
        rootfs, "--", "sh", "-c", "trap 'echo bye; exit 3' INT; echo on; while :; do sleep 0.05; done"
    ) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 3
        assert process.stdout is not None
        assert process.stdout.read() == b"bye\n"


def test_a_program_that_does_not_heed_sigterm_is_killed_in_the_end(rootfs: Path) -> None:
    with started("--log", rootfs, "--", "sh", "-c", "echo on; sleep 1000") as process:
        process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        assert process.wait(TIMEOUT) == 128 + signal.SIGKILL
        assert time.monotonic() - begin >= 9
        assert process.stderr is not None
        assert process.stderr.read().rstrip().endswith(b"nothing is left"), "the container was destroyed in order"
