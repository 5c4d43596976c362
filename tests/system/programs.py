"""Running programs in containers of a test's guest, with what they print."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import containers
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.plugin import ROOT
from harness.streams import Streams, make_pipe
from tests.needs import COMPILER, require
from tests.system.host import run_on_host

ENVIRONMENT = {"PATH": "/bin", "HOME": "/root"}


@dataclass(frozen=True)
class Result:
    """How a program ended, and what it printed."""

    status: int
    output: bytes
    errors: bytes = b""


async def run_in_new(guest: Guest, *command: str, limits: Limits | None = None, given: bytes = b"") -> Result:
    """Run a program in a container of its own, which is destroyed afterwards."""
    container = await containers.create(guest, ROOT, limits=limits or Limits())
    try:
        return await run_in(guest, container, command, given)
    finally:
        await containers.destroy(guest, container)
        await guest.sys.close(container)


async def run_in_container_of(
    guest: Guest, commands: Sequence[Sequence[str]], environment: Mapping[str, str], directory: str, given: bytes
) -> list[Result]:
    """Run programs one after the other in one new container; the first one is given the input."""
    container = await containers.create(guest, ROOT)
    try:
        results = []
        for command in commands:
            results.append(await run_in(guest, container, command, given, environment, directory))
            given = b""
        return results
    finally:
        await containers.destroy(guest, container)
        await guest.sys.close(container)


async def run_in(
    guest: Guest,
    container: int,
    command: Sequence[str],
    given: bytes = b"",
    environment: Mapping[str, str] = ENVIRONMENT,
    directory: str = "/",
) -> Result:
    """Run a program in this container. `given`, at most a pipe's worth, is its input. Raises OSError."""
    standard_input = await make_pipe(guest, os.O_CLOEXEC)
    output, errors = await make_pipe(guest, os.O_CLOEXEC), await make_pipe(guest, os.O_CLOEXEC)
    theirs = {0: standard_input.read_end, 1: output.write_end, 2: errors.write_end}
    program = Program(command, environment, directory, files=theirs)
    try:
        pidfd = await containers.run(guest, container, program)
    except OSError:
        for descriptor in (standard_input.write_end, output.read_end, errors.read_end, *theirs.values()):
            await guest.sys.close(descriptor)
        raise
    for descriptor in theirs.values():
        await guest.sys.close(descriptor)
    printed: dict[int, bytearray] = {1: bytearray(), 2: bytearray()}
    streams = Streams(guest, pidfd, None, standard_input.write_end)
    streams.add_output(output.read_end, printed[1].extend)
    streams.add_output(errors.read_end, printed[2].extend)
    if given:
        await guest.write(standard_input.write_end, given)
    await streams.close_input()
    await streams.until_ended()
    status = await containers.wait(guest, pidfd)
    await streams.drain()
    for descriptor in (output.read_end, errors.read_end, pidfd):
        await guest.sys.close(descriptor)
    return Result(status, bytes(printed[1]), bytes(printed[2]))


ACT_AS_ROOT = {"fifos", "others", "proc", "settings", "usage", "watches"}
"""Programs that change to other users, or ask for what only root has: on Linux, too, they begin as root."""


async def expect_what_linux_shows(guest: Guest, rootfs: Path, name: str) -> None:
    """A test program in C (compiled.py) has to print in a container what it prints on the Linux of the tests."""
    program = rootfs / "bin" / name
    require(*COMPILER)
    if name in ACT_AS_ROOT and os.geteuid() != 0:
        pytest.skip("compares what root may do")
    expected = run_on_host([program], timeout=20)
    expected.check_returncode()
    result = await run_in_new(guest, f"/bin/{name}")
    assert result.output.decode().splitlines() == expected.stdout.decode().splitlines()
    assert (result.status, result.errors) == (0, b"")
