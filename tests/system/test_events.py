"""eventfd(2), epoll(7), timerfd_create(2) and masks of waiting calls are as on Linux."""

from __future__ import annotations

import errno
import select
import struct
from pathlib import Path
from typing import Any

import pytest

from harness.agent_protocol import Buffer, into, out
from harness.guest import Guest
from harness.running import RunningMachine
from harness.streams import make_pipe
from tests.system.both import Call, Scenario, in_both
from tests.system.puppet import in_new_container

NONBLOCK = 0o4000
SECOND = 10**9
ADD, DELETE, MODIFY = 1, 2, 3
SIG_BLOCK = 0


def word(value: int) -> Buffer:
    return into(value.to_bytes(8, "little"))


def times(*nanoseconds: int) -> Buffer:
    """Struct timespecs in a row."""
    return into(b"".join(struct.pack("<QQ", *divmod(value, SECOND)) for value in nanoseconds))


async def read(call: Call, fd: int, size: int = 8) -> int | bytes:
    place = out(size)
    done = await call("read", fd, place, size)
    return done if done < 0 else place.content[:done]


async def pipe(call: Call) -> tuple[int, int]:
    ends = out(8)
    assert await call("pipe2", ends, NONBLOCK) == 0
    reader, writer = struct.unpack("<ii", ends.content)
    return reader, writer


async def watch(call: Call, epoll: int, operation: int, fd: int, events: int, data: int = 7) -> int:
    return await call("epoll_ctl", epoll, operation, fd, into(struct.pack("<IQ", events, data)))


async def ready(call: Call, epoll: int, room: int = 8, timeout: int = 0) -> list[tuple[int, int]] | int:
    place = out(12 * room)
    count = await call("epoll_wait", epoll, place, room, timeout)
    return count if count < 0 else [struct.unpack_from("<IQ", place.content, 12 * index) for index in range(count)]


async def counter(call: Call) -> Any:
    seen: list[Any] = []
    for flags in (NONBLOCK, NONBLOCK | 1):
        fd = await call("eventfd2", 3, flags)
        seen += [await read(call, fd), await read(call, fd), await call("write", fd, word(5), 8)]
        seen += [await read(call, fd), await read(call, fd, 4), await call("write", fd, word(1), 7)]
        seen += [await call("write", fd, word((1 << 64) - 1), 8), await call("write", fd, word((1 << 64) - 2), 8)]
        seen += [await call("write", fd, word(1), 8), await read(call, fd, 16)]
    return [*seen, await call("eventfd2", 0, 2)]


async def levels_and_edges(call: Call) -> Any:
    seen: list[Any] = []
    epoll = await call("epoll_create1", 0)
    reader, writer = await pipe(call)
    for extra in (0, select.EPOLLET, select.EPOLLONESHOT, select.EPOLLEXCLUSIVE):
        seen.append(await watch(call, epoll, ADD, reader, select.EPOLLIN | extra, 1 << 40))
        seen += [await ready(call, epoll), await call("write", writer, word(1), 3)]
        seen += [await ready(call, epoll), await ready(call, epoll), await call("write", writer, word(1), 2)]
        seen += [await ready(call, epoll), await read(call, reader), await ready(call, epoll)]
        seen += [await watch(call, epoll, MODIFY, reader, select.EPOLLIN | extra, 9)]
        seen += [await call("write", writer, word(1), 1), await ready(call, epoll), await read(call, reader)]
        seen += [await watch(call, epoll, DELETE, reader, 0), await watch(call, epoll, DELETE, reader, 0)]
    seen.append(await watch(call, epoll, ADD, writer, select.EPOLLOUT | select.EPOLLET))
    seen += [await ready(call, epoll), await ready(call, epoll), await call("close", reader), await ready(call, epoll)]
    return seen


async def refusals(call: Call) -> Any:
    epoll, other = await call("epoll_create", 1), await call("epoll_create", 1)
    reader, writer = await pipe(call)
    nowhere = out(12)
    return [
        await call("epoll_create", 0),
        await call("epoll_create1", 1),
        await watch(call, epoll, ADD, epoll, 1),
        await watch(call, reader, ADD, writer, 1),
        await watch(call, epoll, ADD, 900, 1),
        await watch(call, epoll, MODIFY, reader, 1),
        await watch(call, epoll, ADD, reader, 1),
        await watch(call, epoll, ADD, reader, 1),
        await watch(call, epoll, 4, reader, 1),
        await call("epoll_ctl", epoll, ADD, reader, None),
        await call("epoll_wait", epoll, nowhere, 0, 0),
        await call("epoll_wait", reader, nowhere, 1, 0),
        await call("epoll_wait", epoll, 1 << 62, 1, 0),
        await watch(call, epoll, ADD, writer, select.EPOLLEXCLUSIVE | select.EPOLLONESHOT),
        await watch(call, epoll, ADD, other, 1),
        await watch(call, other, ADD, epoll, 1),
        await call("read", epoll, nowhere, 8),
    ]


