"""Waiting for many files, and files that are events: epoll(7), eventfd(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    Nanoseconds,
    UserAddr,
    deferred,
    i32,
    local,
    local_array,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EBADF, EFAULT, EINTR, EINVAL, EIO
from kernel.files import epoll_nesting
from kernel.files.epoll import BATCH, EXCLUSIVE, RECORD, Batch, Epoll, check_exclusive, check_file, open_epoll
from kernel.files.eventfd import open_counter
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.poll import observe, wait_for_change
from kernel.memory import user
from kernel.process import mask as signal_mask
from kernel.sched.preemption import preemption_point
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, after
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_poll import MILLISECOND, deadline_at, swap_mask
from kernel.syscalls.files_support import advance, put_bytes

CLOSE_ON_EXEC: u32 = u32(OpenFlags.CLOSE_ON_EXEC)
NONBLOCK: u32 = u32(OpenFlags.NONBLOCK)
"""EFD_*, EPOLL_*, TFD_* and SFD_* have the numbers of O_CLOEXEC and O_NONBLOCK."""
SEMAPHORE: u32 = 1
"""EFD_SEMAPHORE."""
CTL_ADD = 1
CTL_DEL = 2
CTL_MOD = 3
"""EPOLL_CTL_*."""
EVENTS_MAX: i32 = 0x7FFF_FFFF // 12
"""EP_MAX_EVENTS: how many events a program may have room for."""


def install_new(task: Thread, file: OpenFile, flags: u32) -> Fallible[Fd]:
    """A descriptor for a `file` that was just opened, whose reference it takes over. EMFILE, ENOMEM."""
    with deferred(file.drop):
        return task.process.files.install(file, flags & CLOSE_ON_EXEC != 0)


# eventfd.


@syscall(284)
def eventfd(task: Thread, value: u32) -> Fallible[Fd]:
    """eventfd(2)."""
    return eventfd2(task, value, 0)


@syscall(290)
def eventfd2(task: Thread, value: u32, flags: u32) -> Fallible[Fd]:
    """eventfd(2), the call that takes flags."""
    if flags & (SEMAPHORE | CLOSE_ON_EXEC | NONBLOCK) != flags:
        raise EINVAL
    owner = task.process.container.files
    file = open_counter(owner, value, flags & SEMAPHORE != 0, flags & NONBLOCK != 0)
    return install_new(task, file, flags)


# epoll.


@syscall(213)
def epoll_create(task: Thread, size: i32) -> Fallible[Fd]:
    """epoll_create(2): the size only has to be positive."""
    if size <= 0:
        raise EINVAL
    return epoll_create1(task, 0)


@syscall(291)
def epoll_create1(task: Thread, flags: u32) -> Fallible[Fd]:
    """epoll_create1(2)."""
    if flags & CLOSE_ON_EXEC != flags:
        raise EINVAL
    return install_new(task, open_epoll(task.process.container.files), flags)


def epoll_of(file: OpenFile) -> Fallible[Epoll]:
    """The epoll behind an open file; EINVAL for any other file."""
    ops = file.ops
    if isinstance(ops, Epoll):
        return ops
    raise EINVAL


@syscall(233)
def epoll_ctl(task: Thread, epoll: Fd, operation: u32, fd: Fd, event: UserAddr) -> Fallible[None]:
    """epoll_ctl(2)."""
    events: u32 = 0
    data: u64 = 0
    if operation != CTL_DEL:
        events = user.get(u32, event)
        data = user.get(u64, advance(event, 4))
    file = pollable(task, epoll)
    target = pollable(task, fd)
    check_file(target)
    if file is target:
        raise EINVAL
    interests = epoll_of(file)
    if operation == CTL_ADD:
        check_exclusive(target, events)
        epoll_nesting.add(interests, target, i32(fd), events, data)
    elif operation == CTL_MOD:
        if events & EXCLUSIVE != 0:
            raise EINVAL
        interests.change(target, i32(fd), events, data)
    elif operation == CTL_DEL:
        interests.get(target, i32(fd)).drop()
    else:
        raise EINVAL


def pollable(task: Thread, fd: Fd) -> Fallible[OpenFile]:
    """The open file `fd`, lent. EBADF, also for what was opened with O_PATH."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    return file


def wait_for_events(task: Thread, fd: Fd, events: UserAddr, room: i32, deadline: Nanoseconds) -> Fallible[u64]:
    """Wait until a file of an epoll is ready, or the deadline comes; returns how many events were told."""
    if room <= 0 or room > EVENTS_MAX:
        raise EINVAL
    user.check_range(events, u64(room) * RECORD)
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        epoll = epoll_of(file)
        was_asleep = False
        while True:
            seen = observe()
            if file.is_revoked:
                raise EIO
            count = tell_events(epoll, events, u64(room), was_asleep)
            if count > 0 or not wait_for_change(seen, deadline, epoll.sources):
                return count
            was_asleep = True


def tell_events(epoll: Epoll, events: UserAddr, room: u64, was_asleep: bool) -> Fallible[u64]:
    """Tell of the files that are ready, each once, and let others run between batches; returns how many were told.

    What could not be told, as the program's memory is not there, is told the next time. EFAULT.
    """
    records = local_array(u8, BATCH * RECORD)
    batch = local(Batch)
    round = epoll.begin_round()
    told: u64 = 0
    while True:
        limit = min(room - told, BATCH) * RECORD
        goes_on = epoll.collect(round, was_asleep, records[0:limit], batch)
        try:
            put_bytes(advance(events, told * RECORD), records[0 : batch.count * RECORD])
        except EFAULT:
            epoll.take_back(batch)
            if told == 0:
                raise
            return told
        told += batch.count
        if not goes_on or told == room:
            return told
        try:
            preemption_point()
        except EINTR:
            if told == 0:
                raise
            return told


def deadline_after(milliseconds: i32) -> Nanoseconds:
    """When a timeout in milliseconds ends; NEVER for a negative one."""
    return NEVER if milliseconds < 0 else after(u64(milliseconds) * MILLISECOND)


@syscall(232)
def epoll_wait(task: Thread, fd: Fd, events: UserAddr, room: i32, timeout: i32) -> Fallible[u64]:
    """epoll_wait(2)."""
    return wait_for_events(task, fd, events, room, deadline_after(timeout))


@syscall(281)
def epoll_pwait(
    task: Thread, fd: Fd, events: UserAddr, room: i32, timeout: i32, mask: UserAddr, mask_size: u64
) -> Fallible[u64]:
    """epoll_pwait(2)."""
    deadline = deadline_after(timeout)
    swap_mask(task, mask, mask_size)
    with deferred(signal_mask.restore, task):
        return wait_for_events(task, fd, events, room, deadline)


@syscall(441)
def epoll_pwait2(
    task: Thread, fd: Fd, events: UserAddr, room: i32, time: UserAddr, mask: UserAddr, mask_size: u64
) -> Fallible[u64]:
    """epoll_pwait2(2)."""
    deadline = deadline_at(time, 1)
    swap_mask(task, mask, mask_size)
    with deferred(signal_mask.restore, task):
        return wait_for_events(task, fd, events, room, deadline)
