"""Sleeping until others have used processor time (clock_nanosleep(2))."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, deferred, inline, struct, u64
from kernel.base.errno import ESRCH
from kernel.process.clock_watch import ClockWatch, WatchTarget
from kernel.process.process import Process
from kernel.process.processor_time import ProcessorClock
from kernel.sched.wait import WaitQueue


@struct
class ProcessorSleep(WatchTarget):
    """A thread that sleeps until a clock of processor time shows a moment."""

    watch: ClockWatch = inline()
    changed: WaitQueue = inline()

    def reached(self, watch: ClockWatch) -> None:
        self.changed.wake_all()

    def forgotten(self, watch: ClockWatch) -> None:
        self.changed.wake_all()

    def sleep(self) -> Fallible[None]:
        """Sleep until the moment has come, or cannot come any more. EINTR."""
        while True:
            seen = self.changed.observe()
            if not self.watch.is_set:
                return
            self.changed.sleep(seen)


def sleep_until_used(process: Process, clock: ProcessorClock, due: u64) -> Fallible[None]:
    """Let a thread of `process` sleep until `clock` shows `due`, or nobody is left whose time it is. EINTR, ENOMEM."""
    heap = process.container.account.heap
    sleep = heap.new(ProcessorSleep)
    with deferred(heap.free, sleep), deferred(sleep.watch.cancel):
        try:
            if clock.shown(process) < due:
                thread_id = clock.id if clock.is_thread else Pid(0)
                sleep.watch.set(sleep, clock.subject(process), thread_id, due)
        except ESRCH:
            return
        sleep.sleep()
