"""Races of sockets and shared memory: many that send, connect, pass descriptors, attach and remove at once."""

from __future__ import annotations

from codegen.lang import (
    Fd,
    address_of,
    i32,
    i64,
    local_array,
    slice_at,
    static_array,
    store,
    u8,
    u16,
    u32,
    u64,
    view,
)
from user.lib.system import exit_group, read_all, system_call, write_all
from user.race.common import PAGE, SIGKILL, STATUS, checked, fork, kill, wait_for_any, yield_now
from user.race.streams import RECORD, close, ignore_broken_streams

SOCKET: u64 = 41
CONNECT: u64 = 42
ACCEPT: u64 = 43
SENDMSG: u64 = 46
RECVMSG: u64 = 47
BIND: u64 = 49
LISTEN: u64 = 50
SOCKETPAIR: u64 = 53
SHMGET: u64 = 29
SHMAT: u64 = 30
SHMCTL: u64 = 31
SHMDT: u64 = 67

AF_UNIX: u64 = 1
STREAM: u64 = 1
DATAGRAM: u64 = 2
PACKETS: u64 = 5
DONT_WAIT: u64 = 0x40
RIGHTS: u32 = 1
CONTROL_LENGTH: u64 = 20
KEY: u64 = 0x5241
CREATE: u64 = 0o1600
REMOVE: u64 = 0
NOT_THERE: i64 = -22
"""EINVAL."""
NAME_LENGTH: u64 = 4
ANSWER: u8 = 1
PROCESSES: u64 = 3

ENDS = static_array(u32, 2)
HEADER = static_array(u8, 56)
PLACE = static_array(u64, 2)
CONTROL = static_array(u8, 24)
NAME = static_array(u8, 8)


def pair(kind: u64) -> None:
    """socketpair(2), into ENDS."""
    checked(system_call(SOCKETPAIR, AF_UNIX, kind, 0, address_of(ENDS), 0, 0))


def expect_ends(count: u64) -> None:
    """So many children end, and have seen nothing wrong."""
    for _ in range(count):
        wait_for_any()
        assert STATUS[0] == 0, "a child failed"


# Messages.


def send_records(turns: u64) -> None:
    """Records that several processes send to one socket arrive whole, each sender's in order, and none is lost."""
    for kind in (STREAM, DATAGRAM, PACKETS):
        pair(kind)
        count = turns * 8
        for number in range(PROCESSES):
            if fork() == 0:
                close(ENDS[0])
                for index in range(count):
                    RECORD[0] = number
                    RECORD[1] = index
                    assert write_all(Fd(i32(ENDS[1])), slice_at(u8, address_of(RECORD), 16)), "nobody reads"
                exit_group(0)
        following = local_array(u64, PROCESSES)
        for _ in range(PROCESSES * count):
            assert read_all(Fd(i32(ENDS[0])), slice_at(u8, address_of(RECORD), 16)), "records were lost"
            assert RECORD[0] < PROCESSES, "a record is torn"
            assert RECORD[1] == following[RECORD[0]], "records come in another order"
            following[RECORD[0]] += 1
        close(ENDS[0])
        close(ENDS[1])
        expect_ends(PROCESSES)


def prepare(descriptor: u32) -> None:
    """A message of one byte with a descriptor."""
    PLACE[0] = address_of(RECORD)
    PLACE[1] = 1
    store(u64, HEADER, 16, address_of(PLACE))
    store(u64, HEADER, 24, 1)
    store(u64, HEADER, 32, address_of(CONTROL))
    store(u64, HEADER, 40, 24)
    store(u64, CONTROL, 0, CONTROL_LENGTH)
    store(u32, CONTROL, 8, 1)
    store(u32, CONTROL, 12, RIGHTS)
    store(u32, CONTROL, 16, descriptor)


def send_descriptor(over: u32, descriptor: u32) -> None:
    """Send a descriptor, if there is room."""
    prepare(descriptor)
    system_call(SENDMSG, u64(over), address_of(HEADER), DONT_WAIT, 0, 0, 0)


def pass_sockets(turns: u64) -> None:
    """Sockets are sent over each other and themselves and closed, while others receive: none is left in the end."""
    common = local_array(u32, 2)
    pair(PACKETS)
    common[0], common[1] = ENDS[0], ENDS[1]
    for number in range(PROCESSES):
        if fork() == 0:
            for turn in range(turns * 4):
                pass_some(common[number % 2], turn)
            exit_group(0)
    expect_ends(PROCESSES)
    close(common[0])
    close(common[1])


