"""The agent: reads a request from the channel, performs the system call in ring 3, and replies.

A request that breaks the protocol ends the agent with status 2: nothing after it could be understood.

Where no host answers the greeting in time, or the kernel's command line says `standalone`, it becomes `ctr boot`
(user/ctr/boot.py). A host that says `harness` there is waited for as long as it takes: it may be busy.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Fd,
    MutableSlice,
    Never,
    Slice,
    address_of,
    align_up,
    array,
    export,
    i64,
    load,
    static_array,
    store,
    struct,
    truncate,
    u8,
    u32,
    u64,
)
from user.agent import protocol
from user.lib.arguments import ARGUMENTS
from user.lib.system import STANDARD_ERROR, exit_group, read_all, system_call, write_all

CHANNEL = Fd(3)
BROKEN: u32 = 2
CLOSED: u32 = 0

STANDALONE = b"standalone"
HARNESS = b"harness"
"""Words of the kernel's command line."""
POLL: u64 = 7
EXECVE: u64 = 59
INPUT: u32 = 1
PATIENCE: u64 = 1000
"""Milliseconds in which a host answers."""
CTR = b"/ctr\0"
BOOT = b"boot\0"
POINTERS = static_array(u64, 3)

ARENA = static_array(u8, protocol.ARENA_SIZE)


@struct
class Buffers:
    """Where the buffers of the request in hand lie in the arena."""

    count: u64 = 0
    used: u64 = 0
    start: Array[u32] = array(protocol.BUFFERS_MAX)
    length: Array[u32] = array(protocol.BUFFERS_MAX)
    direction: Array[u32] = array(protocol.BUFFERS_MAX)

    def bytes_of(self, index: u64) -> MutableSlice[u8]:
        """The bytes of one buffer."""
        start = u64(self.start[index])
        return ARENA[start : start + self.length[index]]

    def add(self, length: u64, direction: u32) -> MutableSlice[u8]:
        """Take the next buffer, its bytes zero."""
        if self.count >= protocol.BUFFERS_MAX or length > protocol.ARENA_SIZE - self.used:
            exit_group(BROKEN)
        index = self.count
        self.start[index] = u32(self.used)
        self.length[index] = u32(length)
        self.direction[index] = direction
        self.count += 1
        self.used = min(align_up(self.used + length, 16), protocol.ARENA_SIZE)
        return self.bytes_of(index)


BUFFERS = Buffers()
REQUEST = static_array(u8, protocol.REQUEST_SIZE)
HEADER = static_array(u8, protocol.BUFFER_SIZE)
REPLY = static_array(u8, protocol.REPLY_SIZE)


def receive(destination: MutableSlice[u8]) -> None:
    """Read exactly this much; the end of the channel ends the agent."""
    if not read_all(CHANNEL, destination):
        exit_group(CLOSED)


def receive_buffer() -> None:
    """Read one buffer of a request, and put its address where the request wants it."""
    receive(HEADER[0 : protocol.BUFFER_SIZE])
    target = load(u32, HEADER, 0)
    position = u64(load(u32, HEADER, 4))
    direction = load(u32, HEADER, 8)
    content = BUFFERS.add(load(u64, HEADER, 16), direction)
    if direction & protocol.DIRECTION_IN != 0:
        receive(content)
    else:
        clear(content)
    if target == protocol.TARGET_ARGUMENTS:
        if position >= protocol.ARGUMENTS:
            exit_group(BROKEN)
        store(u64, REQUEST, 16 + position * 8, address_of(content))
        return
    if u64(target) + 1 >= BUFFERS.count or position + 8 > len(BUFFERS.bytes_of(target)):
        exit_group(BROKEN)
    store(u64, BUFFERS.bytes_of(target), position, address_of(content))


def clear(content: MutableSlice[u8]) -> None:
    """Zero what an earlier request left."""
    for index in range(len(content)):
        content[index] = 0


def perform() -> i64:
    """Do what the request in REQUEST asks for."""
    number = load(u32, REQUEST, 8)
    if number == protocol.HELLO:
        return i64(protocol.VERSION)
    return system_call(
        number,
        load(u64, REQUEST, 16),
        load(u64, REQUEST, 24),
        load(u64, REQUEST, 32),
        load(u64, REQUEST, 40),
        load(u64, REQUEST, 48),
        load(u64, REQUEST, 56),
    )


def prepare_reply(sequence: u32, result: i64) -> None:
    """Let REPLY be the result of a request."""
    store(u32, REPLY, 0, protocol.REPLY_MAGIC)
    store(u32, REPLY, 4, sequence)
    store(u64, REPLY, 8, truncate(u64, result))


def reply(sequence: u32, result: i64) -> None:
    """Send the result, and the buffers that go out."""
    prepare_reply(sequence, result)
    if not write_all(CHANNEL, REPLY[0 : protocol.REPLY_SIZE]):
        exit_group(CLOSED)
    for index in range(BUFFERS.count):
        goes_out = BUFFERS.direction[index] & protocol.DIRECTION_OUT != 0
        if goes_out and not write_all(CHANNEL, BUFFERS.bytes_of(index)):
            exit_group(CLOSED)


def is_said(wanted: Slice[u8]) -> bool:
    """Whether a word stands on the kernel's command line: its words are our arguments."""
    for index in range(1, ARGUMENTS.count):
        if ARGUMENTS.text(index) == wanted:
            return True
    return False


def greet() -> bool:
    """Say that we are here; whether a host answers."""
    if not is_said(HARNESS) and is_said(STANDALONE):
        return False
    prepare_reply(0, i64(protocol.READY))
    if not write_all(CHANNEL, REPLY[0 : protocol.REPLY_SIZE]):
        return False
    return is_said(HARNESS) or await_request()


def await_request() -> bool:
    """Whether a request comes within PATIENCE; the end of the channel is none."""
    store(u32, HEADER, 0, u32(3))
    store(u32, HEADER, 4, INPUT)
    return system_call(POLL, address_of(HEADER), 1, PATIENCE, 0, 0, 0) > 0


def become_standalone() -> Never:
    """Go on as `ctr boot`; an archive without ctr is of no use without a host."""
    POINTERS[0] = address_of(CTR)
    POINTERS[1] = address_of(BOOT)
    system_call(EXECVE, address_of(CTR), address_of(POINTERS), address_of(POINTERS) + 16, 0, 0, 0)
    write_all(STANDARD_ERROR, b"pithos: no host answers, and this boot archive has no program to run without one\n")
    exit_group(BROKEN)


@export
def user_main(stack: u64) -> None:
    """Serve requests until the channel closes."""
    ARGUMENTS.begin(stack)
    if not greet():
        become_standalone()
    while True:
        receive(REQUEST[0 : protocol.REQUEST_SIZE])
        if load(u32, REQUEST, 0) != protocol.REQUEST_MAGIC:
            exit_group(BROKEN)
        BUFFERS.count = 0
        BUFFERS.used = 0
        for _ in range(u64(load(u32, REQUEST, 12))):
            receive_buffer()
        reply(load(u32, REQUEST, 4), perform())
