"""Memory that stays in memory: mlock(2), mlock2, mlockall, munlock, munlockall.

Nothing is ever taken out of memory here, so to lock is to make the pages, to count them against RLIMIT_MEMLOCK, and to
refuse to forget them.
"""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, deferred, local, u32, u64, wrapping_add
from kernel.base.errno import EAGAIN, EINVAL, ENOMEM, EPERM
from kernel.files.capability import Capability
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory import quota
from kernel.memory.protection import Change
from kernel.memory.space import AddressSpace
from kernel.process.changes import begin_change, change_range, end_change
from kernel.process.filling import fill_mapped
from kernel.process.limits import Resource
from kernel.sched.preemption import preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall

MLOCK_ONFAULT: u32 = 1
MCL_CURRENT: u32 = 1
MCL_FUTURE: u32 = 2
MCL_ONFAULT: u32 = 4
ALL_FLAGS: u32 = 7


def locks_all(task: Thread) -> bool:
    """Whether RLIMIT_MEMLOCK does not count for the caller (CAP_IPC_LOCK)."""
    return task.process.credentials.has(Capability.IPC_LOCK)


def check_may_lock(task: Thread) -> Fallible[None]:
    """EPERM for who may lock nothing at all."""
    if not locks_all(task) and task.process.settings.limits.soft_of(Resource.LOCKED_MEMORY) == 0:
        raise EPERM


def lock_range(task: Thread, address: UserAddr, length: u64, at_once: bool) -> Fallible[None]:
    """mlock(2) of the pages that a range touches: EPERM, ENOMEM above the limit or where nothing is mapped, EAGAIN."""
    check_may_lock(task)
    start, end = touched(address, length)
    space = task.process.space
    if not locks_all(task):
        check_limit(task, space, start, end)
    set_locked(space, start, end, True)
    if at_once:
        fill_mapped(space, start, end)


def check_limit(task: Thread, space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """ENOMEM if more would be locked than RLIMIT_MEMLOCK says; what is locked already does not count twice."""
    limit = task.process.settings.limits.soft_of(Resource.LOCKED_MEMORY) // PAGE_SIZE
    with space.lock:
        wanted = (end - start) // PAGE_SIZE + space.mapped.locked
        if wanted > limit and wanted - quota.locked_within(space, start, end) > limit:
            raise ENOMEM


def touched(address: UserAddr, length: u64) -> Fallible[tuple[u64, u64]]:
    """First and end of the pages that a range touches. EINVAL when that goes beyond the end of all numbers."""
    within = u64(address) % PAGE_SIZE
    start = u64(address) - within
    end = wrapping_add(u64, start, whole_pages(wrapping_add(u64, length, within)))
    if end < start:
        raise EINVAL
    return start, end


def whole_pages(length: u64) -> u64:
    """`length` rounded up to pages; 0 for what no number says then, as PAGE_ALIGN() of Linux has it."""
    return wrapping_add(u64, length, PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE


def set_locked(space: AddressSpace, start: u64, end: u64, locked: bool) -> Fallible[None]:
    """Mark what is mapped of a range, up to the first hole: ENOMEM there, or when a region cannot be divided."""
    if start == end:
        return
    change = local(Change)
    change.set_lock(locked)
    begin_change(space)
    with deferred(end_change, space):
        change_range(space, change, start, min(end, USER_END))
    if end > USER_END:
        raise ENOMEM


@syscall(149)
def mlock(task: Thread, address: UserAddr, length: u64) -> Fallible[None]:
    """mlock(2): nothing is ever taken out of memory; the pages are made, and counted."""
    lock_range(task, address, length, True)


@syscall(325)
def mlock2(task: Thread, address: UserAddr, length: u64, flags: u32) -> Fallible[None]:
    """mlock2(2)."""
    if flags & MLOCK_ONFAULT != flags:
        raise EINVAL
    lock_range(task, address, length, flags == 0)


@syscall(150)
def munlock(task: Thread, address: UserAddr, length: u64) -> Fallible[None]:
    """munlock(2)."""
    start, end = touched(address, length)
    set_locked(task.process.space, start, end, False)


@syscall(151)
def mlockall(task: Thread, flags: u32) -> Fallible[None]:
    """mlockall(2)."""
    if flags == 0 or flags == MCL_ONFAULT or flags & ALL_FLAGS != flags:
        raise EINVAL
    check_may_lock(task)
    space = task.process.space
    is_current = flags & MCL_CURRENT != 0
    with space.lock:
        mapped = space.mapped.pages
    if is_current and not locks_all(task):
        if mapped > task.process.settings.limits.soft_of(Resource.LOCKED_MEMORY) // PAGE_SIZE:
            raise ENOMEM
    mark_all(space, is_current, flags & MCL_FUTURE != 0, flags & MCL_ONFAULT == 0)
    if is_current and flags & MCL_ONFAULT == 0:
        fill_all(space)


def mark_all(space: AddressSpace, current: bool, future: bool, at_once: bool) -> Fallible[None]:
    """Lock all that is mapped, all that will be, or both."""
    change = local(Change)
    change.set_lock(True)
    change.skips_holes = True
    begin_change(space)
    with deferred(end_change, space):
        space.locks_new = future
        space.fills_new = future and at_once
        if current:
            change_range(space, change, 0, USER_END)


def fill_all(space: AddressSpace) -> Fallible[None]:
    """Fill in all that is mapped; what cannot be is left out."""
    address: u64 = 0
    while True:
        with space.lock:
            region = space.first_region(address, USER_END)
            if region is None:
                return
            start = region.start
            address = region.end
        try:
            fill_mapped(space, start, address)
        except (EAGAIN, ENOMEM):
            pass
        preemption_point()


@syscall(152)
def munlockall(task: Thread) -> Fallible[None]:
    """munlockall(2)."""
    space = task.process.space
    change = local(Change)
    change.set_lock(False)
    change.skips_holes = True
    begin_change(space)
    with deferred(end_change, space):
        space.locks_new = False
        space.fills_new = False
        change_range(space, change, 0, USER_END)
