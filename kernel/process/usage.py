"""What a process has used, with its threads and the children that it has waited for (getrusage(2), wait4(2))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import inline, struct, u64
from kernel.machine.clock import CLOCK
from kernel.memory.resident import most_resident_pages
from kernel.sched.thread import Thread
from kernel.sched.times import time_of
from kernel.sched.usage import TimeSplit, Usage

if TYPE_CHECKING:
    from kernel.process.process import Process


@struct
class Report:
    """What rusage tells: counters, and the time divided."""

    used: Usage = inline()
    split: TimeSplit = inline()

    def add(self, other: Report) -> None:
        """Tell of `other`, too."""
        self.used.add(other.used)
        self.split.add(other.split)

    def begin(self) -> None:
        """Tell of nothing."""
        self.used.time = 0
        self.used.user_ticks = 0
        self.used.kernel_ticks = 0
        self.used.faults = 0
        self.used.voluntary_switches = 0
        self.used.involuntary_switches = 0
        self.used.reads = 0
        self.used.writes = 0
        self.used.read_bytes = 0
        self.used.written_bytes = 0
        self.used.largest = 0
        self.split.user = 0
        self.split.kernel = 0

    def divide(self, last: TimeSplit) -> None:
        """Divide the time, with `last` as it was divided before."""
        total = u64(CLOCK.nanoseconds_of(self.used.time))
        last.update(total, self.used.user_ticks, self.used.kernel_ticks)
        self.split.add(last)


def add_thread(usage: Usage, thread: Thread) -> None:
    """Add what `thread` has used until now."""
    time = time_of(thread)
    usage.add(thread.usage)
    usage.time += time - min(time, thread.usage.time)


def report_thread(thread: Thread, report: Report) -> None:
    """What one thread has used; the memory is that of its process."""
    report.begin()
    add_thread(report.used, thread)
    report.used.largest = largest_of(thread.process)
    report.divide(thread.split)


def report_process(process: Process, report: Report) -> None:
    """What `process` has used, those of its threads included that have ended."""
    report.begin()
    report.used.add(process.used.used)
    for thread in process.threads:
        add_thread(report.used, thread)
    report.used.largest = largest_of(process)
    report.divide(process.used.split)


def report_family(process: Process, report: Report) -> None:
    """What `process` and the children that it has waited for have used: what its parent learns at its end."""
    report_process(process, report)
    report.add(process.used_by_children)


def largest_of(process: Process) -> u64:
    """The most pages that `process` had in memory at a time, in this program or those before."""
    largest = process.used.used.largest
    return largest if process.is_zombie else max(largest, most_resident_pages(process.space))


def keep_largest(process: Process) -> None:
    """The address space of `process` goes away: note how much memory was used in it."""
    process.used.used.largest = largest_of(process)
