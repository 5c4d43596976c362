"""Mutex: mutual exclusion for work that may sleep. `with mutex:`; never taken in an interrupt or under a spinlock."""

from __future__ import annotations

from codegen.lang import Atomic, inline, struct, u32
from kernel.sched.cpu import current
from kernel.sched.thread import Thread
from kernel.sched.wait import WaitQueue


@struct
class Mutex:
    """Held by one thread at a time; others sleep in the order in which they came."""

    taken: Atomic[u32] = inline()
    holder: Thread | None = None
    queue: WaitQueue = inline()

    def __enter__(self) -> None:
        while True:
            seen = self.queue.observe()
            if self.taken.compare_exchange(0, 1):
                self.holder = current()
                return
            assert self.holder is not current(), "a mutex is not taken twice"
            self.queue.sleep_uninterrupted(seen)

    def __exit__(self, *_: object) -> None:
        self.holder = None
        self.taken.store(0)
        self.queue.wake_one()
