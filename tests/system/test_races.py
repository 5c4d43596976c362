"""Processes and threads race each other through the kernel (user/race), on one processor and on several."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from harness import containers
from harness.containers import Limits
from harness.guest import Guest
from harness.inspect_state import FRAMES, validate
from harness.machine import Backend, Machine
from harness.plugin import ROOT
from harness.running import RunningMachine
from tests.system.programs import run_in
from user.race.main import RACES

ALL = (1 << len(RACES)) - 1
TURNS = {Backend.QEMU: 12, Backend.EMULATOR: 1}
FEW_RUNS = 2
RUNS = int(os.environ.get("PITHOS_RACES", "200"))
LIMITS = Limits(pages=6000, processes=120)
PROCESSORS = (1, 2, 4)


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


async def race(guest: Guest, races: int, turns: int) -> None:
    """The races whose bits are set, in a container of their own that leaves nothing."""
    container = await containers.create(guest, ROOT, limits=LIMITS)
    result = await run_in(guest, container, ["/bin/race", str(races), str(turns)])
    assert (result.status, result.output, result.errors) == (0, b"", b"")
    state = await containers.destroy(guest, container)
    assert state["pages_used"] == state["processes_used"] == state["open_files"] == state["children"] == 0
    await guest.sys.close(container)


async def race_often(running: RunningMachine, runs: int, turns: int) -> None:
    """All races at once, again and again; no frame is lost."""
    await race(running.guest, ALL, turns)  # the agent and the kernel's shared slabs grow once
    free = running.kernel.static(FRAMES).free_count
    for number in range(runs):
        print(f"run {number}", flush=True)
        await race(running.guest, ALL, turns)
    await running.pause()
    validate(running.kernel)
    await running.resume()
    assert running.kernel.static(FRAMES).free_count >= free - SLACK


SLACK = 8
"""Frames that slabs of the kernel may grow by later."""


@pytest.mark.parametrize("number", range(len(RACES)), ids=[function.__name__ for function in RACES])
async def test_one_race(crowd: RunningMachine, number: int) -> None:
    await race(crowd.guest, 1 << number, 2 * TURNS[crowd.machine.backend])


async def test_all_races_at_once(crowd: RunningMachine) -> None:
    await race_often(crowd, FEW_RUNS, TURNS[crowd.machine.backend])


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_races_for_long(crowd: RunningMachine) -> None:
    await race_often(crowd, RUNS, TURNS[crowd.machine.backend])
