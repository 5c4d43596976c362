"""Freezing, thawing and opening containers, and the events that their descriptors tell."""

from __future__ import annotations

import asyncio
import errno
import struct

import pytest

from harness import containers
from harness.agent_protocol import both, out
from harness.containers import Limits, Program
from harness.guest import Guest
from harness.plugin import ROOT
from kernel.containers.abi import ContainerStage, ControlOperation, EventKind

BUSYBOX = "/bin/busybox"
SPIN = Program([BUSYBOX, "sh", "-c", "while :; do :; done"])
EVENT = struct.Struct("<IiIIQ")


async def events(guest: Guest, container: int) -> list[tuple[int, int, int]]:
    """Kind, pid and status of the events that can be read now."""
    ready = both(struct.pack("<ihh", container, 1, 0))
    if await guest.sys.poll(ready, 1, 0) == 0:
        return []
    place = out(40 * EVENT.size)
    done = await guest.sys.read(container, place, len(place.content))
    return [EVENT.unpack_from(place.content, start)[:3] for start in range(0, done, EVENT.size)]


async def cpu_time(guest: Guest, container: int) -> int:
    """How long the container has run."""
    return (await containers.query(guest, container))["cpu_time"]


async def test_a_frozen_container_does_not_run_and_goes_on_when_thawed(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    await containers.run(guest, handle, SPIN)
    await guest.sys.control_container(handle, ControlOperation.FREEZE, 0)
    await asyncio.sleep(0.1)
    before = await cpu_time(guest, handle)
    await asyncio.sleep(0.2)
    assert await cpu_time(guest, handle) == before
    assert (await containers.query(guest, handle))["stage"] == ContainerStage.FROZEN
    await guest.sys.control_container(handle, ControlOperation.THAW, 0)
    await asyncio.sleep(0.2)
    assert await cpu_time(guest, handle) > before
    assert (await containers.query(guest, handle))["stage"] == ContainerStage.RUNNING
    assert [kind for kind, _, _ in await events(guest, handle)] == [EventKind.FROZEN, EventKind.THAWED]
    await containers.destroy(guest, handle)


@pytest.mark.parametrize("ends", ["kill", "destroy"])
async def test_what_is_frozen_can_be_killed(guest: Guest, ends: str) -> None:
    handle = await containers.create(guest, ROOT)
    pidfd = await containers.run(guest, handle, SPIN)
    await guest.sys.control_container(handle, ControlOperation.FREEZE, 0)
    if ends == "kill":
        await guest.sys.control_container(handle, ControlOperation.KILL, 0)
        assert await containers.wait(guest, pidfd) == 128 + 9
    assert (await containers.destroy(guest, handle))["pages_used"] == 0


async def test_exits_are_events(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    assert await events(guest, handle) == []
    pidfd = await containers.run(guest, handle, Program([BUSYBOX, "sh", "-c", "exit 3"]))
    await containers.wait(guest, pidfd)
    assert await events(guest, handle) == [(EventKind.EXIT, 1, 3 << 8), (EventKind.EMPTY, 0, 0)]
    assert await events(guest, handle) == []
    with pytest.raises(OSError) as caught:
        await guest.sys.read(handle, out(8), 8)
    assert caught.value.errno == errno.EINVAL
    await containers.destroy(guest, handle)
    assert await guest.sys.read(handle, out(24), 24) == 0


async def test_a_container_is_opened_by_its_number(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT, limits=Limits(pages=500))
    number = (await containers.query(guest, handle))["id"]
    other = await guest.sys.open_container(number)
    assert (await containers.query(guest, other))["pages_limit"] == 500
    await containers.destroy(guest, other)
    for wrong in (number, 1, 1 << 40):
        with pytest.raises(OSError) as caught:
            await guest.sys.open_container(wrong)
        assert caught.value.errno == errno.ESRCH


async def test_a_query_fills_as_much_of_the_state_as_there_is_room_for(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    whole = out(136)
    await guest.sys.query_container(handle, whole, 136)
    for size in (8, 12, 100, 135):
        room = both(b"\xaa" * 140)
        await guest.sys.query_container(handle, room, size)
        assert room.content == whole.content[:size] + b"\xaa" * (140 - size)
    with pytest.raises(OSError, match="Invalid argument"):
        await guest.sys.query_container(handle, out(8), 7)
    await containers.destroy(guest, handle)
