"""Races of what processes tell each other: pipes, signals in a queue, counters of events."""

from __future__ import annotations

from codegen.lang import (
    Array,
    Atomic,
    Fd,
    address_of,
    export,
    i32,
    i64,
    inline,
    inline_array,
    local_array,
    slice_at,
    static_array,
    struct,
    symbol_address,
    u8,
    u32,
    u64,
)
from user.lib.system import exit_group, read_all, system_call, write_all
from user.lib.threads import ThreadHandle, end_thread, join_thread, start_thread
from user.race.common import GETPID, NO_FILE, STATUS, checked, fork, wait_for, wait_for_any, yield_now

CLOSE: u64 = 3
READ: u64 = 0
WRITE: u64 = 1
POLL: u64 = 7
DUP2: u64 = 33
PIPE2: u64 = 293
EVENTFD2: u64 = 290
SIGACTION: u64 = 13
SIGPROCMASK: u64 = 14
SIGTIMEDWAIT: u64 = 128
SIGQUEUEINFO: u64 = 129

WRITERS: u64 = 3
REAL_TIME_SIGNAL: u64 = 40
SIGNAL_SET: u64 = 1 << 39
BLOCK: u64 = 0
QUEUED: u32 = 0xFFFF_FFFF
"""SI_QUEUE, -1."""
AGAIN: i64 = -11
BAD_FILE: i64 = -9
BROKEN_PIPE: i64 = -32
SIGNAL_OF_PIPES: u64 = 13
IGNORED: u64 = 1
NONBLOCKING: u64 = 0x800
READ_PLACE: u64 = 100
WRITE_PLACE: u64 = 101
READABLE: u64 = 1
FOR_EVER: u64 = NO_FILE

ENDS = static_array(u32, 4)
RECORD = static_array(u64, 2)
SET = static_array(u64, 1)
INFO = static_array(u32, 32)
POLLED = static_array(u64, 1)
ACTION = static_array(u64, 4)


def new_pipe() -> None:
    """A pipe, whose ends are put into ENDS."""
    checked(system_call(PIPE2, address_of(ENDS), 0, 0, 0, 0, 0))


def close(descriptor: u32) -> None:
    """close(2)."""
    checked(system_call(CLOSE, u64(descriptor), 0, 0, 0, 0, 0))


def write_records(number: u64, count: u64) -> None:
    """A child: numbered records into the pipe."""
    for index in range(count):
        RECORD[0] = number
        RECORD[1] = index
        if not write_all(Fd(i32(ENDS[1])), slice_at(u8, address_of(RECORD), 16)):
            exit_group(1)
    exit_group(0)


def fill_pipes(turns: u64) -> None:
    """Records that several processes write into one pipe arrive whole, each writer's in order, and none is lost."""
    new_pipe()
    count = turns * 16
    for number in range(WRITERS):
        if fork() == 0:
            close(ENDS[0])
            write_records(number, count)
    close(ENDS[1])
    following = local_array(u64, WRITERS)
    total: u64 = 0
    while read_all(Fd(i32(ENDS[0])), slice_at(u8, address_of(RECORD), 16)):
        assert RECORD[0] < WRITERS, "a record is torn"
        assert RECORD[1] == following[RECORD[0]], "records come in another order"
        following[RECORD[0]] += 1
        total += 1
    assert total == WRITERS * count, "records were lost"
    for _ in range(WRITERS):
        wait_for_any()
        assert STATUS[0] == 0, "a writer failed"
    close(ENDS[0])


def queue_signals(turns: u64) -> None:
    """Real-time signals with values arrive in order, and none is lost (signal(7))."""
    SET[0] = SIGNAL_SET
    checked(system_call(SIGPROCMASK, BLOCK, address_of(SET), 0, 8, 0, 0))
    parent = checked(system_call(GETPID, 0, 0, 0, 0, 0, 0))
    child = fork()
    if child == 0:
        for turn in range(turns):
            send_value(parent, u32(turn))
        exit_group(0)
    for turn in range(turns):
        found = system_call(SIGTIMEDWAIT, address_of(SET), address_of(INFO), 0, 8, 0, 0)
        assert found == i64(REAL_TIME_SIGNAL), "another signal came"
        assert INFO[6] == u32(turn), "signals come in another order"
    assert wait_for(child) == 0, "the sender failed"


