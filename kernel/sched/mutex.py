"""Mutex: mutual exclusion for work that may sleep. `with mutex:`; never taken in an interrupt or under a spinlock.

A thread that holds one is urgent (group.py): no limit of its container lets the threads of others wait for it.
"""

from __future__ import annotations

from codegen.lang import Atomic, inline, struct, u64
from kernel.machine.cpu import current_thread_address
from kernel.sched.cpu import current
from kernel.sched.wait import WaitQueue


@struct
class Mutex:
    """Held by one thread at a time; others sleep in the order in which they came."""

    holder: Atomic[u64] = inline()
    """The address of the thread that has it; 0: none."""
    queue: WaitQueue = inline()

    def __enter__(self) -> None:
        while True:
            seen = self.queue.observe()
            if self.holder.compare_exchange(0, current_thread_address()):
                current().mutexes += 1
                return
            assert self.holder.load() != current_thread_address(), "a mutex is not taken twice"
            self.queue.sleep_uninterrupted(seen)

    def __exit__(self, *_: object) -> None:
        current().mutexes -= 1
        self.holder.store(0)
        self.queue.wake_one()
