"""What stands for a thread that waits on a futex, and a lock that some wait for and another thread holds.

Every thread has one `FutexWaiter`; who waits for several words at once (futex_waitv(2)) makes more. A `PriorityLock`
exists only while a thread waits for a lock that lends priority: who holds it is then known here, not only by the word
in the program's memory (kernel/process/priority_futex.py). All of this is changed under the kernel lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import inline, struct, u32, u64, uninitialised
from kernel.base.list import Link, List

if TYPE_CHECKING:
    from kernel.memory.heap import Heap
    from kernel.sched.thread import Thread


@struct
class FutexWaiter:
    """`thread` waits for one futex: in the bucket of its key, or among the waiters of `lock`."""

    thread: Thread = uninitialised()
    object: u64 = 0
    place: u64 = 0
    """The futex (process/futex.py, FutexKey)."""
    bits: u32 = 0
    link: Link[FutexWaiter] = inline()
    """Not linked: the waiter has been woken, or has got the lock."""
    is_paired: bool = False
    """It waits to be moved to a lock (FUTEX_WAIT_REQUEUE_PI), and is woken by nothing else."""
    target_object: u64 = 0
    target_place: u64 = 0
    """Which lock that is."""
    lock: PriorityLock | None = None
    inherited: PriorityLock | None = None
    """It has got this lock, whose owner ended, and is to write that into the word."""


@struct
class PriorityLock:
    """A lock of a program, which `owner` holds, and for which others wait or just waited."""

    object: u64 = 0
    place: u64 = 0
    """Its word, as the key of a futex."""
    owner: Thread = uninitialised()
    is_stale: bool = False
    """Its owner has it from one that ended; the word does not say so yet."""
    waiters: List[FutexWaiter] = inline(List(FutexWaiter.link))
    key_link: Link[PriorityLock] = inline()
    owned_link: Link[PriorityLock] = inline()
    heap: Heap = uninitialised()
    """What it was made from."""
