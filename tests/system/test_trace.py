"""trace_container: what it tells, what it costs a container that is not traced, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import struct

import pytest

from harness import containers
from harness.agent_protocol import into
from harness.containers import Program
from harness.guest import Guest
from harness.plugin import ROOT
from harness.strace.records import Reader, Record
from harness.strace.tracing import wanted_pieces
from kernel.containers.abi import TRACE_CAPACITY_LEAST, TRACE_CAPACITY_MOST, ControlOperation

BUSYBOX = "/bin/busybox"
READ, WRITE, OPENAT, GETPPID, EXIT_GROUP = 0, 1, 257, 110, 231


def shell(script: str) -> Program:
    return Program([BUSYBOX, "sh", "-c", script])


async def begin(guest: Guest, container: int, capacity: int = 1 << 20) -> int:
    """Trace it: a descriptor."""
    table, calls = wanted_pieces()
    return await guest.sys.trace_container(container, into(table), calls, capacity)


async def read_all(guest: Guest, trace: int) -> list[Record]:
    """The records until the container is gone."""
    reader = Reader()
    found: list[Record] = []
    while content := await guest.read(trace, 65536):
        found += reader.feed(content)
    return found


async def traced(guest: Guest, program: Program) -> list[Record]:
    """What a program does."""
    handle = await containers.create(guest, ROOT)
    trace = await begin(guest, handle)
    pidfd = await containers.run(guest, handle, program)
    await containers.wait(guest, pidfd)
    await containers.destroy(guest, handle)
    found = await read_all(guest, trace)
    for descriptor in (trace, pidfd, handle):
        await guest.sys.close(descriptor)
    return found


def of(records: list[Record], number: int, kind: str) -> list[Record]:
    return [record for record in records if record.kind.name == kind and record.number == number]


async def test_calls_are_told_with_what_they_point_at(guest: Guest) -> None:
    records = await traced(guest, shell("echo hello > /file; read line < /file; read line < /nosuch; exit 3"))
    paths = [record.pieces[1][0].content for record in of(records, OPENAT, "ENTRY")]
    paths += [record.pieces[0][0].content for record in of(records, 2, "ENTRY")]
    assert {b"/file", b"/nosuch"} <= set(paths)
    assert b"hello\n" in [record.pieces[1][0].content for record in of(records, WRITE, "ENTRY")]
    assert b"h" in b"".join(record.pieces[1][0].content for record in of(records, READ, "EXIT") if record.pieces)
    failures = [record.result for record in records if record.kind.name == "EXIT" and record.result == -errno.ENOENT]
    assert failures
    (last,) = [record for record in records if record.kind.name == "END"]
    assert (last.pid, last.tid, last.result) == (1, 1, 3 << 8)
    assert records[-1] is last and not any(record.lost for record in records)
    times = [record.time for record in records]
    assert times == sorted(times)
    assert len(of(records, EXIT_GROUP, "ENTRY")) == 1 and not of(records, EXIT_GROUP, "EXIT")


async def test_every_call_that_returns_is_told_twice(guest: Guest) -> None:
    records = await traced(guest, shell("for i in 1 2 3; do (echo $i) | cat; done"))
    begun: dict[int, int] = {}
    for record in records:
        if record.kind.name == "ENTRY":
            assert record.tid not in begun
            begun[record.tid] = record.number
        elif record.kind.name == "EXIT":
            assert begun.pop(record.tid) == record.number
    assert set(begun.values()) == {EXIT_GROUP}
    assert len({record.pid for record in records}) >= 6


async def test_signals_and_ends_are_told(guest: Guest) -> None:
    records = await traced(guest, shell("sleep 100 & kill -TERM $!; wait"))
    assert next((record.pid, record.number) for record in records if record.kind.name == "SIGNAL") == (2, 15)
    ends = {record.pid: record.result for record in records if record.kind.name == "END"}
    assert ends == {1: 0, 2: 15}


async def test_bad_pointers_are_left_out(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    table = [0] * (600 * 6)
    for kind in range(1, 7):  # PieceKind; the arguments of getppid are whatever is in the registers
        table[GETPPID * 6 + kind - 1] = kind | 1 << 8 | 0xFFFF << 16
    trace = await guest.sys.trace_container(handle, into(struct.pack("<3600I", *table)), 600, 65536)
    pidfd = await containers.run(guest, handle, shell("for i in 1 2 3 4 5; do (exit $PPID); done"))
    await containers.wait(guest, pidfd)
    await containers.destroy(guest, handle)
    assert of(await read_all(guest, trace), GETPPID, "ENTRY")


async def test_a_full_log_holds_its_threads_up_and_loses_nothing(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    trace = await begin(guest, handle, TRACE_CAPACITY_LEAST)
    pidfd = await containers.run(
        guest, handle, shell("i=0; while [ $i -lt 100 ]; do : < /etc/passwd; i=$((i+1)); done")
    )
    await asyncio.sleep(0.3)
    before = (await containers.query(guest, handle))["cpu_time"]
    await asyncio.sleep(0.3)
    assert (await containers.query(guest, handle))["cpu_time"] == before, "it waits"
    reader, found = Reader(), list[Record]()
    while not any(record.kind.name == "END" for record in found):
        found += reader.feed(await guest.read(trace, 4096))
    assert not any(record.lost for record in found)
    assert sum(b"/etc/passwd" in str(record.pieces).encode() for record in found) == 100
    assert await containers.wait(guest, pidfd) == 0
    await containers.destroy(guest, handle)


@pytest.mark.parametrize("how", ["close", "kill", "destroy"])
async def test_who_waits_for_room_is_let_go(guest: Guest, how: str) -> None:
    handle = await containers.create(guest, ROOT)
    trace = await begin(guest, handle, TRACE_CAPACITY_LEAST)
    program = shell("(while :; do : < /etc/passwd; done) & i=0; while [ $i -lt 100 ]; do i=$((i+1)); : < /etc; done")
    pidfd = await containers.run(guest, handle, program)
    await asyncio.sleep(0.3)
    if how == "close":
        await guest.sys.close(trace)
        assert await containers.wait(guest, pidfd) == 0
    elif how == "kill":
        await guest.sys.control_container(handle, ControlOperation.KILL, 0)
        assert await containers.wait(guest, pidfd) == 137
    state = await containers.destroy(guest, handle)
    assert (state["pages_used"], state["processes_used"]) == (0, 0)
    if how != "close":
        await read_all(guest, trace)
        await guest.sys.close(trace)


async def test_tracing_can_begin_late_and_again(guest: Guest) -> None:
    handle = await containers.create(guest, ROOT)
    pidfd = await containers.run(guest, handle, shell("while :; do : < /etc/passwd; done"))
    for _ in range(3):
        trace = await begin(guest, handle, 65536)
        with pytest.raises(OSError) as busy:
            await begin(guest, handle)
        assert busy.value.errno == errno.EBUSY
        assert list(Reader().feed(await guest.read(trace, 65536)))
        await guest.sys.close(trace)
    await guest.sys.control_container(handle, ControlOperation.KILL, 0)
    assert await containers.wait(guest, pidfd) == 137
    await containers.destroy(guest, handle)
    with pytest.raises(OSError) as gone:
        await begin(guest, handle)
    assert gone.value.errno == errno.ESRCH


async def test_others_are_not_traced(guest: Guest) -> None:
    handle, other = await containers.create(guest, ROOT), await containers.create(guest, ROOT)
    trace = await begin(guest, handle)
    pidfd = await containers.run(guest, other, shell("echo not told"))
    await containers.wait(guest, pidfd)
    await containers.destroy(guest, other)
    await containers.destroy(guest, handle)
    assert await read_all(guest, trace) == []


@pytest.mark.parametrize(
    ("calls", "capacity", "expected"),
    [
        (1, TRACE_CAPACITY_LEAST - 1, errno.EINVAL),
        (1, TRACE_CAPACITY_MOST + 1, errno.EINVAL),
        (1, (1 << 64) - 1, errno.EINVAL),
        (2049, 65536, errno.EINVAL),
        ((1 << 64) - 1, 65536, errno.EINVAL),
        (100, 65536, errno.EFAULT),
        (0, 65536, 0),
    ],
)
async def test_odd_requests(guest: Guest, calls: int, capacity: int, expected: int) -> None:
    handle = await containers.create(guest, ROOT)
    if expected == 0:
        trace = await guest.sys.trace_container(handle, 1, calls, capacity)
        await guest.sys.close(trace)
    else:
        with pytest.raises(OSError) as refused:
            await guest.sys.trace_container(handle, 1, calls, capacity)
        assert refused.value.errno == expected
    await containers.destroy(guest, handle)