def pass_some(common: u32, turn: u64) -> None:
    """Two pairs whose sockets are in each other's queues, and some in one that all know; take one from there."""
    pair(STREAM)
    first, second = ENDS[0], ENDS[1]
    pair(DATAGRAM)
    third, fourth = ENDS[0], ENDS[1]
    send_descriptor(first, second)
    send_descriptor(first, third)
    send_descriptor(third, first)
    send_descriptor(third, fourth)
    if turn % 2 == 0:
        send_descriptor(common, second)
        send_descriptor(common, common)
    close(first)
    close(third)
    close(second)
    close(fourth)
    prepare(0)
    if system_call(RECVMSG, u64(common), address_of(HEADER), DONT_WAIT, 0, 0, 0) == 1:
        received = u32(CONTROL[16]) | u32(CONTROL[17]) << 8
        if received != 0:
            close(received)


# Connections.


def take_name() -> None:
    """An abstract name, in NAME."""
    store(u16, NAME, 0, u16(AF_UNIX))
    NAME[2] = 0
    NAME[3] = 0x72


def new_socket() -> u32:
    """A stream socket."""
    return u32(checked(system_call(SOCKET, AF_UNIX, STREAM, 0, 0, 0, 0)))


def connect_often(turns: u64) -> None:
    """Clients connect while others do, and while the listener is replaced: who gets through is answered or told."""
    ignore_broken_streams()
    take_name()
    for _ in range(PROCESSES):
        if fork() == 0:
            for _ in range(turns * 2):
                ask()
            exit_group(0)
    server = fork()
    if server == 0:
        while True:
            serve(turns)
    for _ in range(PROCESSES):
        assert wait_for_any() != u64(server), "the server failed"
        assert STATUS[0] == 0, "a client failed"
    kill(server, SIGKILL)
    wait_for_any()


def serve(turns: u64) -> None:
    """Listen, answer some clients, and leave those that wait alone."""
    listener = new_socket()
    checked(system_call(BIND, u64(listener), address_of(NAME), NAME_LENGTH, 0, 0, 0))
    checked(system_call(LISTEN, u64(listener), 1, 0, 0, 0, 0))
    byte = local_array(u8, 1)
    for _ in range(turns // 2 + 1):
        client = u32(checked(system_call(ACCEPT, u64(listener), 0, 0, 0, 0, 0)))
        if read_all(Fd(i32(client)), byte):
            byte[0] = ANSWER
            write_all(Fd(i32(client)), byte)
        close(client)
    close(listener)


def ask() -> None:
    """Connect until it works; then a byte there and back, unless the listener is gone meanwhile."""
    byte = local_array(u8, 1)
    while True:
        client = new_socket()
        if system_call(CONNECT, u64(client), address_of(NAME), NAME_LENGTH, 0, 0, 0) == 0:
            is_sent = write_all(Fd(i32(client)), byte)
            if is_sent and read_all(Fd(i32(client)), byte):
                assert byte[0] == ANSWER, "another answer came"
                close(client)
                return
        close(client)
        yield_now()


# Shared memory.


def attach_segments(turns: u64) -> None:
    """Processes find, attach, use and remove one segment at once: what is attached stays, and none is left."""
    for number in range(PROCESSES):
        if fork() == 0:
            for turn in range(turns * 4):
                attach_one(number, turn % PROCESSES == number)
            exit_group(0)
    expect_ends(PROCESSES)
    system_call(SHMCTL, find_segment(), REMOVE, 0, 0, 0, 0)


def find_segment() -> u64:
    """The segment of all, made if there is none."""
    return checked(system_call(SHMGET, KEY, 2 * PAGE, CREATE, 0, 0, 0))


def attach_one(number: u64, removes: bool) -> None:
    """Attach the segment if it is still there, and write to words of this process."""
    id = find_segment()
    result = system_call(SHMAT, id, 0, 0, 0, 0, 0)
    if removes:
        is_removed = system_call(SHMCTL, id, REMOVE, 0, 0, 0, 0)
        assert is_removed == 0 or is_removed == NOT_THERE, "removing went wrong"
    if result == NOT_THERE:
        return
    words = view(u64, slice_at(u8, checked(result), 2 * PAGE))
    words[number] = id
    words[PAGE // 8 + number] = id
    yield_now()
    assert words[number] == id and words[PAGE // 8 + number] == id, "the segment has changed"
    checked(system_call(SHMDT, u64(result), 0, 0, 0, 0, 0))
