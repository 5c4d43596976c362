"""poll(2), select(2) and their variants with finer time and a signal mask."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    MutableSlice,
    Nanoseconds,
    UserAddr,
    UserSlice,
    deferred,
    fill,
    i32,
    i64,
    load,
    local_array,
    store,
    u8,
    u16,
    u32,
    u64,
)
from kernel.base.errno import EBADF, EFAULT, EINTR, EINVAL
from kernel.files.epoll import sources_of
from kernel.files.operations import Events
from kernel.files.poll import observe, wait_for_change
from kernel.files.table import FileTable
from kernel.memory import user
from kernel.process import mask as signal_mask
from kernel.process.restart import keep
from kernel.sched.cpu import current
from kernel.sched.preemption import preemption_point
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, after, now
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance, put_bytes

RECORD = 8
"""The size of a `struct pollfd`: the descriptor, the events asked for, the events found (poll(2))."""

POLL: u64 = 7
STICKY_TIMEOUTS: u32 = 0x0400_0000
STEP: u64 = 256
"""After how many records others may run."""

SECOND: u64 = 1_000_000_000
MILLISECOND: u64 = 1_000_000
MICROSECOND: u64 = 1_000
MICROSECONDS: u64 = 1_000_000
"""In a second."""
LONGEST: i64 = 4_000_000_000
"""Seconds: a longer wait is one for ever."""

SMALL_SETS: u64 = 1024
SET_BYTES = 128
"""How many descriptors a set may have that is kept on the stack, and the size of such a set: an fd_set (select(2))."""

ALWAYS_TOLD = Events.ERROR | Events.HANG_UP | Events.INVALID

READ_EVENTS = Events.INPUT | Events.READ_NORMAL | Events.READ_BAND | Events.HANG_UP | Events.ERROR
WRITE_EVENTS = Events.OUTPUT | Events.WRITE_NORMAL | Events.WRITE_BAND | Events.ERROR
"""What makes a descriptor readable and writable for select(2) (fs/select.c, POLLIN_SET and POLLOUT_SET)."""


# Time.


def moment_after(seconds: i64, rest: i64, unit: u64) -> Fallible[Nanoseconds]:
    """The moment that is `seconds` and `rest` units of a nanosecond from now; EINVAL if that is no time."""
    if seconds < 0 or rest < 0 or u64(rest) >= SECOND // unit:
        raise EINVAL
    if seconds > LONGEST:
        return NEVER
    return after(u64(seconds) * SECOND + u64(rest) * unit)


def deadline_at(time: UserAddr, unit: u64) -> Fallible[Nanoseconds]:
    """The deadline that a `struct timespec` or `struct timeval` gives; NEVER without one."""
    if time == UserAddr(0):
        return NEVER
    return moment_after(user.get(i64, time), user.get(i64, advance(time, 8)), unit)


def deadline_of_timeval(time: UserAddr) -> Fallible[Nanoseconds]:
    """`deadline_at` for select(2), whose microseconds may be more than a second (fs/select.c, kern_select)."""
    if time == UserAddr(0):
        return NEVER
    seconds, rest = user.get(i64, time), user.get(i64, advance(time, 8))
    if seconds < 0 or rest < 0:
        raise EINVAL
    if seconds > LONGEST:
        return NEVER
    return moment_after(seconds + rest // i64(MICROSECONDS), rest % i64(MICROSECONDS), MICROSECOND)


def put_remaining(time: UserAddr, deadline: Nanoseconds, unit: u64) -> None:
    """Tell how much of the time is left, as Linux does in select(2) and ppoll(2), if it may be written there.

    Not to those that chose otherwise (personality(2), STICKY_TIMEOUTS).
    """
    sticky = current().process.settings.personality & STICKY_TIMEOUTS != 0
    if time == UserAddr(0) or deadline == NEVER or sticky:
        return
    moment = now()
    left: u64 = deadline - moment if deadline > moment else 0
    try:
        user.put(u64, time, left // SECOND)
        user.put(u64, advance(time, 8), left % SECOND // unit)
    except EFAULT:
        pass


def swap_mask(task: Thread, mask: UserAddr, size: u64) -> Fallible[None]:
    """Let the signal mask be the one at `mask` until the call is over (pselect(2))."""
    if mask == UserAddr(0):
        return
    if size != 8:
        raise EINVAL
    signal_mask.swap(task, user.get(u64, mask))


# poll.


def readiness_of(files: FileTable, fd: i32, asked: Events) -> tuple[Events, u64]:
    """What of `asked` the descriptor is ready for, and what is always told; and the sources of its changes.

    A negative one is left out.
    """
    if fd < 0:
        return Events.NONE, 0
    descriptor = files.find(Fd(fd))
    if descriptor is None:
        return Events.INVALID, 0
    file = descriptor.file
    assert file is not None, "a descriptor in use has a file"
    return file.ops.readiness() & (asked | ALWAYS_TOLD), sources_of(file)


def scan_records(files: FileTable, records: UserAddr, count: u64) -> Fallible[tuple[u64, u64]]:
    """Fill in `revents` of each record; returns how many are not zero, and the sources of changes."""
    record = local_array(u8, RECORD)
    ready: u64 = 0
    sources: u64 = 0
    for index in range(count):
        if index % STEP == STEP - 1:
            preemption_point()
        place = advance(records, index * RECORD)
        user.copy_in(record, UserSlice(place, RECORD))
        asked = Events(u32(load(u16, record, 4)) & EVENT_BITS)
        found, source = readiness_of(files, load(i32, record, 0), asked)
        sources |= source
        store(u16, record, 6, u16(u32(found)))
        put_bytes(place, record)
        if found != Events.NONE:
            ready += 1
    return ready, sources


EVENT_BITS: u32 = 0x23FF
"""The events that there are."""


def poll_until(task: Thread, records: UserAddr, count: u64, deadline: Nanoseconds) -> Fallible[u64]:
    """Wait until a record is ready or the deadline comes; returns how many are ready."""
    if count > task.process.files.limit:
        raise EINVAL
    while True:
        seen = observe()
        ready, sources = scan_records(task.process.files, records, count)
        if ready > 0 or not wait_for_change(seen, deadline, sources):
            return ready


@syscall(7)
def poll(task: Thread, records: UserAddr, count: u64, timeout: i32) -> Fallible[u64]:
    """poll(2)."""
    deadline = NEVER
    if timeout >= 0:
        deadline = after(u64(timeout) * MILLISECOND)
    return poll_to(task, records, count, deadline)


def poll_to(task: Thread, records: UserAddr, count: u64, deadline: Nanoseconds) -> Fallible[u64]:
    """`poll_until`, which after an interruption goes on to the same moment."""
    try:
        return poll_until(task, records, count, deadline)
    except EINTR:
        keep(task, POLL, deadline)
        raise


@syscall(271)
def ppoll(task: Thread, records: UserAddr, count: u64, time: UserAddr, mask: UserAddr, mask_size: u64) -> Fallible[u64]:
    """ppoll(2)."""
    deadline = deadline_at(time, 1)
    swap_mask(task, mask, mask_size)
    with deferred(put_remaining, time, deadline, 1), deferred(signal_mask.restore, task):
        return poll_until(task, records, count, deadline)


# select.


def take_set(address: UserAddr, destination: MutableSlice[u8]) -> Fallible[None]:
    """Copy a set from user memory; an absent set is empty."""
    fill(destination, 0)
    if address != UserAddr(0):
        user.copy_in(destination, UserSlice(address, u64(len(destination))))


def put_set(address: UserAddr, source: MutableSlice[u8]) -> Fallible[None]:
    """Copy a set back to user memory, unless it is absent."""
    if address != UserAddr(0):
        put_bytes(address, source)


def set_size(limit: u64) -> u64:
    """The bytes that `limit` bits take: sets are made of words of 64 bits."""
    return (limit + 63) // 64 * 8


def has_bit(content: MutableSlice[u8], number: u64) -> bool:
    """Whether descriptor `number` is in a set."""
    return content[number // 8] & bit_of(number) != 0


def bit_of(number: u64) -> u8:
    """The bit of descriptor `number` in its byte."""
    return u8(u64(1) << (number % 8))


def scan_set(
    files: FileTable, asked: MutableSlice[u8], found: MutableSlice[u8], limit: u64, events: Events
) -> Fallible[tuple[u64, u64]]:
    """Put into `found` the descriptors of `asked` that are ready for one of `events`.

    Returns how many, and the sources of changes.
    """
    fill(found, 0)
    ready: u64 = 0
    sources: u64 = 0
    for number in range(limit):
        if not has_bit(asked, number):
            continue
        state, source = readiness_of(files, i32(number), events)
        sources |= source
        if Events.INVALID in state:
            raise EBADF
        if state & events != Events.NONE:
            found[number // 8] |= bit_of(number)
            ready += 1
    return ready, sources


def select_until(
    task: Thread, count: i32, reads: UserAddr, writes: UserAddr, excepts: UserAddr, deadline: Nanoseconds
) -> Fallible[u64]:
    """Wait until a descriptor of the three sets is ready, or the deadline comes, and put back the ready
    ones.
    """
    if count < 0:
        raise EINVAL
    # As on Linux, what lies beyond the end of the table is not looked at.
    limit = min(u64(count), task.process.files.capacity)
    if limit <= SMALL_SETS:
        return select_in(local_array(u8, SET_BYTES * 6), task, limit, reads, writes, excepts, deadline)
    heap = task.process.container.account.heap
    sets = heap.allocate_bytes(set_size(limit) * 6)
    with deferred(heap.free_bytes, sets):
        return select_in(sets, task, limit, reads, writes, excepts, deadline)


def select_in(
    sets: MutableSlice[u8],
    task: Thread,
    limit: u64,
    reads: UserAddr,
    writes: UserAddr,
    excepts: UserAddr,
    deadline: Nanoseconds,
) -> Fallible[u64]:
    """`select_until`, of descriptors below `limit`, with room in `sets` for six of their sets."""
    size = set_size(limit)
    asked, found = sets[0 : size * 3], sets[size * 3 : size * 6]
    take_set(reads, asked[0:size])
    take_set(writes, asked[size : size * 2])
    take_set(excepts, asked[size * 2 : size * 3])
    files = task.process.files
    while True:
        seen = observe()
        reading, read_sources = scan_set(files, asked[0:size], found[0:size], limit, READ_EVENTS)
        writing, write_sources = scan_set(files, asked[size : size * 2], found[size : size * 2], limit, WRITE_EVENTS)
        excepting, except_sources = scan_set(
            files, asked[size * 2 : size * 3], found[size * 2 : size * 3], limit, Events.PRIORITY
        )
        ready = reading + writing + excepting
        if ready > 0 or not wait_for_change(seen, deadline, read_sources | write_sources | except_sources):
            put_set(reads, found[0:size])
            put_set(writes, found[size : size * 2])
            put_set(excepts, found[size * 2 : size * 3])
            return ready


@syscall(23)
def select(
    task: Thread, count: i32, reads: UserAddr, writes: UserAddr, excepts: UserAddr, time: UserAddr
) -> Fallible[u64]:
    """select(2)."""
    deadline = deadline_of_timeval(time)
    with deferred(put_remaining, time, deadline, MICROSECOND):
        return select_until(task, count, reads, writes, excepts, deadline)


@syscall(270)
def pselect6(
    task: Thread,
    count: i32,
    reads: UserAddr,
    writes: UserAddr,
    excepts: UserAddr,
    time: UserAddr,
    mask: UserAddr,
) -> Fallible[u64]:
    """pselect(2): `mask` points to the address of the signal mask and its size."""
    deadline = deadline_at(time, 1)
    if mask != UserAddr(0):
        swap_mask(task, UserAddr(user.get(u64, mask)), user.get(u64, advance(mask, 8)))
    with deferred(put_remaining, time, deadline, 1), deferred(signal_mask.restore, task):
        return select_until(task, count, reads, writes, excepts, deadline)
