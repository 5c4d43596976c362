"""What stands for a thread that waits on a futex, and a lock that some wait for and another thread holds.

Every thread has one `FutexWaiter`; who waits for several words at once (futex_waitv(2)) makes more. A `PriorityLock`
exists only while a thread waits for a lock that lends priority: who holds it is then known here, not only by the word
in the program's memory (kernel/process/priority_futex.py). All of this is changed under the kernel lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import inline, struct, u32, u64, uninitialised
from kernel.base.list import Link
from kernel.base.tree import Tree, TreeNode

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
    """In the bucket."""
    is_paired: bool = False
    """It waits to be moved to a lock (FUTEX_WAIT_REQUEUE_PI), and is woken by nothing else."""
    target_object: u64 = 0
    target_place: u64 = 0
    """Which lock that is."""
    lock: PriorityLock | None = None
    """What it waits for; None: for no lock, or it has got it."""
    turn_node: TreeNode[FutexWaiter] = inline()
    weight_node: TreeNode[FutexWaiter] = inline()
    """Among the waiters of the lock."""
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
    waiters: Tree[FutexWaiter] = inline(Tree(FutexWaiter.turn_node))
    """In the order in which they are to have it: by real-time priority, and in turn."""
    weights: Tree[FutexWaiter] = inline(Tree(FutexWaiter.weight_node))
    """The same, the heaviest first."""
    key_link: Link[PriorityLock] = inline()
    owned_node: TreeNode[PriorityLock] = inline()
    heap: Heap = uninitialised()
    """What it was made from."""
