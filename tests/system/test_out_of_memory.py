"""No page is left: the largest process of the container that came to its limit dies, and nobody else."""

from __future__ import annotations

import asyncio
import errno
import os
import struct
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from harness import containers
from harness.containers import Event, Limits, Program
from harness.guest import Guest
from harness.inspect_state import FRAMES, validate
from harness.physical import kernel_physical
from harness.plugin import ROOT
from harness.running import RunningMachine
from kernel.containers.abi import ControlOperation, EventKind
from kernel.memory.account import LimitState
from tests.needs import COMPILER, require
from tests.system import puppet
from tests.system.puppet import Puppet, PuppetDied, held, last_container, settled
from user.puppet import orders

PAGE = 4096
READ_WRITE, PRIVATE = 3, 0x22
LIMIT = 1200
LARGE, SMALL = 700, 100
"""Pages: of two processes of one container only one can have LARGE, and the other only less than LARGE - SMALL."""
KILLED = 128 + 9
SIGSTOP = 19
WRITE = 1
CONFIG = struct.Struct("<QII9Q")


async def touch(worker: Puppet, pages: int) -> int:
    """Let it map and write to as many pages."""
    address = await worker.call("mmap", 0, pages * PAGE, READ_WRITE, PRIVATE, -1, 0)
    return await worker.call(orders.TOUCH, address, pages * PAGE)


async def kinds(guest: Guest, container: int) -> list[tuple[EventKind, int]]:
    """Kind and pid of the events that are there."""
    return [(event.kind, event.pid) for event in await containers.events(guest, container)]


async def died(worker: Puppet) -> int:
    """Its status; it has ended, or is about to."""
    status = await containers.wait(worker.guest, worker.pidfd)
    await worker.guest.sys.close(worker.orders)
    await worker.forget()
    return status


@pytest_asyncio.fixture(loop_scope="session")
async def box(running: RunningMachine, guest: Guest) -> AsyncIterator[int]:
    """A container with a limit of pages; when it is destroyed, every frame is back."""
    await (await puppet.in_new_container(guest)).end()
    before = held(running)
    handle = await containers.create(guest, ROOT, limits=Limits(pages=LIMIT))
    yield handle
    state = await containers.destroy(guest, handle)
    assert state["pages_used"] == state["processes_used"] == 0
    assert state["pages_peak"] <= LIMIT
    await guest.sys.close(handle)
    validate(running.kernel)
    assert await settled(lambda: held(running), before) == before


async def test_the_largest_process_dies_for_the_one_that_needs_a_page(guest: Guest, box: int) -> None:
    other = await puppet.in_new_container(guest)
    await touch(other, 2 * LIMIT)
    small = await puppet.start(guest, box)
    large = await puppet.start(guest, box)
    await touch(large, LARGE)
    assert await touch(small, LARGE - SMALL) == LARGE - SMALL
    assert await died(large) == KILLED
    assert await small.call("getpid") == 1
    told = [(EventKind.EXIT, 2), (EventKind.OUT_OF_MEMORY, 2), (EventKind.PAGE_LIMIT, 0)]
    assert sorted(await kinds(guest, box)) == told
    assert await other.call(orders.FORK) > 0
    assert await small.end() == await other.end() == 0
    await containers.destroy(guest, other.container)
    await guest.sys.close(other.container)


async def test_the_one_that_needs_a_page_dies_if_it_is_the_largest(guest: Guest, box: int) -> None:
    small = await puppet.start(guest, box)
    await touch(small, SMALL)
    large = await puppet.start(guest, box)
    with pytest.raises(PuppetDied, match=f"status {KILLED}"):
        await touch(large, 2 * LIMIT)
    await large.forget()
    await guest.sys.close(large.orders)
    assert await touch(small, SMALL) == SMALL
    assert await small.end() == 0


async def test_a_stopped_process_dies_as_well(guest: Guest, box: int) -> None:
    small = await puppet.start(guest, box)
    large = await puppet.start(guest, box)
    await touch(large, LARGE)
    await small.call("kill", 2, SIGSTOP)
    assert await touch(small, LARGE - SMALL) == LARGE - SMALL
    assert await died(large) == KILLED
    assert await small.end() == 0


async def nested(running: RunningMachine, guest: Guest, parent: Puppet, limit: int) -> int:
    """A container inside that of `parent`."""
    root = await parent.text("/")
    config = CONFIG.pack(CONFIG.size, 1, 0, 0, 0, root, 1, 0, 0, limit, 0, 0)
    await parent.call("create_container", await parent.load(config), CONFIG.size)
    return await guest.sys.open_container(last_container(running).id)


async def test_a_limit_is_told_of_though_who_hit_it_waits(running: RunningMachine, guest: Guest, box: int) -> None:
    usage = last_container(running).account.pages
    pressure = running.kernel.static("kernel.memory.pressure.PRESSURE")
    for view, field, value in ((usage, "state", LimitState.HIT), (pressure, "limit_hit", True)):
        physical = kernel_physical(view.address_ + view.layout_.fields[field].offset)
        assert physical is not None, "the heap is in the direct map"
        await running.write_physical(physical, bytes([value]))
    told: list[tuple[EventKind, int]] = []
    for _ in range(50):
        told += await kinds(guest, box)
        if told:
            break
        await asyncio.sleep(0.02)
    assert told == [(EventKind.PAGE_LIMIT, 0)]
    assert usage.state == LimitState.TOLD and not pressure.limit_hit


