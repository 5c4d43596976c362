"""Futexes that are locks and lend priority (futex(2), "Priority-inheritance futexes").

Interface: `lock` `unlock`; `leave_locks` when a thread ends or runs another program. Moving from another futex to
such a lock is in priority_move.py.

The word of such a lock is 0, or the number of the thread that holds it. The program takes and releases a free lock by
itself. The first thread that has to wait sets the bit WAITERS, so that the one that holds it comes here, too; from then
on a `PriorityLock` says who holds it, for as long as others wait. A released lock is handed to the thread that has
waited longest: the word names it before it runs.
"""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, UserAddr, deferred, on_error, u32
from kernel.base.errno import EAGAIN, EDEADLK, EINTR, EINVAL, EPERM, ETIMEDOUT
from kernel.process import robust
from kernel.process.futex import FutexKey, find_lock, first_waiter, is_waiting, sleep
from kernel.process.priority_lock import (
    begin_lock,
    check_no_cycle,
    check_owner,
    exchange,
    fetch,
    find_owner,
    forget_unless_needed,
    free_lock,
    give_up,
    hand_over,
    join,
    new_lock,
    number_of,
)
from kernel.process.restart import insist
from kernel.process.robust import OWNER_BITS, OWNER_DIED, WAITERS
from kernel.sched.cpu import current
from kernel.sched.futex_waiter import FutexWaiter, PriorityLock
from kernel.sched.preemption import give_way, preemption_point
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, now


def lock(key: FutexKey, address: UserAddr, deadline: Nanoseconds, may_wait: bool) -> Fallible[None]:
    """FUTEX_LOCK_PI and FUTEX_TRYLOCK_PI. EDEADLK, ESRCH, EINVAL, EAGAIN, ETIMEDOUT, EINTR, ENOMEM, EFAULT."""
    thread = current()
    made = new_lock(thread)
    with on_error(free_lock, made):
        found = take(thread, key, address, made)
    if found is not made:
        free_lock(made)
    if found is None:
        return
    if not may_wait:
        forget_unless_needed(found)
        raise EAGAIN
    check_no_cycle_or_forget(found, thread)
    waiter = thread.futex
    waiter.thread = thread
    join(found, waiter)
    sleep_for_lock(waiter, address, deadline)


def check_no_cycle_or_forget(awaited: PriorityLock, thread: Thread) -> Fallible[None]:
    """`check_no_cycle`, before `thread` waits for a lock that may have been begun for that."""
    try:
        check_no_cycle(awaited.owner, thread)
    except EDEADLK:
        forget_unless_needed(awaited)
        raise


def take(thread: Thread, key: FutexKey, address: UserAddr, made: PriorityLock) -> Fallible[PriorityLock | None]:
    """Take the lock at `address` for `thread` if it is free; else it is returned, `made` if nobody waited before."""
    while True:
        word = fetch(address)
        if word & OWNER_BITS == number_of(thread):
            raise EDEADLK
        found = find_lock(key)
        if found is not None:
            check_owner(found, word)
            return found
        if first_waiter(key) is not None:
            raise EINVAL
        if word & OWNER_BITS == 0:
            if exchange(address, word, word & OWNER_DIED | number_of(thread)):
                return None
        elif exchange(address, word, word | WAITERS):
            begin_lock(made, key, find_owner(word))
            return made
        preemption_point()


def sleep_for_lock(waiter: FutexWaiter, address: UserAddr, deadline: Nanoseconds) -> Fallible[None]:
    """Sleep until the running thread, which waits for a lock, has it. ETIMEDOUT, EINTR; EFAULT."""
    thread = waiter.thread
    while is_waiting(waiter):
        if deadline != NEVER and now() >= deadline:
            give_up(waiter)
            raise ETIMEDOUT
        if thread.interrupted:
            give_up(waiter)
            insist(thread)
            raise EINTR
        sleep(thread, deadline)
    settle(waiter, address)


def settle(waiter: FutexWaiter, address: UserAddr) -> Fallible[None]:
    """`waiter` has its lock; if it has it from a thread that ended, let the word say so. EFAULT."""
    inherited = waiter.inherited
    if inherited is None:
        return
    with deferred(accept, inherited, waiter):
        while True:
            word = fetch(address)
            if exchange(address, word, number_of(waiter.thread) | WAITERS | OWNER_DIED):
                return
            give_way()


def accept(inherited: PriorityLock, waiter: FutexWaiter) -> None:
    """The word of a lock whose owner ended names its new one, or cannot be written to."""
    waiter.inherited = None
    inherited.is_stale = False
    forget_unless_needed(inherited)


def check_mine(word: u32) -> Fallible[None]:
    """EPERM unless a word says that the running thread holds the lock."""
    if word & OWNER_BITS != number_of(current()):
        raise EPERM


def unlock(key: FutexKey, address: UserAddr) -> Fallible[None]:
    """FUTEX_UNLOCK_PI: hand the lock to the thread that has waited longest. EPERM, EINVAL, EFAULT."""
    thread = current()
    while True:
        word = fetch(address)
        check_mine(word)
        found = find_lock(key)
        if found is None:
            if first_waiter(key) is not None:
                raise EINVAL
            if exchange(address, word, 0):
                return
        else:
            if found.owner is not thread:
                raise EINVAL
            first = found.waiters.first
            assert first is not None, "nobody has just inherited the lock of a thread that runs"
            if exchange(address, word, number_of(first.thread) | WAITERS):
                hand_over(found, first, False)
                return
        preemption_point()


def leave_locks(thread: Thread) -> None:
    """The running `thread` ends, or runs another program: it holds no locks any more."""
    robust.release_locks(thread)
    release_all(thread)


def release_all(thread: Thread) -> None:
    """Hand over every lock of the running `thread`, which ends or runs another program, and for which others wait."""
    while True:
        owned = thread.owned_locks.first
        if owned is None:
            return
        first = owned.waiters.first
        assert first is not None, "a thread that runs has written to the word of what it inherited"
        hand_over(owned, first, True)
        give_way()
