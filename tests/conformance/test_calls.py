"""Generated sequences of system calls, made by the same agent on Linux and in the guest: all answers are equal."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from harness.agent_protocol import Buffer
from harness.build import ensure_agent
from harness.guest import Guest
from harness.linux_agent import LinuxAgent
from tests.conformance.calls import AREA, PAGE, Call, Out, PathName, answers, clean_up, prepare, sequences

UNHURRIED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
    database=None,
)
FOLDER = "/differential"
SHARED_MEMORY = "/dev/shm"


@pytest.fixture
def linux(tmp_path: Path) -> Iterator[LinuxAgent]:
    """The agent on this machine, in an empty folder; in memory, as the kernel's files are, where that is possible.

    The folder is in one of its own, since the calls change `..` as well.
    """
    program = tmp_path / "agent"
    program.write_bytes(ensure_agent())
    program.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else tmp_path) as folder:
        inner = Path(folder) / "inner"
        inner.mkdir()
        agent = LinuxAgent(program, inner)
        yield agent
        agent.end()


async def both_answer(guest: Guest, linux: LinuxAgent, sequence: list[Call]) -> None:
    """Make the calls there and here, and compare."""

    async def in_guest(number: int, *arguments: int | Buffer) -> int:
        try:
            return await guest.call(number, *arguments)
        except OSError as error:
            return -(error.errno or 0)

    async def on_linux(number: int, *arguments: int | Buffer) -> int:
        return linux.call(number, *arguments)

    await enter(guest)
    await answers(prepare(), in_guest)
    await answers(prepare(), on_linux)
    try:
        assert await answers(sequence, in_guest) == await answers(sequence, on_linux)
    finally:
        await answers(clean_up(), in_guest)
        await answers(clean_up(), on_linux)


async def enter(guest: Guest) -> None:
    """Go to a folder that only these tests use."""
    try:
        await guest.sys.mkdir(FOLDER, 0o700)
    except FileExistsError:
        pass
    await guest.sys.chdir(FOLDER)


FOUND = {
    "mmap looks at the descriptor before the length": [Call("mmap", (AREA, 0, 0, 0x12, 4, 0))],
    "mmap looks at the descriptor before the kind": [Call("mmap", (AREA, 3 * PAGE, 1, 0x10, -1, 0))],
    "mmap looks at the address before the file": [
        Call("open", (PathName("."), os.O_DIRECTORY, 0)),
        Call("mmap", (AREA + 100, 2 * PAGE, 5, 0x11, 4, 0)),
    ],
    "pread of the end of a pipe that is written is ESPIPE": [
        Call("pipe2", (Out(8), os.O_NONBLOCK)),
        Call("pread64", (5, Out(1), 1, 3)),
    ],
    "a pipe keeps what could not be read out": [
        Call("pipe2", (Out(8), os.O_NONBLOCK)),
        Call("mmap", (AREA, PAGE, 3, 0x32, -1, 0)),
        Call("write", (5, b"hello", 5)),
        Call("read", (4, 8, 3)),
        Call("read", (4, AREA + PAGE - 3, 10)),
        Call("read", (4, Out(8), 2)),
        Call("read", (4, Out(8), 8)),
        Call("read", (4, Out(8), 8)),
    ],
    "a pipe takes nothing of what is not all there": [
        Call("pipe2", (Out(8), os.O_NONBLOCK)),
        Call("mmap", (AREA, PAGE, 3, 0x32, -1, 0)),
        Call("write", (5, AREA + PAGE - 3, 10)),
        Call("write", (5, 8, 10)),
        Call("write", (5, 8, 0)),
        Call("read", (4, Out(8), 8)),
        Call("close", (4,)),
        Call("rt_sigaction", (13, (1).to_bytes(8, "little") + bytes(24), 0, 8)),
        Call("write", (5, b"x", 0)),
        Call("write", (5, b"x", 1)),
    ],
    "a full pipe takes whole pieces": [
        Call("pipe2", (Out(8), os.O_NONBLOCK)),
        Call("write", (5, b"x", 1)),
        Call("write", (5, bytes(70_000), 65_536)),
        Call("write", (5, bytes(70_000), 4_096)),
        Call("read", (4, Out(10_000), 10_000)),
        Call("write", (5, bytes(70_000), 5_000)),
        Call("read", (4, Out(70_000), 70_000)),
    ],
    "madvise without effect asks for a mapping": [Call("madvise", (AREA, PAGE, 0))],
}
"""What generated sequences have found, by name."""


@pytest.mark.parametrize("name", FOUND)
async def test_what_was_found(guest: Guest, linux: LinuxAgent, name: str) -> None:
    await both_answer(guest, linux, FOUND[name])


@settings(UNHURRIED, max_examples=200)
@given(sequence=sequences)
async def test_generated_calls_answer_as_on_linux(guest: Guest, linux: LinuxAgent, sequence: list[Call]) -> None:
    await both_answer(guest, linux, sequence)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(UNHURRIED, max_examples=2500)
@given(sequence=sequences)
async def test_thousands_of_sequences(guest: Guest, linux: LinuxAgent, sequence: list[Call]) -> None:
    await both_answer(guest, linux, sequence)
