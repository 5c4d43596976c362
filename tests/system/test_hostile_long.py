"""Hostile programs, again and again: after each life every frame is back; beside each storm others have their share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from harness import containers
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.inspect_state import FRAMES, all_containers, validate
from harness.plugin import ROOT
from harness.running import RunningMachine
from tests.system import puppet
from tests.system.puppet import Puppet, PuppetDied
from tests.system.test_hostile import (
    KILL,
    LIMITS,
    MMAP,
    PAGE,
    POPULATED,
    PRIVATE,
    READ_WRITE,
    deepen,
    fill,
    repeat,
    second_gets_its_share,
)
from user.puppet import orders

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
LIVES = 5
AT_ONCE = 60
SLACK = 2
"""Frames that slabs of the kernel may grow by."""
CROWD_PAGES = 120
LOOP = Program(["/bin/busybox", "sh", "-c", "while :; do /bin/busybox true; done"])
CROWD = (
    Program(["/bin/busybox", "sleep", "1000"]),
    Program(["/bin/busybox", "sh", "-c", "while :; do :; done"]),
    Program(["/bin/busybox", "true"]),
    Program(["/bin/busybox", "sh", "-c", "/bin/busybox yes | /bin/busybox cat > /dev/null & /bin/busybox sleep 1000"]),
)


async def hog_memory(guest: Guest, worker: Puppet) -> None:
    """Touch twice what it may have."""
    size = 2 * LIMITS.pages * PAGE
    address = await worker.call("mmap", 0, size, READ_WRITE, PRIVATE, -1, 0)
    with pytest.raises(PuppetDied, match="status 137"):
        await worker.call(orders.TOUCH, address, size)


async def hog_tables(guest: Guest, worker: Puppet) -> None:
    """A page in every GiB."""
    with pytest.raises((PuppetDied, OSError)):
        for number in range(LIMITS.pages):
            address = await worker.call("mmap", (number + 1) << 30, PAGE, READ_WRITE, PRIVATE | 0x10, -1, 0)
            await worker.call(orders.TOUCH, address, PAGE)


async def hog_regions(guest: Guest, worker: Puppet) -> None:
    assert await repeat(worker, "mmap", (0, 4 * PAGE, 1, POPULATED, -1)) > 50


async def hog_pipes(guest: Guest, worker: Puppet) -> None:
    assert await repeat(worker, "pipe2", (0, 0)) > 50


async def hog_descriptors(guest: Guest, worker: Puppet) -> None:
    assert await repeat(worker, "dup", (1,)) > 50


async def hog_directories(guest: Guest, worker: Puppet) -> None:
    assert await deepen(worker, "", ()) > 50


async def hog_files(guest: Guest, worker: Puppet) -> None:
    assert await fill(worker, "", ()) > 50


async def hog_threads(guest: Guest, worker: Puppet) -> None:
    assert await worker.call(orders.THREADS) == LIMITS.processes - 1


async def hog_processes(guest: Guest, worker: Puppet) -> None:
    assert await worker.call(orders.CHILDREN) == LIMITS.processes - 1


async def bomb(guest: Guest, worker: Puppet) -> None:
    """Children that have children."""
    await worker.send(orders.FORK_BOMB)
    await second_gets_its_share(guest, worker.container)


async def storm_signals(guest: Guest, worker: Puppet) -> None:
    """Signals to itself, without end."""
    await worker.send(orders.REPEAT, KILL, 0, 0)
    await second_gets_its_share(guest, worker.container)


async def storm_pages(guest: Guest, worker: Puppet) -> None:
    """All pages that it may have, filled in at once."""
    await worker.send(orders.REPEAT, MMAP, 0, 4 * PAGE, 1, POPULATED, -1)
    await second_gets_its_share(guest, worker.container)


async def storm_programs(guest: Guest, worker: Puppet) -> None:
    """One program after the other."""
    pidfd = await containers.run(guest, worker.container, LOOP)
    await second_gets_its_share(guest, worker.container)
    await guest.sys.close(pidfd)


ATTACKS: dict[str, Callable[[Guest, Puppet], Awaitable[None]]] = {
    attack.__name__: attack
    for attack in (
        hog_memory, hog_tables, hog_regions, hog_pipes, hog_descriptors, hog_directories, hog_files, hog_threads,
        hog_processes, bomb, storm_signals, storm_pages, storm_programs,
    )
}  # fmt: skip


async def life(running: RunningMachine, guest: Guest, attack: Callable[[Guest, Puppet], Awaitable[None]]) -> None:
    """A container, what a program does in it, and its end; nothing is left."""
    worker = await puppet.in_new_container(guest, limits=LIMITS)
    await attack(guest, worker)
    state = await containers.destroy(guest, worker.container)
    assert state["pages_used"] == state["processes_used"] == state["open_files"] == 0
    for descriptor in (worker.orders, worker.answers, worker.pidfd, worker.container):
        await guest.sys.close(descriptor)
    await running.pause()
    validate(running.kernel)
    await running.resume()


@pytest.mark.parametrize("name", ATTACKS)
async def test_again_and_again(running: RunningMachine, guest: Guest, name: str) -> None:
    await life(running, guest, ATTACKS[name])  # the agent and the kernel's shared slabs grow once
    free = running.kernel.static(FRAMES).free_count
    for _ in range(LIVES):
        await life(running, guest, ATTACKS[name])
    assert running.kernel.static(FRAMES).free_count >= free - SLACK


async def test_many_containers_at_once(running: RunningMachine, guest: Guest) -> None:
    """Sleeping, busy, ended and piping ones live side by side, and are destroyed in any order."""
    dice = random.Random(7)
    free = 0
    for turn in range(3):
        alive: list[tuple[int, int]] = []
        for number in range(AT_ONCE):
            container = await containers.create(guest, ROOT, limits=Limits(pages=CROWD_PAGES))
            alive.append((container, await containers.run(guest, container, CROWD[number % len(CROWD)])))
        assert len(list(all_containers(running.kernel))) == AT_ONCE + 1
        await asyncio.sleep(0.5)
        dice.shuffle(alive)
        for container, pidfd in alive:
            state = await containers.destroy(guest, container)
            assert state["pages_used"] == state["processes_used"] == state["open_files"] == 0
            await guest.sys.close(pidfd)
            await guest.sys.close(container)
        now = running.kernel.static(FRAMES).free_count
        free = now if turn == 0 else free
    assert running.kernel.static(FRAMES).free_count >= free - SLACK