async def test_the_victim_is_inside_of_whose_limit_is_hit(running: RunningMachine, guest: Guest, box: int) -> None:
    outer = await puppet.start(guest, box)
    inner_box = await nested(running, guest, outer, LARGE + SMALL)
    inner = await puppet.start(guest, inner_box)
    await touch(outer, SMALL)
    with pytest.raises(PuppetDied, match=f"status {KILLED}"):
        await touch(inner, LARGE + SMALL)  # the inner limit: nobody outside suffers
    await inner.forget()
    await guest.sys.close(inner.orders)
    assert await kinds(guest, box) == []
    inner = await puppet.start(guest, inner_box)
    await touch(inner, LARGE - SMALL)
    await containers.events(guest, inner_box)
    assert await touch(outer, LARGE - 2 * SMALL) == LARGE - 2 * SMALL  # the outer one: it may be somebody inside
    assert await died(inner) == KILLED
    # That the first one came to the limit may be told only now: who is killed does not wait for it.
    told = [event for event in await kinds(guest, inner_box) if event[0] != EventKind.PAGE_LIMIT]
    assert told == [(EventKind.OUT_OF_MEMORY, 2), (EventKind.EXIT, 2), (EventKind.EMPTY, 0)]
    assert await kinds(guest, box) == [(EventKind.PAGE_LIMIT, 0)]
    await guest.sys.close(inner_box)
    assert await outer.end() == 0


async def test_a_frozen_container_gives_its_largest_process(running: RunningMachine, guest: Guest, box: int) -> None:
    outer = await puppet.start(guest, box)
    inner_box = await nested(running, guest, outer, 0)
    inner = await puppet.start(guest, inner_box)
    await touch(inner, LARGE)
    await guest.sys.control_container(inner_box, ControlOperation.FREEZE, 0)
    assert await touch(outer, LARGE - SMALL) == LARGE - SMALL
    assert await died(inner) == KILLED
    await guest.sys.close(inner_box)
    assert await outer.end() == 0


async def test_a_copy_of_the_kernel_finds_room_as_well(guest: Guest, box: int) -> None:
    small = await puppet.start(guest, box)
    large = await puppet.start(guest, box)
    size = (LARGE - SMALL) * PAGE
    address = await small.call("mmap", 0, size, READ_WRITE, PRIVATE, -1, 0)
    await touch(large, LARGE)
    file = await small.call("open", await small.text("/dev/zero"), 0, 0)
    assert await small.call("read", file, address, size) == size
    assert await died(large) == KILLED
    assert await small.end() == 0


async def test_a_full_machine_loses_the_largest_process_of_all(running: RunningMachine, guest: Guest, box: int) -> None:
    small = await puppet.start(guest, box)
    large = await puppet.in_new_container(guest)
    other = await puppet.in_new_container(guest)
    free = running.kernel.static(FRAMES).free_count
    await touch(large, free // 2)
    assert await touch(other, free // 2 - SMALL) == free // 2 - SMALL
    assert await touch(other, 2 * SMALL) == 2 * SMALL
    assert await died(large) == KILLED
    assert await kinds(guest, large.container) == [
        (EventKind.OUT_OF_MEMORY, 1),
        (EventKind.EXIT, 1),
        (EventKind.EMPTY, 0),
    ]
    for worker in (other, small):
        assert await worker.end() == 0
    for worker in (other, large):
        await containers.destroy(guest, worker.container)
        await guest.sys.close(worker.container)


async def test_calls_fail_and_kill_nobody(guest: Guest, box: int) -> None:
    """The limit is told once, until there was room again."""
    small = await puppet.start(guest, box)
    large = await puppet.start(guest, box)
    await touch(large, LARGE)
    place = await small.load(bytes(8))
    file = await small.call("open", await small.text("/tmp/file"), os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    for expected in ([(EventKind.PAGE_LIMIT, 0)], []):
        await small.call(orders.REPEAT, WRITE, file, place, 3 * PAGE)
        with pytest.raises(OSError) as caught:
            await small.call("write", file, place, PAGE)
        assert caught.value.errno in (errno.ENOMEM, errno.ENOSPC)
        assert await kinds(guest, box) == expected
    await small.call("ftruncate", file, 0)
    await small.call(orders.REPEAT, WRITE, file, place, 3 * PAGE)
    assert await kinds(guest, box) == [(EventKind.PAGE_LIMIT, 0)]
    await small.call("ftruncate", file, 0)
    assert await large.call("getpid") == 2
    assert await large.end() == await small.end() == 0


async def test_the_limit_of_processes_is_told(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT, limits=Limits(processes=6))
    worker = await puppet.start(guest, handle)
    assert await worker.call(orders.CHILDREN) == 5
    with pytest.raises(OSError) as caught:
        await worker.call("fork")
    assert caught.value.errno == errno.EAGAIN
    assert await kinds(guest, handle) == [(EventKind.PROCESS_LIMIT, 0)]
    await containers.destroy(guest, handle)
    await guest.sys.close(handle)


async def test_who_shares_its_memory_dies_too(guest: Guest, box: int) -> None:
    """A child of vfork(2) uses the memory of its parent, which waits for it."""
    require(*COMPILER)
    pidfd = await containers.run(guest, box, Program(["/bin/sharing"]))
    async with asyncio.timeout(20):
        assert await containers.wait(guest, pidfd) == KILLED
    events = await kinds(guest, box)
    assert sorted(pid for kind, pid in events if kind == EventKind.OUT_OF_MEMORY) == [1, 2]
    await guest.sys.close(pidfd)


def test_events_are_decoded() -> None:
    assert Event.decode(struct.pack("<IiIIQ", 2, 7, 9, 1, 5)) == Event(EventKind.OUT_OF_MEMORY, 7, 9, 1, 5)