async def closing_forgets(call: Call) -> Any:
    epoll = await call("epoll_create1", 0)
    reader, writer = await pipe(call)
    copy = await call("dup", writer)
    seen: list[Any] = [await watch(call, epoll, ADD, writer, select.EPOLLOUT, 1)]
    seen += [await call("close", writer), await ready(call, epoll)]
    seen += [await call("close", copy), await ready(call, epoll)]
    return [*seen, await watch(call, epoll, ADD, reader, select.EPOLLIN, 2), await ready(call, epoll)]


async def timer_file(call: Call) -> Any:
    seen: list[Any] = [await call("timerfd_create", clock, 0) for clock in (2, 99)]
    seen.append(await call("timerfd_create", 1, 1))
    fd = await call("timerfd_create", 1, NONBLOCK)
    seen += [await read(call, fd), await call("timerfd_settime", fd, 0, times(0, 20_000_000), None)]
    records = into(struct.pack("<ihh", fd, 1, 0))
    seen += [await call("poll", records, 1, 5000), await read(call, fd), await read(call, fd)]
    setting = out(32)
    seen += [await call("timerfd_settime", fd, 1, times(SECOND, 1), None), await call("timerfd_gettime", fd, setting)]
    interval, rest = struct.unpack("<QQQQ", setting.content)[0], struct.unpack("<QQQQ", setting.content)[2]
    await call("poll", into(records.content), 1, 5000)  # it went off long ago, but that takes its time to show
    seen += [interval, rest, len(bytes(await read(call, fd)))]
    seen += [await call("timerfd_settime", fd, 0, times(0, 0), setting), await call("timerfd_gettime", fd, setting)]
    seen += [setting.content, await call("timerfd_settime", fd, 4, times(0, 0), None)]
    return [
        *seen,
        await call("timerfd_settime", 900, 0, times(0, 0), None),
        await call("timerfd_settime", fd, 0, None, None),
    ]


async def waiting_with_a_mask(call: Call) -> Any:
    """A signal that only the mask of the call lets through ends it; the mask is back afterwards."""
    user, mask = 1 << (10 - 1), out(8)
    pid, thread = await call("getpid"), await call("gettid")
    await call("rt_sigaction", 10, into(struct.pack("<QQQQ", 1, 0, 0, 0)), None, 8)
    seen: list[Any] = [await call("rt_sigprocmask", SIG_BLOCK, word(user), None, 8)]
    seen += [await call("ppoll", None, 0, times(1), word(0xF0), 8), await call("rt_sigprocmask", 0, None, mask, 8)]
    seen += [mask.content, await call("tgkill", pid, thread, 10)]
    seen += [await call("ppoll", None, 0, times(1), word(user), 8), await call("rt_sigprocmask", 0, None, mask, 8)]
    epoll = await call("epoll_create1", 0)
    seen += [mask.content, await call("epoll_pwait", epoll, out(12), 1, 5, word(user), 8)]
    return [*seen, await call("rt_sigprocmask", 0, None, mask, 8), mask.content]


@pytest.mark.parametrize(
    "scenario", [counter, levels_and_edges, refusals, closing_forgets, timer_file, waiting_with_a_mask]
)
async def test_as_on_linux(guest: Guest, tmp_path: Path, scenario: Scenario) -> None:
    here, there = await in_both(scenario, guest, tmp_path)
    assert here == there


async def test_descriptors_run_out_without_loss(guest: Guest) -> None:
    """An eventfd that finds no descriptor is given back; the state is validated after the test."""
    opened = []
    with pytest.raises(OSError) as caught:
        while True:
            opened.append(await guest.sys.eventfd2(0, 0))
    assert caught.value.errno == errno.EMFILE and len(opened) > 1000


async def test_a_timer_of_centuries_goes_off_once(guest: Guest) -> None:
    """The next moment after it is beyond the end of the clock."""
    fd = await guest.sys.timerfd_create(1, 0)
    await guest.sys.timerfd_settime(fd, 0, times((1 << 64) - 1, 1_000_000), None)
    place = out(8)
    assert await guest.sys.read(fd, place, 8) == 8
    assert place.content == (1).to_bytes(8, "little")


async def test_who_polls_a_pipe_is_woken_by_it_and_not_by_others(running: RunningMachine, guest: Guest) -> None:
    readiness = running.kernel.static("kernel.files.poll.READINESS")
    puppet = await in_new_container(guest)
    record = await puppet.load(struct.pack("<iHH", 0, select.POLLIN, 0))  # the pipe with its orders
    await puppet.send("poll", record, 1, -1)
    others = [await make_pipe(guest, NONBLOCK) for _ in range(4)]
    before = readiness.queue.wakes
    for _ in range(25):
        for other in others:
            await guest.write(other.write_end, b"x")
            await guest.read(other.read_end, 1)
    # Each was written to and read from 25 times; one of the four may have the bit of the awaited pipe.
    assert readiness.queue.wakes - before <= 60
    await puppet.send("getppid")
    assert await puppet.answer() == 1
    await puppet.answer()
    await puppet.end()
    for other in others:
        await guest.sys.close(other.write_end)
        await guest.sys.close(other.read_end)
