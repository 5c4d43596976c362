"""What is lent: a thread for which heavier ones wait has their share and their turn, until it releases what they want.

Who waits for whom is known to process/priority_lock.py.
"""

from __future__ import annotations

from codegen.lang import u64
from kernel.sched.scheduler import SCHEDULER
from kernel.sched.thread import Thread, ThreadState
from kernel.sched.turns import without_lag


def weight_of(thread: Thread) -> u64:
    """The weight of `thread` among those of its container: its own, or a higher one that it was lent."""
    return max(thread.policy.weight, thread.lent_weight)


def lend(thread: Thread, weight: u64) -> None:
    """From now on `thread` is lent this weight, which is that of the heaviest thread for which it works; 0: none."""
    with SCHEDULER.lock:
        thread.lent_weight = weight


def lend_turn(thread: Thread, lender: Thread) -> None:
    """Let `thread` run as soon as `lender`, which waits for it, would if it were woken now."""
    group = thread.group
    if group is not lender.group:
        return
    with SCHEDULER.lock:
        # A lender that has slept for long has no more to lend than one that wakes.
        age = without_lag(lender.age, group.floor)
        if thread.age <= age:
            return
        if thread.state != ThreadState.READY or group.urgent.contains_link(thread):
            thread.age = age
        else:
            SCHEDULER.advance(thread, age)
