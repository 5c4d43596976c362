"""Locks of programs that lend priority, while threads wait for them: who holds them, who waits, and what that lends.

Who holds a lock has the weight of the heaviest thread that waits for it, if that is higher than its own; and so on
along a chain of owners that wait. Weights are looked at when a thread begins to wait.

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
from kernel.sched.lending import lend, lend_turn, weight_of
from kernel.sched.thread import Thread

LONGEST_CHAIN = 1024
"""Of threads each of which waits for a lock of the next one; as Linux has it (kernel.max_lock_depth)."""
HIGHEST_WEIGHT: u64 = 1 << 32
HIGHEST_PRIORITY: u64 = 99
"""Of what may be: a thread's weight, and the priority of one whose policy is a real-time one."""


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
    """`owner` holds `lock`, which nobody does, and is lent what the waiters have."""
    lock.owner = owner
    owner.owned_locks.insert_last(lock, weight_key(weight_for(lock)))
    take_loan(owner)


def disown(lock: PriorityLock) -> None:
    """Nobody holds `lock`; its owner gives back what it was lent for it."""
    owner = lock.owner
    owner.owned_locks.remove(lock)
    take_loan(owner)


def forget_unless_needed(lock: PriorityLock) -> None:
    """Nobody may wait for `lock` any more: then the word alone tells who holds it."""
    if not lock.waiters.is_empty or lock.is_stale:
        return
    disown(lock)
    LOCKS.buckets[hash_of(lock.object, lock.place)].remove(lock)
    LOCKS.count -= 1
    free_lock(lock)


def join(lock: PriorityLock, waiter: FutexWaiter) -> None:
    """`waiter`, which is nowhere, waits for `lock`: its owner is lent the waiter's weight and turn."""
    waiter.object = lock.object
    waiter.place = lock.place
    waiter.lock = lock
    lock.waiters.insert_last(waiter, HIGHEST_PRIORITY - u64(waiter.thread.policy.priority))
    lock.weights.insert_last(waiter, weight_key(weight_of(waiter.thread)))
    lend_turn(lock.owner, waiter.thread)
    pass_on(lock)


def part(lock: PriorityLock, waiter: FutexWaiter) -> None:
    """`waiter` waits for `lock` no longer."""
    lock.waiters.remove(waiter)
    lock.weights.remove(waiter)
    waiter.lock = None


def give_up(waiter: FutexWaiter) -> None:
    """`waiter` waits no longer: for a lock, or to be moved to one."""
    lock = waiter.lock
    if lock is None:
        leave(waiter)
        return
    part(lock, waiter)
    pass_on(lock)
    forget_unless_needed(lock)


def hand_over(lock: PriorityLock, waiter: FutexWaiter, owner_ended: bool) -> None:
    """Let `waiter` have the `lock` that it waits for; the word says so, or will if the owner has ended."""
    disown(lock)
    part(lock, waiter)
    waiter.inherited = lock if owner_ended else None
    lock.is_stale = owner_ended
    own(lock, waiter.thread)
    scheduler.wake(waiter.thread)
    forget_unless_needed(lock)


# What is lent.


def weight_key(weight: u64) -> u64:
    """Where something of this weight is in a tree that begins with the heaviest."""
    return HIGHEST_WEIGHT - weight


def weight_for(lock: PriorityLock) -> u64:
    """What the owner of `lock` is lent for it: the weight of the heaviest waiter; 0 without one."""
    heaviest = lock.weights.first
    return 0 if heaviest is None else HIGHEST_WEIGHT - heaviest.weight_node.key


def take_loan(owner: Thread) -> bool:
    """Let `owner` have what it is lent for its locks; whether that is another weight than before."""
    dearest = owner.owned_locks.first
    weight = 0 if dearest is None else HIGHEST_WEIGHT - dearest.owned_node.key
    if weight == owner.lent_weight:
        return False
    lend(owner, weight)
    return True


def pass_on(lock: PriorityLock) -> None:
    """The waiters of `lock` have changed: so has what its owner is lent, who may wait for the lock of another."""
    for _ in range(LONGEST_CHAIN):
        owner = lock.owner
        owner.owned_locks.remove(lock)
        owner.owned_locks.insert_last(lock, weight_key(weight_for(lock)))
        if not take_loan(owner):
            return
        awaited = owner.futex.lock
        if awaited is None:
            return
        awaited.weights.remove(owner.futex)
        awaited.weights.insert_last(owner.futex, weight_key(weight_of(owner)))
        lend_turn(awaited.owner, owner)
        lock = awaited


# What is checked.


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
