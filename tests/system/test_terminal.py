"""An interactive shell in a container: keys, jobs, line editing, window size, and our own terminal afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.machine_folder import base_folder
from harness.terminal import for_terminal
from tests.needs import needs
from tests.system.shell import Shell

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]
PROMPT = b"/ # "
CTRL_C, CTRL_D, CTRL_Z, LEFT, UP = b"\x03", b"\x04", b"\x1a", b"\x1b[D", b"\x1b[A"


@pytest.fixture
def shell(rootfs: Path) -> Iterator[Shell]:
    """busybox ash at its first prompt."""
    with Shell("-it", "--log", rootfs, "--", "/bin/sh", TERM="vt100") as started:
        started.expect(PROMPT)
        yield started


def test_interrupt_ends_the_foreground_only(shell: Shell) -> None:
    shell.start(b"sleep 1000")
    shell.press_until(CTRL_C, b"^C\r\n" + PROMPT)
    assert shell.command(b"echo $?") == b"130\r\n"


def test_end_of_file_ends_the_shell(shell: Shell) -> None:
    shell.type(CTRL_D)
    assert shell.end() == 0
    assert shell.seen.rstrip().endswith(b"nothing is left")
    assert shell.is_restored


def test_status_of_the_shell(shell: Shell) -> None:
    shell.type(b"exit 7\r")
    assert shell.end() == 7
    assert shell.is_restored


def test_jobs_are_stopped_and_continued(shell: Shell) -> None:
    shell.start(b"sleep 1000")
    shell.press_until(CTRL_Z, b"Stopped")
    shell.expect(PROMPT)
    assert b"Stopped" in shell.command(b"jobs")
    shell.command(b"bg")
    assert b"Running" in shell.command(b"jobs")
    shell.type(b"fg\r")
    shell.expect(b"sleep 1000\r\n")
    shell.press_until(CTRL_C, b"^C\r\n" + PROMPT)
    assert shell.command(b"jobs") == b""


def test_the_background_may_not_read(shell: Shell) -> None:
    shell.command(b"cat </dev/tty & sleep 1")
    assert b"Stopped (tty input)" in shell.command(b"jobs")
    shell.type(b"fg\r")
    shell.expect(b"cat")
    shell.expect(b"\r\n")
    shell.type(b"for it\r")
    shell.expect(b"for it\r\nfor it\r\n")
    shell.type(CTRL_D)
    shell.expect(PROMPT)


def test_the_background_may_print_unless_told_otherwise(shell: Shell) -> None:
    assert b"seen" in shell.command(b"(echo seen) & sleep 1")
    shell.command(b"stty tostop")
    shell.command(b"(echo unseen >/tmp/x; echo unseen) & sleep 1")
    assert b"Stopped (tty output)" in shell.command(b"jobs")


def test_lines_are_edited_by_the_shell(shell: Shell) -> None:
    shell.type(b"eco it" + LEFT * 4 + b"h\r")
    shell.expect(b"\r\nit\r\n" + PROMPT)
    shell.type(UP + b"alics" + b"\x7f\r")
    shell.expect(b"\r\nitalic\r\n" + PROMPT)


def test_lines_are_edited_by_the_kernel(shell: Shell) -> None:
    shell.start(b"cat")
    shell.type(b"abc\x7fd\r")
    shell.expect(b"abc\x08 \x08d\r\nabd\r\n")
    shell.type(CTRL_D)
    shell.expect(PROMPT)


def test_window_size(rootfs: Path) -> None:
    with Shell("-it", rootfs, "--", "/bin/sh", rows=33, columns=101) as shell:
        shell.expect(PROMPT)
        assert shell.command(b"stty size") == b"33 101\r\n"
        shell.type(b"sh -c 'trap \"stty size\" WINCH; echo ready; while :; do sleep 0.1; done'\r")
        shell.expect(b"\nready\r\n")
        shell.resize(40, 120)
        shell.expect(b"40 120\r\n")


def test_terminal_of_the_session(shell: Shell) -> None:
    assert shell.command(b"echo there >/dev/tty") == b"there\r\n"
    assert shell.command(b"echo $TERM") == b"vt100\r\n"
    assert shell.command(b"echo again >/dev/stdout; sh -c 'echo more >/dev/fd/2'") == b"again\r\nmore\r\n"
    assert b"No such device or address" in shell.command(b"setsid sh -c 'echo x >/dev/tty' 2>&1; sleep 1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_our_terminal_is_restored_after_a_signal(shell: Shell, number: signal.Signals) -> None:
    assert not shell.is_restored
    shell.process.send_signal(number)  # an interactive shell does not heed the first
    assert shell.command(b"echo on") == b"on\r\n"
    shell.process.send_signal(number)
    assert shell.end() == 128 + number
    assert shell.is_restored


def test_our_terminal_is_closed(rootfs: Path) -> None:
    name = f"closed-{os.getpid()}"
    with Shell("-it", "--name", name, rootfs, "--", "/bin/sh") as shell:
        shell.expect(PROMPT)
        os.close(shell.slave)
        os.close(shell.master)
        shell.process.wait(30)
        shell.master, shell.slave = os.openpty()
    assert shell.process.returncode == 128 + signal.SIGHUP
    assert not (base_folder() / name).exists()


def run(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """`pithos run` without a terminal."""
    command = [sys.executable, "-m", "harness.cli", "run", *map(str, arguments)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def test_a_terminal_without_input(rootfs: Path) -> None:
    done = run("-t", rootfs, "--", "/bin/sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo a terminal")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a terminal\r\n", b"")


def test_a_terminal_outlives_the_folders_of_the_path_that_lack_the_program(rootfs: Path) -> None:
    done = run("-t", rootfs, "--", "sh", "-c", "test -t 0 && test -t 1 && tty")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"/dev/console\r\n", b"")


def test_input_that_is_no_terminal_is_refused(rootfs: Path) -> None:
    done = run("-it", rootfs, "--", "/bin/true")
    assert (done.returncode, done.stderr) == (125, b"pithos: the input device is not a TTY: leave out -t or -i\n")


def test_no_terminal(rootfs: Path) -> None:
    done = run(rootfs, "--", "/bin/sh", "-c", "test -t 0 || echo none; echo x >/dev/tty")
    assert done.stdout == b"none\n"
    assert b"No such device or address" in done.stderr


def test_what_is_printed_last_is_shown(rootfs: Path) -> None:
    done = run("-t", rootfs, "--", "/bin/sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done")
    assert done.stdout == b"".join(b"%d\r\n" % number for number in range(3000))


def test_the_terminal_has_a_name(shell: Shell) -> None:
    assert shell.command(b"tty") == b"/dev/console\r\n"
    assert shell.command(b"readlink /proc/self/fd/0") == b"/dev/console\r\n"
    assert (
        shell.command(b"stat -L -c %F,%t /dev/console /dev/stdin").split() == [b"character", b"special", b"file,88"] * 2
    )
    assert shell.command(b"echo to the screen > /dev/console") == b"to the screen\r\n"
    assert shell.command(b"test /dev/stdin -ef /dev/console; echo $?") == b"0\r\n"
    assert shell.command(b"tty < /dev/null") == b"not a tty\r\n"


def test_lines_of_the_log_begin_at_the_margin_of_a_raw_terminal() -> None:
    keyboard, screen = os.openpty()
    try:
        assert for_terminal(screen, b"one\ntwo\n") == b"one\ntwo\n"
        tty.setraw(screen)
        assert for_terminal(screen, b"one\ntwo\r\n") == b"one\r\ntwo\r\n"
    finally:
        os.close(keyboard)
        os.close(screen)
    with open(os.devnull, "wb") as nowhere:
        assert for_terminal(nowhere.fileno(), b"one\n") == b"one\n"