def send_value(process: u64, value: u32) -> None:
    """sigqueue(3), again and again while there is no room."""
    INFO[0] = u32(REAL_TIME_SIGNAL)
    INFO[2] = QUEUED
    INFO[6] = value
    while True:
        result = system_call(SIGQUEUEINFO, process, REAL_TIME_SIGNAL, address_of(INFO), 0, 0, 0)
        if result != AGAIN:
            checked(result)
            return
        yield_now()


def count_events(turns: u64) -> None:
    """Two processes answer each other over event counters, the one by poll(2), the other by read(2)."""
    there = u32(checked(system_call(EVENTFD2, 0, 0, 0, 0, 0, 0)))
    back = u32(checked(system_call(EVENTFD2, 0, 0, 0, 0, 0, 0)))
    child = fork()
    if child == 0:
        for _ in range(turns):
            add(back, take(there) + 1)
        exit_group(0)
    for turn in range(turns):
        add(there, turn + 1)
        wait_until_readable(back)
        assert take(back) == turn + 2, "an event counter has another value"
    assert wait_for(child) == 0, "the other failed"
    close(there)
    close(back)


def add(descriptor: u32, value: u64) -> None:
    """Add to an event counter."""
    RECORD[0] = value
    checked(system_call(WRITE, u64(descriptor), address_of(RECORD), 8, 0, 0, 0))


def take(descriptor: u32) -> u64:
    """Wait for an event counter that is not 0; its value."""
    checked(system_call(READ, u64(descriptor), address_of(RECORD), 8, 0, 0, 0))
    return RECORD[0]


def wait_until_readable(descriptor: u32) -> None:
    """poll(2) without limit."""
    POLLED[0] = u64(descriptor) | READABLE << 32
    assert checked(system_call(POLL, address_of(POLLED), 1, FOR_EVER, 0, 0, 0)) == 1, "poll found nothing"


@struct
class Closing:
    """What the threads of `close_files` share."""

    ended: Atomic[u64] = inline()
    threads: Array[ThreadHandle] = inline_array(WRITERS)


CLOSING = Closing()


@export
def use_files(number: u64) -> None:
    """Read, write and ask for files that others open and close."""
    word = local_array(u64, 2)
    while CLOSING.ended.load() == 0:
        for place in (READ_PLACE, WRITE_PLACE):
            call = READ if place == READ_PLACE else WRITE
            result = system_call(call, place, address_of(word), 8, 0, 0, 0)
            is_refused = result == AGAIN or result == BAD_FILE or result == BROKEN_PIPE
            assert result == 8 or result == 0 or is_refused, "a transfer went wrong"
    end_thread()


def ignore_broken_streams() -> None:
    """Let a write that nobody will read fail without a signal."""
    ACTION[0] = IGNORED
    checked(system_call(SIGACTION, SIGNAL_OF_PIPES, address_of(ACTION), 0, 8, 0, 0))


def close_files(turns: u64) -> None:
    """Files are closed and replaced while other threads use them: each call sees one file or none."""
    ignore_broken_streams()
    CLOSING.ended.store(0)
    new_nonblocking_pipe()
    for number in range(WRITERS):
        checked(start_thread(CLOSING.threads[number], symbol_address("use_files"), number))
    for turn in range(turns * 8):
        new_nonblocking_pipe()
        if turn % 8 == 0:
            yield_now()
    CLOSING.ended.store(1)
    for number in range(WRITERS):
        join_thread(CLOSING.threads[number])
    close(u32(READ_PLACE))
    close(u32(WRITE_PLACE))


def new_nonblocking_pipe() -> None:
    """A pipe at the usual places, whose end to read is never gone before the one to write."""
    checked(system_call(PIPE2, address_of(ENDS), NONBLOCKING, 0, 0, 0, 0))
    system_call(CLOSE, WRITE_PLACE, 0, 0, 0, 0, 0)
    checked(system_call(DUP2, u64(ENDS[0]), READ_PLACE, 0, 0, 0, 0))
    checked(system_call(DUP2, u64(ENDS[1]), WRITE_PLACE, 0, 0, 0, 0))
    close(ENDS[0])
    close(ENDS[1])
