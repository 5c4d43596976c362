"""Who gets how much of the processors: weights, limits and affinity, on one, two and four of them.

Times are those that the kernel counts for containers. On a busy host, a processor of the machine may stand still for
many turns while its clock goes on, and who happens to have it pays; so shares are looked at over a second of each
processor, and if they are not right yet, over further ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from harness import containers
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.machine import Backend, Machine
from harness.plugin import ROOT
from harness.running import RunningMachine
from tests.system.programs import run_in_new

PROCESSORS = (1, 2, 4)
MEASURED = 1_000_000_000
"""Nanoseconds of a processor that are shared out before shares are compared, for each that there is."""
MOST_SECONDS = 8
LIMITS = "kernel.sched.bandwidth.LIMITS"
SPIN = ["/bin/busybox", "sh", "-c", "while :; do :; done"]


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=PROCESSORS)
async def crowd(request: pytest.FixtureRequest, machine: Machine, backend: Backend) -> AsyncIterator[RunningMachine]:
    """A machine of its own with so many processors."""
    if backend is Backend.EMULATOR:
        pytest.skip("minutes in the emulator")
    running = await replace(machine, cpus=request.param, snapshots=False).start()
    try:
        await running.guest.wait_ready()
        yield running
    finally:
        await running.quit()


async def cpu_times(guest: Guest, handles: list[int]) -> list[int]:
    """How long each container has run, in nanoseconds."""
    return [(await containers.query(guest, handle))["cpu_time"] for handle in handles]


async def spin(guest: Guest, limits: Limits, processes: int) -> int:
    """A container with so many processes that never stop."""
    handle = await containers.create(guest, ROOT, limits=limits)
    for _ in range(processes):
        await containers.run(guest, handle, Program(SPIN))
    return handle


async def used(guest: Guest, handles: list[int], total: int) -> list[int]:
    """What each container uses while all use `total` nanoseconds together."""
    first = await cpu_times(guest, handles)
    last = first
    while sum(last) - sum(first) < total:
        await asyncio.sleep(0.1)
        last = await cpu_times(guest, handles)
    return [end - start for start, end in zip(first, last, strict=True)]


async def compare_shares(crowd: RunningMachine, handles: list[int], expected: list[float]) -> None:
    """Hold what the containers use to what they should, of all processors; they are destroyed."""
    total = [0] * len(handles)
    shares: list[float] = []
    for _ in range(MOST_SECONDS):
        times = await used(crowd.guest, handles, crowd.machine.cpus * MEASURED)
        total = [before + time for before, time in zip(total, times, strict=True)]
        shares = [time / sum(total) for time in total]
        if shares == pytest.approx(expected, abs=0.02):
            break
    await destroy(crowd.guest, handles)
    assert shares == pytest.approx(expected, abs=0.02)


async def destroy(guest: Guest, handles: list[int]) -> None:
    """Destroy containers and close their descriptors."""
    for handle in handles:
        await containers.destroy(guest, handle)
        await guest.sys.close(handle)


@pytest.mark.parametrize("weights", [(100, 300), (100, 100, 100), (1000, 50)])
async def test_weights_hold_within_two_percent(crowd: RunningMachine, weights: tuple[int, ...]) -> None:
    count = crowd.machine.cpus
    handles = [await spin(crowd.guest, Limits(weight=weight), count + index) for index, weight in enumerate(weights)]
    await compare_shares(crowd, handles, [weight / sum(weights) for weight in weights])


@pytest.mark.parametrize("thousandths", [200, 500])
async def test_a_limit_holds_and_leaves_the_rest_to_others(crowd: RunningMachine, thousandths: int) -> None:
    count = crowd.machine.cpus
    limited = await spin(crowd.guest, Limits(cpu=thousandths), count)
    free = await spin(crowd.guest, Limits(), count)
    share = thousandths / 1000 / count
    await compare_shares(crowd, [limited, free], [share, 1 - share])


async def test_a_limit_is_told_and_can_be_lifted(crowd: RunningMachine) -> None:
    guest = crowd.guest
    handle = await spin(guest, Limits(cpu=100), 1)
    while (await containers.query(guest, handle))["cpu_throttled"] < 3:
        await asyncio.sleep(0.05)
    assert (await containers.query(guest, handle))["cpu_limit"] == 100
    await guest.sys.update_container(handle, 0, 0, 0, 0)
    assert (await containers.query(guest, handle))["cpu_limit"] == 0
    throttled = (await containers.query(guest, handle))["cpu_throttled"]
    await used(guest, [handle], MEASURED)
    assert throttled >= 3
    assert (await containers.query(guest, handle))["cpu_throttled"] == throttled
    await destroy(guest, [handle])
    limited = await containers.create(guest, ROOT, limits=Limits(cpu=100))
    count = crowd.kernel.static(LIMITS)
    assert count.count == 1
    await destroy(guest, [limited])
    assert count.count == 0


@pytest.mark.parametrize("thousandths", [64_001, 1 << 40])
async def test_a_limit_out_of_range(crowd: RunningMachine, thousandths: int) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        await containers.create(crowd.guest, ROOT, limits=Limits(cpu=thousandths))


async def test_a_program_stays_where_it_is_bound(crowd: RunningMachine) -> None:
    last = crowd.machine.cpus - 1
    script = f"taskset {1 << last:x} sh -c 'for n in 1 2 3; do sleep 0.01; cut -d\" \" -f39 /proc/self/stat; done'"
    result = await run_in_new(crowd.guest, "/bin/busybox", "sh", "-c", script)
    assert (result.output.split(), result.errors) == ([str(last).encode()] * 3, b"")
