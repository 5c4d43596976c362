"""Random system calls from a program in a container (user/fuzz): the kernel goes on, and nothing is left at the end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from harness import containers
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.inspect_state import FRAMES, all_containers, validate
from harness.machine import Backend, Machine
from harness.plugin import ROOT
from harness.running import RunningMachine
from harness.streams import make_pipe
from tests.system.fuzz_table import settings

ROUNDS = {Backend.QEMU: 60, Backend.EMULATOR: 4}
CALLS = 100
SETTLING = 3
SETTLING_LIVES = 20
"""After so many the kernel's own slabs have their size."""
SLACK = 8
"""Frames that slabs of the kernel may grow by later."""
PATIENCE = 300
"""Looks without an answer, 10 ms apart."""
LONG_SECONDS = int(os.environ.get("PITHOS_FUZZ_SECONDS", "360"))


@dataclass(frozen=True)
class Shape:
    """What one life is to be."""

    rounds: int
    calls: int
    threads: int = 1
    limits: Limits = Limits(pages=1500, processes=12)


async def life(running: RunningMachine, guest: Guest, seed: int, shape: Shape) -> int:
    """One container that plays its rounds, and is destroyed; how many calls were made."""
    container = await containers.create(guest, ROOT, limits=shape.limits)
    given, printed = await make_pipe(guest, os.O_CLOEXEC), await make_pipe(guest, os.O_CLOEXEC)
    files = {0: given.read_end, 1: printed.write_end}
    pidfd = await containers.run(guest, container, Program(["/bin/fuzz"], files=files))
    await guest.sys.close(given.read_end)
    await guest.sys.close(printed.write_end)
    try:
        await write_all(guest, given.write_end, settings(seed, shape.rounds, shape.calls, shape.threads))
    except BrokenPipeError:
        pass  # it had no memory to begin with
    await guest.sys.close(given.write_end)
    made = await count_calls(guest, printed.read_end, shape.rounds)
    state = await containers.destroy(guest, container)
    assert state["pages_used"] == state["processes_used"] == state["open_files"] == 0
    for descriptor in (printed.read_end, pidfd, container):
        await guest.sys.close(descriptor)
    await running.pause()
    validate(running.kernel)
    assert len(list(all_containers(running.kernel))) == 1
    await running.resume()
    return made


async def write_all(guest: Guest, descriptor: int, content: bytes) -> None:
    """Write all of it: a pipe takes it in pieces."""
    while content:
        content = content[await guest.write(descriptor, content[:4096]) :]


async def count_calls(guest: Guest, descriptor: int, rounds: int) -> int:
    """What the program says of its rounds, until it has said it of all, ends, or is silent for a long time."""
    made = finished = silent = 0
    await guest.sys.fcntl(descriptor, fcntl.F_SETFL, os.O_NONBLOCK)
    while finished < rounds and silent < PATIENCE:
        try:
            part = await guest.read(descriptor, 4096)
        except BlockingIOError:
            silent += 1
            await asyncio.sleep(0.01)
            continue
        if not part:
            break
        silent = 0
        made += sum(word for (word,) in struct.iter_unpack("<Q", part[: len(part) // 8 * 8]))
        finished += len(part) // 8
    return made


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_calls(running: RunningMachine, guest: Guest, seed: int) -> None:
    rounds = ROUNDS[running.machine.backend]
    made = 0
    free = 0
    for number in range(SETTLING + 1):
        made += await life(running, guest, seed * 1000 + number, Shape(rounds // (SETTLING + 1), CALLS))
        free = running.kernel.static(FRAMES).free_count if number == 0 else free
    print(f"seed {seed}: {made} calls")
    assert made > rounds * 5
    assert running.kernel.static(FRAMES).free_count >= free - 1


@pytest_asyncio.fixture(loop_scope="session", params=(1, 2, 4))
async def several(request: pytest.FixtureRequest, machine: Machine, backend: Backend) -> AsyncIterator[RunningMachine]:
    """A machine of its own with so many processors."""
    if backend is Backend.EMULATOR and request.param > 1:
        pytest.skip("the emulator has one processor")
    running = await replace(machine, cpus=request.param, snapshots=False).start()
    try:
        await running.guest.wait_ready()
        yield running
    finally:
        await running.quit()


@pytest.mark.slow
@pytest.mark.timeout(LONG_SECONDS * 2 + 120)
async def test_random_calls_for_long(several: RunningMachine) -> None:
    running, guest = several, several.guest
    first = int(os.environ.get("PITHOS_SEED", random.randrange(1 << 32)))
    print(f"PITHOS_SEED={first}")
    end = time.monotonic() + LONG_SECONDS
    seed, made = first, 0
    lowest = running.kernel.static(FRAMES).free_count
    while time.monotonic() < end:
        free = running.kernel.static(FRAMES).free_count
        lowest = min(lowest, free) if seed < first + SETTLING_LIVES else lowest
        print(f"seed {seed}, {made} calls so far, {free} free frames", flush=True)
        made += await life(running, guest, seed, shape_of(seed))
        seed += 1
    print(f"{seed - first} containers, {made} calls")
    assert made > 10_000
    assert running.kernel.static(FRAMES).free_count >= lowest - SLACK


def shape_of(seed: int) -> Shape:
    """Lives of many kinds: with threads or without, with little memory or enough."""
    dice = random.Random(seed)
    limits = Limits(pages=dice.choice((150, 300, 600, 1500)), processes=dice.choice((3, 8, 12, 20)))
    return Shape(20, dice.choice((50, 200, 400)), dice.choice((0, 1, 3)), limits)
