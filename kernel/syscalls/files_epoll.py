"""Waiting for many files, and files that are events: epoll(7), eventfd(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    Nanoseconds,
    UserAddr,
    deferred,
    i32,
    local_array,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EFAULT, EINVAL, EIO
from kernel.files.epoll import RECORD, Epoll, open_epoll
from kernel.files.eventfd import open_counter
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.poll import observe, wait_for_change
from kernel.machine.layout import USER_END
from kernel.memory import user
from kernel.process import mask as signal_mask
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
RECORDS = 32
"""How many events one wait tells of at most; it may be fewer than the program has room for."""


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
    """epoll_ctl(2). An epoll in an epoll may have none inside itself (ELOOP)."""
    events: u32 = 0
    data: u64 = 0
    if operation != CTL_DEL:
        events = user.get(u32, event)
        data = user.get(u64, advance(event, 4))
    file = task.process.files.get(epoll)
    target = task.process.files.get(fd)
    number = i32(fd)
    if operation == CTL_ADD:
        epoll_of(file).add(target, number, events, data)
    elif operation == CTL_MOD:
        epoll_of(file).change(target, number, events, data)
    elif operation == CTL_DEL:
        epoll_of(file).get(target, number).drop()
    else:
        epoll_of(file)
        raise EINVAL


def wait_for_events(task: Thread, fd: Fd, events: UserAddr, room: i32, deadline: Nanoseconds) -> Fallible[u64]:
    """Wait until a file of an epoll is ready, or the deadline comes; returns how many events were told."""
    if room <= 0:
        raise EINVAL
    if u64(events) > USER_END - u64(room) * RECORD:
        raise EFAULT
    records = local_array(u8, RECORDS * RECORD)
    limit = min(u64(room), RECORDS) * RECORD
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        while True:
            seen = observe()
            if file.is_revoked:
                raise EIO
            epoll = epoll_of(file)
            count = epoll.collect(records[0:limit])
            if count > 0 or not wait_for_change(seen, deadline, epoll.sources()):
                put_bytes(events, records[0 : count * RECORD])
                return count


def deadline_after(milliseconds: i32) -> Nanoseconds:
    """When a timeout in milliseconds ends; NEVER for a negative one."""
    return NEVER if milliseconds < 0 else after(u64(milliseconds) * MILLISECOND)


@syscall(232)
def epoll_wait(task: Thread, fd: Fd, events: UserAddr, room: i32, timeout: i32) -> Fallible[u64]:
    """epoll_wait(2). At most 32 events at a time."""
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
