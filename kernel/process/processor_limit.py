"""The limit of processor time (setrlimit(2), RLIMIT_CPU).

SIGXCPU at the soft limit and each second after, SIGKILL at the hard one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Pid, inline, struct, u32, u64, uninitialised
from kernel.process.clock_watch import ClockWatch, WatchTarget
from kernel.process.ending import kill_process
from kernel.process.limits import Resource
from kernel.process.processor_time import process_time
from kernel.process.send import send_to_process
from kernel.process.signal_table import Signal
from kernel.sched.timer import NEVER, SECOND

if TYPE_CHECKING:
    from kernel.process.process import Process


def in_nanoseconds(seconds: u64) -> u64:
    """A limit; what is beyond the clock becomes NEVER. 0 counts as 1, as on Linux."""
    return max(seconds, 1) * SECOND if seconds < u64(NEVER) // SECOND else u64(NEVER)


@struct
class ProcessorLimit(WatchTarget):
    """The watch over one process, embedded in it."""

    process: Process = uninitialised()
    watch: ClockWatch = inline()
    warning: u64 = 0
    """After how many nanoseconds the next SIGXCPU is due."""

    def begin(self, process: Process) -> None:
        """The limits of `process` were set or inherited: look after them from now on."""
        self.process = process
        self.warning = in_nanoseconds(process.settings.limits.soft_of(Resource.PROCESSOR_TIME))
        self.look()

    def look(self) -> None:
        """Do what is due, and look again when more is. Without a limit never."""
        process = self.process
        end = in_nanoseconds(process.settings.limits.hard[u64(Resource.PROCESSOR_TIME)])
        used = process_time(process)
        self.watch.cancel()
        if process.is_zombie:
            return
        if used >= end:
            kill_process(process, u32(Signal.KILL))
            return
        if used >= self.warning:
            # As on Linux, the soft limit moves on with the warnings.
            self.warning += ((used - self.warning) // SECOND + 1) * SECOND
            process.settings.limits.soft[u64(Resource.PROCESSOR_TIME)] = self.warning // SECOND
            send_to_process(process, u32(Signal.CPU_TIME))
        following = min(self.warning, end)
        if following != u64(NEVER):
            self.watch.set(self, process, Pid(0), following)

    def reached(self, watch: ClockWatch) -> None:
        self.look()

    def forgotten(self, watch: ClockWatch) -> None:
        """The process has ended."""
