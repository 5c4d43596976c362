"""Random system calls from a program in a container (user/fuzz): the kernel goes on, and nothing is left at the end."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import struct
import time

import pytest

from harness import containers
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.inspect_state import FRAMES, all_containers, validate
from harness.machine import Backend
from harness.plugin import ROOT
from harness.running import RunningMachine
from harness.streams import make_pipe
from tests.system import puppet

LIMITS = Limits(pages=1500, processes=12)
ROUNDS = {Backend.QEMU: 60, Backend.EMULATOR: 4}
CALLS = 100
SETTLING = 3
LONG_SECONDS = 360


async def life(running: RunningMachine, guest: Guest, seed: int, rounds: int, calls: int) -> int:
    """One container that plays `rounds` rounds, and is destroyed; how many calls were made."""
    container = await containers.create(guest, ROOT, limits=LIMITS)
    given, printed = await make_pipe(guest, os.O_CLOEXEC), await make_pipe(guest, os.O_CLOEXEC)
    files = {0: given.read_end, 1: printed.write_end}
    pidfd = await containers.run(guest, container, Program(["/bin/fuzz"], files=files))
    await guest.write(given.write_end, struct.pack("<3Q", seed, rounds, calls))
    for descriptor in (given.write_end, *files.values()):
        await guest.sys.close(descriptor)
    made = 0
    await guest.sys.fcntl(printed.read_end, 4, os.O_NONBLOCK)
    finished = 0
    for _ in range(rounds * 20):
        try:
            part = await guest.read(printed.read_end, 4096)
        except BlockingIOError:
            await asyncio.sleep(0.01)
            continue
        if not part:
            break
        made += sum(word for (word,) in struct.iter_unpack("<Q", part[: len(part) // 8 * 8]) if word <= calls)
        finished += len(part) // 8
        if finished >= rounds:
            break
    state = await containers.destroy(guest, container)
    assert state["pages_used"] == state["processes_used"] == state["open_files"] == 0
    for descriptor in (printed.read_end, pidfd, container):
        await guest.sys.close(descriptor)
    await running.pause()
    validate(running.kernel)
    assert len(list(all_containers(running.kernel))) == 1
    await running.resume()
    return made


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_calls(running: RunningMachine, guest: Guest, seed: int) -> None:
    rounds = ROUNDS[running.machine.backend]
    made = 0
    free = 0
    for number in range(SETTLING + 1):
        made += await life(running, guest, seed * 1000 + number, rounds // (SETTLING + 1), CALLS)
        free = running.kernel.static(FRAMES).free_count if number == 0 else free
    print(f"seed {seed}: {made} calls")
    assert made > rounds * 5
    assert running.kernel.static(FRAMES).free_count >= free - 1


LAST_ADDRESSES = (-1, -8, -16)
"""Addresses to which nothing can be added."""


@pytest.mark.parametrize("address", LAST_ADDRESSES)
async def test_sigaltstack_at_the_last_addresses(guest: Guest, address: int) -> None:
    """Found by seed 1899142438: the address of a field overflowed, and the kernel stopped."""
    for arguments in ((address, 0), (0, address)):
        with pytest.raises(OSError) as caught:
            await guest.sys.sigaltstack(*(argument % (1 << 64) for argument in arguments))
        assert caught.value.errno == errno.EFAULT


async def test_kill_of_the_lowest_number(guest: Guest) -> None:
    """Found by seed 1899142460: the number of the group overflowed, and the kernel stopped."""
    with pytest.raises(ProcessLookupError):
        await guest.sys.kill(1 << 31, 0)


async def test_a_robust_list_at_the_last_address(guest: Guest) -> None:
    """Nothing is read there when the thread ends, and the kernel goes on."""
    worker = await puppet.in_new_container(guest)
    await worker.call("set_robust_list", -8, 24)
    assert await worker.end() == 0


@pytest.mark.slow
@pytest.mark.timeout(LONG_SECONDS * 2)
async def test_random_calls_for_long(running: RunningMachine, guest: Guest) -> None:
    first = int(os.environ.get("PITHOS_SEED", random.randrange(1 << 32)))
    print(f"PITHOS_SEED={first}")
    end = time.monotonic() + LONG_SECONDS
    seed, made = first, 0
    while time.monotonic() < end:
        print(f"seed {seed}, {made} calls so far", flush=True)
        made += await life(running, guest, seed, 20, 200)
        seed += 1
    print(f"{seed - first} containers, {made} calls")
    assert made > 10_000
