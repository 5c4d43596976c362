"""What is lent: a thread for which heavier ones wait has their share and their turn, until it releases what they want.

Who waits for whom is known to process/priority_lock.py.
"""

from __future__ import annotations

from codegen.lang import u64
from kernel.sched.scheduler import SCHEDULER
from kernel.sched.thread import Thread, ThreadState


def weight_of(thread: Thread) -> u64:
    """The weight of `thread` among those of its container: its own, or a higher one that it was lent."""
    return max(thread.policy.weight, thread.lent_weight)


def lend(thread: Thread, weight: u64) -> None:
    """From now on `thread` is lent this weight, which is that of the heaviest thread for which it works; 0: none."""
    with SCHEDULER.lock:
        thread.lent_weight = weight


def lend_turn(thread: Thread, lender: Thread) -> None:
    """Let `thread` run as soon as `lender`, which waits for it, would."""
    with SCHEDULER.lock:
        if thread.age <= lender.age or thread.group is not lender.group:
            return
        if thread.state != ThreadState.READY or thread.group.urgent.contains_link(thread):
            thread.age = lender.age
            return
        SCHEDULER.advance(thread, lender.age)
