"""Containers that several threads destroy at once, one inside of the other: the program nested.c."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from harness.machine import Backend, Machine
from harness.running import RunningMachine
from tests.needs import COMPILER, require
from tests.system.programs import run_in_new


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=(1, 4))
async def nested(request: pytest.FixtureRequest, machine: Machine, backend: Backend) -> AsyncIterator[RunningMachine]:
    """A machine of its own with so many processors."""
    if backend is Backend.EMULATOR and request.param > 1:
        pytest.skip("the emulator has one processor")
    running = await replace(machine, cpus=request.param, snapshots=False).start()
    try:
        await running.guest.wait_ready()
        yield running
    finally:
        await running.quit()


async def test_a_container_waits_for_those_inside_that_others_destroy(nested: RunningMachine, rootfs: Path) -> None:
    require(*COMPILER)
    result = await run_in_new(nested.guest, "/bin/nested")
    assert (result.status, result.output, result.errors) == (0, b"8 rounds\n", b"")
