"""Processor time of threads and processes, and the clocks that show it (clock_getcpuclockid(3)).

It is counted from switch to switch. How it divides into time in the program and in the kernel is in usage.py. `look`
tells of the moments of these clocks that have come (clock_watch.py).
"""

from __future__ import annotations

from codegen.lang import Fallible, Pid, bit, bits, from_raw, i32, invert, struct, truncate, u32, u64
from kernel.base.errno import EINVAL, ESRCH
from kernel.machine.clock import CLOCK
from kernel.process.clock_watch import ClockWatch
from kernel.process.process import Process
from kernel.sched.preemption import give_way
from kernel.sched.thread import Thread
from kernel.sched.times import time_of, time_of_all, watch_time

OF_PROCESS: i32 = 2
OF_THREAD: i32 = 3
"""CLOCK_PROCESS_CPUTIME_ID and CLOCK_THREAD_CPUTIME_ID: those of the caller."""

ROUND: u64 = 64
"""How many moments are told of before others may run."""


@bits(u32)
class ClockNumber:
    """The negative clock ids, complemented (Linux, include/linux/posix-timers_types.h)."""

    kind: u32 = bits(0, 2)
    """3 - CPUCLOCK_PROF, _VIRT or _SCHED, which are the same here; 0: CLOCKFD."""
    is_process: bool = bit(2)
    id: u32 = bits(3, 32)


@struct
class ProcessorClock:
    """Whose time a clock shows. Who that is can end before the clock is asked, so it is found by number each time."""

    is_thread: bool = False
    id: Pid = Pid(0)

    def choose(self, task: Thread, clock: i32) -> Fallible[None]:
        """Be the clock with an id, as `task` means it. EINVAL unless it is the clock of somebody's processor time.

        Of the threads, only those of one's own process have a clock.
        """
        process = task.process
        self.is_thread = clock == OF_THREAD
        self.id = task.id if self.is_thread else process.pid
        if clock == OF_THREAD or clock == OF_PROCESS:
            return
        if clock >= 0:
            raise EINVAL
        number = from_raw(ClockNumber, invert(u32, truncate(u32, clock)))
        if number.kind == 0:
            raise EINVAL
        self.is_thread = not number.is_process
        if number.id != 0:
            self.id = Pid(i32(number.id))
        elif self.is_thread:
            self.id = task.id
        if self.is_thread and thread_in(process, self.id) is None:
            raise EINVAL
        try:
            self.shown(process)
        except ESRCH:
            raise EINVAL from None

    def shown(self, process: Process) -> Fallible[u64]:
        """Nanoseconds that the clock shows to `process`. ESRCH once who it is about has been released."""
        if not self.is_thread:
            return process_time(process if process.pid == self.id else process.container.numbers.process(self.id))
        thread = thread_in(process, self.id)
        if thread is None:
            raise ESRCH
        return thread_time(thread)

    def subject(self, process: Process) -> Fallible[Process]:
        """The process whose time the clock shows to `process`, or that the thread is of. ESRCH once it ends."""
        if self.is_thread or process.pid == self.id:
            return process
        found = process.container.numbers.process(self.id)
        if found.exiting:
            raise ESRCH
        return found


def thread_in(process: Process, id: Pid) -> Thread | None:
    """The thread of `process` called `id`."""
    for thread in process.threads:
        if thread.id == id:
            return thread
    return None


def thread_time(thread: Thread) -> u64:
    """Nanoseconds that `thread` has run."""
    return u64(CLOCK.nanoseconds_of(time_of(thread)))


def process_time(process: Process) -> u64:
    """Nanoseconds that all threads of `process` have run, those included that have ended."""
    return u64(CLOCK.nanoseconds_of(time_of_all(process.time)))


def look(thread: Thread) -> None:
    """Tell of the moments that have come of the clocks of the running `thread` and its process."""
    process = thread.process
    watch_time(process.time, not (process.watches.is_empty and process.thread_watches.is_empty))
    told: u64 = 0
    while True:
        watch = process.watches.first
        if watch is None or watch.due > process_time(process):
            break
        tell(watch)
        told += 1
        if told % ROUND == 0:
            give_way()
    look_at_thread(thread, thread_time(thread))


def look_at_thread(thread: Thread, shown: u64) -> None:
    """`look`, for the clock of `thread` alone, which shows `shown`."""
    watches = thread.process.thread_watches
    watch = watches.at_or_above(u64(thread.id))
    while watch is not None and watch.thread_id == thread.id:
        following = watches.after(watch)
        if watch.due <= shown:
            tell(watch)
        watch = following


def tell(watch: ClockWatch) -> None:
    """The moment has come."""
    watch.cancel()
    watch.target.reached(watch)
