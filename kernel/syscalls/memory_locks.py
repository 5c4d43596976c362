"""Memory that stays in memory: mlock(2), mlock2, mlockall, munlock, munlockall."""

from __future__ import annotations

from codegen.lang import Fallible, UserAddr, u32, u64
from kernel.base.errno import EINVAL, ENOMEM, EPERM
from kernel.files.capability import Capability
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import locking
from kernel.process.limits import Resource
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.memory import checked_range

MLOCK_ONFAULT: u32 = 1
MCL_CURRENT: u32 = 1
MCL_FUTURE: u32 = 2
MCL_ONFAULT: u32 = 4
ALL_FLAGS: u32 = 7


def check_limit(task: Thread, pages: u64) -> Fallible[None]:
    """Whether so many pages may be locked: EPERM if none may be, ENOMEM above RLIMIT_MEMLOCK; CAP_IPC_LOCK: all."""
    limit = task.process.settings.limits.soft_of(Resource.LOCKED_MEMORY)
    if task.process.credentials.has(Capability.IPC_LOCK):
        return
    if limit == 0:
        raise EPERM
    if pages > limit // PAGE_SIZE:
        raise ENOMEM


def lock_range(task: Thread, address: UserAddr, length: u64, at_once: bool) -> Fallible[None]:
    """mlock(2) of the pages that a range touches."""
    check_limit(task, 0)
    within = u64(address) % PAGE_SIZE
    start, end = checked_range(UserAddr(u64(address) - within), widened(length, within))
    space = task.process.space
    check_limit(task, locking.locked_outside(space, start, end) + (end - start) // PAGE_SIZE)
    if start < end:
        locking.lock(space, start, end, at_once)


def widened(length: u64, within: u64) -> Fallible[u64]:
    """`length` from the beginning of the first page on. EINVAL when no number can say it."""
    if length > 0xFFFF_FFFF_FFFF_FFFF - within:
        raise EINVAL
    return length + within


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
    within = u64(address) % PAGE_SIZE
    start, end = checked_range(UserAddr(u64(address) - within), widened(length, within))
    if start < end:
        locking.unlock(task.process.space, start, end)


@syscall(151, missing="MCL_FUTURE does not count what is mapped later against the limit, nor make the pages of brk(2)")
def mlockall(task: Thread, flags: u32) -> Fallible[None]:
    """mlockall(2)."""
    if flags == 0 or flags == MCL_ONFAULT or flags & ALL_FLAGS != flags:
        raise EINVAL
    check_limit(task, 0)
    space = task.process.space
    with space.lock:
        mapped = space.mapped_pages
    is_current = flags & MCL_CURRENT != 0
    if is_current:
        check_limit(task, mapped)
    locking.lock_all(space, is_current, flags & MCL_FUTURE != 0, flags & MCL_ONFAULT == 0)


@syscall(152)
def munlockall(task: Thread) -> None:
    """munlockall(2)."""
    locking.unlock_all(task.process.space)
