"""Measures sockets of AF_UNIX: a byte to another process and one back, making and closing, a descriptor, many bytes."""

from __future__ import annotations

from codegen.lang import Fd, address_of, local_array, static_array, store, u8, u32, u64
from user.bench.measure import checked, now, report
from user.bench.memory import map_memory, unmap_memory
from user.bench.processes import answer, close, fork, wait_for
from user.lib.system import read_all, system_call, write_all

READ: u64 = 0
WRITE: u64 = 1
SENDMSG: u64 = 46
RECVMSG: u64 = 47
SOCKETPAIR: u64 = 53
KILL: u64 = 62
SIGKILL: u64 = 9

AF_UNIX: u64 = 1
STREAM: u64 = 1
DATAGRAM: u64 = 2

TRIPS: u64 = 2000
PAIRS: u64 = 1000
BLOCKS: u64 = 200
BLOCK: u64 = 65_536
BYTE = static_array(u8, 1)

HEADER = static_array(u8, 56)
PLACE = static_array(u64, 2)
CONTROL = static_array(u8, 24)
CONTROL_LENGTH: u64 = 20
"""A control message with one descriptor."""


def make_pair(kind: u64) -> tuple[u32, u32]:
    """socketpair(2)."""
    ends = local_array(u32, 2)
    checked(system_call(SOCKETPAIR, AF_UNIX, kind, 0, address_of(ends), 0, 0), b"socketpair")
    return ends[0], ends[1]


def trips(kind: u64) -> None:
    """A byte to another process, and one back."""
    mine, other = make_pair(kind)
    child = fork()
    if child == 0:
        close(mine)
        answer(Fd(other), Fd(other))
    close(other)
    byte = local_array(u8, 1)
    start = now()
    for _ in range(TRIPS):
        write_all(Fd(mine), byte)
        read_all(Fd(mine), byte)
    if kind == STREAM:
        report(b"unix_trip", start, TRIPS)
    else:
        report(b"unix_datagram_trip", start, TRIPS)
    close(mine)
    system_call(KILL, child, SIGKILL, 0, 0, 0, 0)
    wait_for(child)


def pairs() -> None:
    """A pair of sockets, and its end."""
    start = now()
    for _ in range(PAIRS):
        one, other = make_pair(STREAM)
        close(one)
        close(other)
    report(b"socketpair", start, PAIRS)


def prepare_message(descriptor: u32) -> None:
    """A message of one byte with one descriptor (sendmsg(2), cmsg(3))."""
    PLACE[0] = address_of(BYTE)
    PLACE[1] = 1
    store(u64, HEADER, 16, address_of(PLACE))
    store(u64, HEADER, 24, 1)
    store(u64, HEADER, 32, address_of(CONTROL))
    store(u64, HEADER, 40, 24)
    store(u64, CONTROL, 0, CONTROL_LENGTH)
    store(u32, CONTROL, 8, 1)
    store(u32, CONTROL, 12, 1)
    store(u32, CONTROL, 16, descriptor)


def descriptors() -> None:
    """A descriptor that is sent, received and closed."""
    one, other = make_pair(STREAM)
    start = now()
    for _ in range(PAIRS):
        prepare_message(one)
        checked(system_call(SENDMSG, u64(one), address_of(HEADER), 0, 0, 0, 0), b"sendmsg")
        checked(system_call(RECVMSG, u64(other), address_of(HEADER), 0, 0, 0, 0), b"recvmsg")
        close(received())
    report(b"unix_rights", start, PAIRS)
    close(one)
    close(other)


def received() -> u32:
    """The descriptor that came with a message."""
    descriptor: u32 = 0
    for index in range(4):
        descriptor |= u32(CONTROL[16 + index]) << index * 8
    return descriptor


def blocks() -> None:
    """64 KiB into a stream and out of it, by one process."""
    one, other = make_pair(STREAM)
    block = map_memory(BLOCK)
    start = now()
    for _ in range(BLOCKS):
        checked(system_call(WRITE, u64(one), block, BLOCK, 0, 0, 0), b"write")
        checked(system_call(READ, u64(other), block, BLOCK, 0, 0, 0), b"read")
    report(b"unix_block", start, BLOCKS)
    unmap_memory(block, BLOCK)
    close(one)
    close(other)


def measure() -> None:
    """All of it."""
    trips(STREAM)
    trips(DATAGRAM)
    pairs()
    descriptors()
    blocks()
