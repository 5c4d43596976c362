"""`pithos console`: its commands, by -c, from a file and at a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import needs
from tests.system.shell import Screen
from tests.system.test_command import command, pithos

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]


@pytest.fixture(scope="module")
def name(rootfs: Path) -> Iterator[str]:
    """A machine with a container of this name, in which a shell sleeps."""
    called = f"looked-at-{os.getpid()}"
    words = command("run", "--name", called, rootfs, "--", "sh", "-c", "echo on; exec sleep 1000")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        yield called
        process.kill()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("nosuch", "nosuch: there is no such command; help lists those that there are"),
        ("pt", "pt: give one address, such as pt 0x400000"),
        ("pt what", "pt: invalid literal"),
        ("ps nobody", "ps: there is no container 'nobody'"),
        ("containers 77", "containers: there is no container '77'"),
        ("bt 9", "bt: there is no cpu 9"),
        ("query-status what", "query-status: 'what': arguments are written name=value"),
        ("query-status a=1", "query-status: "),
    ],
)
def test_a_command_that_fails_is_a_line_and_a_status(name: str, line: str, complaint: str) -> None:
    done = pithos("console", name, "-c", line)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (125, b"", 1)
    assert done.stderr.decode().startswith(f"pithos: {complaint}")
    done = pithos("console", name, given=f"{line}\nps\n".encode())
    assert done.returncode == 1
    assert b"sleep" in done.stdout, "a file of commands goes on"


def test_containers_have_names(name: str) -> None:
    done = pithos("console", name, "-c", "cpus", "-c", f"ps {name}", "-c", f"containers {name}")
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode()
    assert [line.split()[0] for line in shown.splitlines() if line.endswith(" sleep")] == [name]
    assert "agent" not in shown.split("CONTAINER", 1)[1], "only the one"


def test_help_has_a_line_for_each_command(name: str) -> None:
    done = pithos("console", name, "-c", "help")
    shown = [line.split()[0] for line in done.stdout.decode().splitlines()]
    assert shown == ["ps", "containers", "cpus", "frames", "pt", "bt", "log", "validate", "help", "quit"]


def test_at_a_terminal(name: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "harness.cli", "console", name]
    prompt = f"({name}) ".encode()
    with Screen(words, XDG_STATE_HOME=str(tmp_path), TERM="vt100", INPUTRC="/dev/null") as screen:
        screen.expect(prompt)
        screen.type(b"not this line\x03")
        screen.expect(prompt)
        screen.type(b"nosuch\r")
        screen.expect(b"pithos: nosuch: there is no such command")
        screen.expect(prompt)
        screen.type(b"valid\t\r")
        screen.expect(b"all is well")
        screen.expect(prompt)
        screen.type(b"\x04")
        assert screen.end() == 0
    assert (tmp_path / "pithos" / "console_history").read_text().splitlines() == ["nosuch", "validate"]
    with Screen(words, XDG_STATE_HOME=str(tmp_path), TERM="vt100", INPUTRC="/dev/null") as screen:
        screen.expect(prompt)
        screen.type(b"\x1b[A\r")
        screen.expect(b"all is well")
        screen.type(b"quit\r")
        assert screen.end() == 0


def test_a_history_that_cannot_be_kept_is_no_matter(name: str, tmp_path: Path) -> None:
    (blocked := tmp_path / "file").write_text("")
    words = [sys.executable, "-m", "harness.cli", "console", name]
    with Screen(words, XDG_STATE_HOME=str(blocked), TERM="vt100") as screen:
        screen.expect(f"({name}) ".encode())
        screen.type(b"quit\r")
        assert screen.end() == 0
