"""Waiting at a futex to be moved to a lock that lends priority (futex(2), FUTEX_WAIT_REQUEUE_PI).

Interface: `wait_for_move`, `Move`. This is how a condition variable lets its waiters go on one by one.
"""

from __future__ import annotations

from codegen.lang import Fallible, Nanoseconds, UserAddr, deferred, inline, on_error, struct, u32, u64
from kernel.base.errno import EAGAIN, EDEADLK, EINTR, EINVAL, ETIMEDOUT
from kernel.memory import user
from kernel.process.futex import MATCH_ANY, FutexKey, bucket_of, find_lock, first_waiter, is_waiting, leave, sleep
from kernel.process.priority_futex import settle
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
    join,
    new_lock,
    number_of,
)
from kernel.process.restart import insist
from kernel.process.robust import OWNER_BITS, OWNER_DIED, WAITERS
from kernel.sched import scheduler
from kernel.sched.cpu import current
from kernel.sched.futex_waiter import FutexWaiter, PriorityLock
from kernel.sched.preemption import preemption_point
from kernel.sched.timer import NEVER, now


def wait_for_move(
    key: FutexKey, address: UserAddr, target: FutexKey, lock_address: UserAddr, expected: u32, deadline: Nanoseconds
) -> Fallible[None]:
    """FUTEX_WAIT_REQUEUE_PI: sleep while the word is `expected`, until the lock at `target` was had.

    EAGAIN, also when a signal comes while the thread waits for the lock; ETIMEDOUT, EINTR, EINVAL, EFAULT.
    """
    thread = current()
    if user.get(u32, address) != expected:
        raise EAGAIN
    if is_same(key, target):
        raise EINVAL
    waiter = thread.futex
    waiter.is_paired = True
    waiter.bits = MATCH_ANY
    waiter.target_object = target.object
    waiter.target_place = target.place
    with deferred(end_pairing, waiter):
        key.give(waiter, thread)
        while is_waiting(waiter):
            if deadline != NEVER and now() >= deadline:
                give_up(waiter)
                raise ETIMEDOUT
            if thread.interrupted:
                was_moved = waiter.lock is not None
                give_up(waiter)
                if was_moved:
                    raise EAGAIN
                insist(thread)
                raise EINTR
            sleep(thread, deadline)
        settle(waiter, lock_address)


def end_pairing(waiter: FutexWaiter) -> None:
    """`waiter` waits for no move any more."""
    waiter.is_paired = False


def is_same(key: FutexKey, other: FutexKey) -> bool:
    """Whether two keys are of one futex."""
    return key.object == other.object and key.place == other.place


@struct
class Move:
    """What FUTEX_CMP_REQUEUE_PI is asked for."""

    source: FutexKey = inline()
    address: UserAddr = UserAddr(0)
    expected: u32 = 0
    """What the word there has to be."""
    target: FutexKey = inline()
    lock_address: UserAddr = UserAddr(0)
    count: u64 = 0
    """How many are to move, but for the first."""
    taken: u64 = 0
    """How many have got the lock at once."""

    def make(self) -> Fallible[u64]:
        """Let one waiter of `source` and up to `count` others wait for the lock at `target`; returns how many.

        The first one gets it at once if it is free. EAGAIN unless the word is `expected`; EINVAL where others wait than
        for this very move; EDEADLK, ESRCH, ENOMEM, EFAULT.
        """
        if is_same(self.source, self.target):
            raise EINVAL
        made = new_lock(current())
        with on_error(free_lock, made):
            found = self.find_target(made)
        if found is not made:
            free_lock(made)
        if found is None:
            return 0
        with deferred(forget_unless_needed, found):
            return self.move_to(found)

    def find_target(self, made: PriorityLock) -> Fallible[PriorityLock | None]:
        """The lock to move to: one that others wait for, or else `made`. None if nobody waits at the source."""
        fetch(self.lock_address)
        while True:
            if user.get(u32, self.address) != self.expected:
                raise EAGAIN
            word = fetch(self.lock_address)
            first = first_waiter(self.source)
            if first is None:
                return None
            self.check(first)
            found = find_lock(self.target)
            if found is not None:
                check_owner(found, word)
                return found
            if first_waiter(self.target) is not None:
                raise EINVAL
            if word & OWNER_BITS == number_of(first.thread):
                raise EDEADLK
            if word & OWNER_BITS == 0:
                waits = WAITERS if self.count != 0 else u32(0)
                if exchange(self.lock_address, word, word & OWNER_DIED | number_of(first.thread) | waits):
                    begin_lock(made, self.target, first.thread)
                    leave(first)
                    scheduler.wake(first.thread)
                    self.taken = 1
                    return made
            elif exchange(self.lock_address, word, word | WAITERS):
                begin_lock(made, self.target, find_owner(word))
                return made
            preemption_point()

    def check(self, waiter: FutexWaiter) -> Fallible[None]:
        """EINVAL unless `waiter` waits for this very move, and is of the caller's container."""
        is_meant = waiter.target_object == self.target.object and waiter.target_place == self.target.place
        if not waiter.is_paired or not is_meant:
            raise EINVAL
        if waiter.thread.process.container is not current().process.container:
            raise EINVAL

    def move_to(self, found: PriorityLock) -> Fallible[u64]:
        """Let the waiters wait for `found`; returns how many have moved, with the one that has it at once."""
        moved = self.taken
        for waiter in bucket_of(self.source.object, self.source.place):
            if moved > self.count:
                break
            if self.source.is_awaited(waiter):
                self.check(waiter)
                check_no_cycle(found.owner, waiter.thread)
                leave(waiter)
                join(found, waiter)
                moved += 1
        return moved
