"""What goes wrong only when several processors run one process: the program crowd.c, with as many as there may be."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from harness.guest import Guest
from harness.machine import Backend, Machine
from harness.running import RunningMachine
from tests.needs import COMPILER, require
from tests.system.programs import run_in_new

PROCESSORS = (1, 2, 4)
"""In thousandths of a processor: one turn is paid for in the next second."""


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=PROCESSORS)
async def crowd(request: pytest.FixtureRequest, machine: Machine, backend: Backend) -> AsyncIterator[RunningMachine]:
    """A machine of its own with so many processors."""
    if backend is Backend.EMULATOR and request.param > 1:
        pytest.skip("the emulator has one processor")
    running = await replace(machine, cpus=request.param, snapshots=False).start()
    try:
        await running.guest.wait_ready()
        yield running
    finally:
        await running.quit()


async def test_threads_in_each_others_way_see_what_linux_shows(crowd: RunningMachine, rootfs: Path) -> None:
    program = rootfs / "bin" / "crowd"
    require(*COMPILER)
    expected = subprocess.run([program], capture_output=True, timeout=20, check=True)
    guest: Guest = crowd.guest
    result = await run_in_new(guest, "/bin/crowd")
    assert result.output.decode().splitlines() == expected.stdout.decode().splitlines()
    assert (result.status, result.errors) == (0, b"")
