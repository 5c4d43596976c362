"""Mutex: mutual exclusion for work that may sleep. `with mutex:`; never taken in an interrupt or under a spinlock.

A thread that holds one for which others wait is urgent (group.py): no limit of its container lets them wait longer.
"""

from __future__ import annotations

from codegen.lang import Atomic, inline, noinline, reference, struct, u64
from kernel.machine.cpu import current_thread_address
from kernel.sched.cpu import current
from kernel.sched.scheduler import SCHEDULER
from kernel.sched.thread import Thread
from kernel.sched.wait import WaitQueue


@struct
class Mutex:
    """Held by one thread at a time; others sleep until it is given up.

    A thread that waits first counts itself in `waiting` and then looks at `holder`; the one that gives it up changes
    `holder` first and then looks at `waiting`. So at least one of the two sees the other, and where nobody waits,
    giving it up is cheap.
    """

    holder: Atomic[u64] = inline()
    """The address of the thread that has it; 0: none."""
    waiting: Atomic[u64] = inline()
    """How many threads wait for it."""
    urged: u64 = 0
    """The address of the thread that counts it in `Thread.awaited`; 0: none. Under the lock of the scheduler."""
    queue: WaitQueue = inline()

    @inline
    def __enter__(self) -> None:
        if not self.holder.compare_exchange(0, current_thread_address()):
            self.enter_slowly()

    @inline
    def __exit__(self, *_: object) -> None:
        self.holder.store(0)
        if self.waiting.load() != 0:
            self.let_in()

    @noinline
    def enter_slowly(self) -> None:
        """Sleep until it is free, and take it."""
        assert self.holder.load() != current_thread_address(), "a mutex is not taken twice"
        self.waiting.fetch_add(1)
        while True:
            seen = self.queue.observe()
            if self.holder.compare_exchange(0, current_thread_address()):
                break
            self.urge()
            self.queue.sleep_uninterrupted(seen)
        self.waiting.fetch_sub(1)

    def urge(self) -> None:
        """Let the thread that has it be urgent."""
        with SCHEDULER.lock:
            holder = self.holder.load()
            if holder != 0 and self.urged == 0:
                self.urged = holder
                thread = reference(Thread, holder)
                thread.awaited += 1
                SCHEDULER.hasten(thread)

    @noinline
    def let_in(self) -> None:
        """It was given up by the running thread, and others wait for it."""
        with SCHEDULER.lock:
            if self.urged == current_thread_address():
                self.urged = 0
                current().awaited -= 1
        self.queue.wake_one()
