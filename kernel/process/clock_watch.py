"""Moments of clocks of processor time: what is to happen once a thread or a process has run for so long.

Interface: `ClockWatch.set` `cancel`; `forget_thread` and `forget_process` at their end. processor_time.py has `look`.

Nobody polls: while a process is watched, each tick lets the thread that it interrupts look, on its own way to ring 3.
So it is as exact as the tick, and costs nothing while the process does not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Interface, Pid, inline, struct, u64, uninitialised
from kernel.base.tree import TreeNode
from kernel.sched.thread import Thread
from kernel.sched.times import watch_time

if TYPE_CHECKING:
    from kernel.process.process import Process


class WatchTarget(Interface):
    """Who is told."""

    def reached(self, watch: ClockWatch) -> None:
        """The clock shows the moment, or more."""
        ...

    def forgotten(self, watch: ClockWatch) -> None:
        """Whose time it was has ended: the moment does not come."""
        ...


@struct
class ClockWatch:
    """A moment of one clock and whom to tell. Its owner cancels it before it goes away."""

    target: WatchTarget = uninitialised()
    process: Process | None = None
    """Whose time the clock shows; None: not set."""
    thread_id: Pid = Pid(0)
    """The thread whose time it is; 0: that of all threads."""
    due: u64 = 0
    """Nanoseconds that the clock is to show."""
    node: TreeNode[ClockWatch] = inline()

    @property
    def is_set(self) -> bool:
        """Whether the moment is still to come."""
        return self.process is not None

    def set(self, target: WatchTarget, process: Process, thread_id: Pid, due: u64) -> None:
        """Tell `target` once the clock of `process`, or of one of its threads, shows `due`."""
        self.cancel()
        self.target = target
        self.process = process
        self.thread_id = thread_id
        self.due = due
        if thread_id == Pid(0):
            process.watches.insert_last(self, due)
        else:
            process.thread_watches.insert_last(self, u64(thread_id))
        watch_time(process.time, True)

    def cancel(self) -> None:
        """Tell nobody."""
        process = self.process
        if process is None:
            return
        self.process = None
        if self.thread_id == Pid(0):
            process.watches.remove(self)
        else:
            process.thread_watches.remove(self)
        if process.watches.is_empty and process.thread_watches.is_empty:
            watch_time(process.time, False)


def forget_thread(thread: Thread) -> None:
    """`thread` ends: its clock shows no further moment."""
    watches = thread.process.thread_watches
    while not watches.is_empty:
        watch = watches.at_or_above(u64(thread.id))
        if watch is None or watch.thread_id != thread.id:
            return
        forget(watch)


def forget_process(process: Process) -> None:
    """`process` has ended: its clock shows no further moment."""
    while True:
        watch = process.watches.first
        if watch is None:
            return
        forget(watch)


def forget(watch: ClockWatch) -> None:
    """The moment does not come."""
    watch.cancel()
    watch.target.forgotten(watch)
