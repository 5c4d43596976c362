"""Locks of programs that lend priority, while threads wait for them: who holds them, and who waits.

The word of such a lock is looked at by `fetch`, which may sleep, and then changed by `exchange` without anything in
between that sleeps: the page was just there, may be written to, and is taken by nobody without the kernel lock. So what
is known here is still right when the word has changed.
"""

from __future__ import annotations

from codegen.lang import Fallible, Pid, UserAddr, truncate, u32, u64
from kernel.base.errno import EDEADLK, EINVAL, ESRCH
from kernel.memory import user
from kernel.process.futex import LOCKS, FutexKey, hash_of, leave
from kernel.process.robust import OWNER_BITS, OWNER_DIED
from kernel.sched import scheduler
from kernel.sched.cpu import current
from kernel.sched.futex_waiter import FutexWaiter, PriorityLock
from kernel.sched.thread import Thread

LONGEST_CHAIN = 1024
"""Of threads each of which waits for a lock of the next one; as Linux has it (kernel.max_lock_depth)."""


def fetch(address: UserAddr) -> Fallible[u32]:
    """The word at `address`, which may be written to. EFAULT."""
    return user.compare_exchange(address, 0, 0)


def exchange(address: UserAddr, expected: u32, new: u32) -> Fallible[bool]:
    """Change the word at `address`, which was fetched before; whether it was still the same. EFAULT."""
    return user.compare_exchange(address, expected, new) == expected


def number_of(thread: Thread) -> u32:
    """What the word of a lock says that `thread` holds."""
    return truncate(u32, u64(thread.id))


def begin_lock(made: PriorityLock, key: FutexKey, owner: Thread) -> None:
    """`owner` holds the lock at `key`, for which the first thread is about to wait."""
    made.object = key.object
    made.place = key.place
    LOCKS.buckets[hash_of(key.object, key.place)].push_last(made)
    LOCKS.count += 1
    own(made, owner)


def own(lock: PriorityLock, owner: Thread) -> None:
    """`owner` holds `lock`, which nobody does."""
    lock.owner = owner
    owner.owned_locks.push_last(lock)


def forget_unless_needed(lock: PriorityLock) -> None:
    """Nobody may wait for `lock` any more: then the word alone tells who holds it."""
    if not lock.waiters.is_empty or lock.is_stale:
        return
    lock.owner.owned_locks.remove(lock)
    LOCKS.buckets[hash_of(lock.object, lock.place)].remove(lock)
    LOCKS.count -= 1
    free_lock(lock)


def join(lock: PriorityLock, waiter: FutexWaiter) -> None:
    """`waiter`, which is nowhere, waits for `lock`."""
    waiter.object = lock.object
    waiter.place = lock.place
    waiter.lock = lock
    lock.waiters.push_last(waiter)


def give_up(waiter: FutexWaiter) -> None:
    """`waiter` waits no longer: for a lock, or to be moved to one."""
    lock = waiter.lock
    if lock is None:
        leave(waiter)
        return
    lock.waiters.remove(waiter)
    waiter.lock = None
    forget_unless_needed(lock)


def hand_over(lock: PriorityLock, waiter: FutexWaiter, owner_ended: bool) -> None:
    """Let `waiter` have the `lock` that it waits for; the word says so, or will if the owner has ended."""
    lock.owner.owned_locks.remove(lock)
    lock.waiters.remove(waiter)
    waiter.lock = None
    waiter.inherited = lock if owner_ended else None
    lock.is_stale = owner_ended
    own(lock, waiter.thread)
    scheduler.wake(waiter.thread)
    forget_unless_needed(lock)


def check_owner(lock: PriorityLock, word: u32) -> Fallible[None]:
    """EINVAL unless the word of `lock` is what it should be, and its owner a thread of the caller's container."""
    owner = lock.owner
    if owner.process.container is not current().process.container:
        raise EINVAL
    number = word & OWNER_BITS
    owner_ends = number == 0 and word & OWNER_DIED != 0
    if number != number_of(owner) and not lock.is_stale and not owner_ends:
        raise EINVAL


def check_no_cycle(owner: Thread, thread: Thread) -> Fallible[None]:
    """EDEADLK if `owner` waits for a lock of `thread`, or of one that does, and so on."""
    if thread.owned_locks.is_empty:
        return
    for _ in range(LONGEST_CHAIN):
        if owner is thread:
            raise EDEADLK
        awaited = owner.futex.lock
        if awaited is None:
            return
        owner = awaited.owner
    raise EDEADLK


def find_owner(word: u32) -> Fallible[Thread]:
    """The thread of the caller's container that a word names. ESRCH when it has ended."""
    owner = current().process.container.numbers.find_thread(Pid(word & OWNER_BITS))
    if owner is None or owner.has_left_locks:
        raise ESRCH
    return owner


def new_lock(thread: Thread) -> Fallible[PriorityLock]:
    """A lock that may have to be begun, as `thread` pays for it. ENOMEM."""
    heap = thread.process.container.account.heap
    made = heap.new(PriorityLock)
    made.heap = heap
    return made


def free_lock(lock: PriorityLock) -> None:
    """Give back what `new_lock` made."""
    lock.heap.free(lock)
