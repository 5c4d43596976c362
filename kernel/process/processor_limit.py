"""The limit of processor time (setrlimit(2), RLIMIT_CPU): SIGXCPU at the soft one and each second after, then SIGKILL.

Its alarm goes off when so much time can have been used at the earliest, and is set only while there is a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import inline, struct, u32, u64, uninitialised
from kernel.process.ending import kill_process
from kernel.process.limits import Resource
from kernel.process.processor_time import process_time
from kernel.process.send import send_to_process
from kernel.process.signal_table import Signal
from kernel.sched.alarm import Alarm, AlarmTarget
from kernel.sched.timer import NEVER, SECOND, TICK, after

if TYPE_CHECKING:
    from kernel.process.process import Process


def in_nanoseconds(seconds: u64) -> u64:
    """A limit; what is beyond the clock becomes NEVER. 0 counts as 1, as on Linux."""
    return max(seconds, 1) * SECOND if seconds < u64(NEVER) // SECOND else u64(NEVER)


@struct
class ProcessorLimit(AlarmTarget):
    """The watch over one process, embedded in it."""

    process: Process = uninitialised()
    alarm: Alarm = inline()
    warning: u64 = 0
    """After how many nanoseconds the next SIGXCPU is due."""

    def watch(self, process: Process) -> None:
        """The limits of `process` were set or inherited: look after them from now on."""
        self.process = process
        self.warning = in_nanoseconds(process.settings.limits.soft_of(Resource.PROCESSOR_TIME))
        self.look()

    def look(self) -> None:
        """Do what is due, and look again when more can be. Without a limit never."""
        process = self.process
        end = in_nanoseconds(process.settings.limits.hard[u64(Resource.PROCESSOR_TIME)])
        used = process_time(process)
        self.alarm.cancel()
        if used >= end:
            kill_process(process, u32(Signal.KILL))
            return
        if used >= self.warning:
            self.warning += SECOND
            send_to_process(process, u32(Signal.CPU_TIME))
        following = min(self.warning, end)
        if following != u64(NEVER):
            self.alarm.set(self, after(max((following - used) // max(process.threads.count, 1), u64(TICK))), 0)

    def expired(self, alarm: Alarm, times: u64) -> None:
        self.look()
