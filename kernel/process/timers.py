"""Timers of a process that send it signals (timer_create(2), setitimer(2)).

A timer is charged to the container and freed with its process, or by execve(2), which keeps only that of setitimer(2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, field_offset, i32, inline, struct, u32, u64, uninitialised
from kernel.base.errno import EINVAL
from kernel.base.list import Link, List
from kernel.process.send import send_information, send_information_to_thread
from kernel.process.signal_queue import SI_KERNEL, SI_TIMER, QueuedSignal, SignalInfo
from kernel.process.signal_table import Signal
from kernel.sched.alarm import Alarm, AlarmTarget

if TYPE_CHECKING:
    from kernel.process.process import Process

REAL: i32 = -1
"""The number of the one that setitimer(2) and alarm(2) set."""
OVERRUN_MAX: u64 = 0x7FFF_FFFF
"""DELAYTIMER_MAX."""


@struct
class ProcessTimer(AlarmTarget):
    """One timer."""

    process: Process = uninitialised()
    number: i32 = 0
    clock: u32 = 0
    is_silent: bool = False
    """SIGEV_NONE: no signal."""
    thread_id: i32 = 0
    """SIGEV_THREAD_ID: the thread that gets the signal; 0: the process."""
    info: SignalInfo = inline()
    overrun: u64 = 0
    """How often its moment came again before the last signal was taken."""
    alarm: Alarm = inline()
    link: Link[ProcessTimer] = inline()

    def expired(self, alarm: Alarm, times: u64) -> None:
        if self.is_silent:
            return
        if self.thread_id == 0:
            if not self.is_pending(self.process.signals.queue, times):
                self.begin(times)
                send_information(self.process, self.info)
            return
        for thread in self.process.threads:
            if i32(thread.id) == self.thread_id and not self.is_pending(thread.signal_queue, times):
                self.begin(times)
                send_information_to_thread(thread, self.info)

    def begin(self, times: u64) -> None:
        """The signal is sent anew."""
        self.overrun = min(times - 1, OVERRUN_MAX)
        if self.number != REAL:
            self.info.word = u64(self.number) | self.overrun << 32

    def is_pending(self, queue: List[QueuedSignal], times: u64) -> bool:
        """Whether the last signal was not taken yet; then `times` are more overruns."""
        if self.number == REAL:
            return False
        for entry in queue:
            if entry.info.code == SI_TIMER and entry.info.word & 0xFFFF_FFFF == u64(self.number):
                self.overrun = min(self.overrun + times, OVERRUN_MAX)
                entry.info.word = u64(self.number) | self.overrun << 32
                return True
        return False

    def delete(self) -> None:
        """Stop it and free it."""
        process = self.process
        self.alarm.cancel()
        process.timers.remove(self)
        process.container.account.heap.free(self)


def find(process: Process, number: i32) -> ProcessTimer | None:
    """The timer of a process with `number`."""
    for timer in process.timers:
        if timer.number == number:
            return timer
    return None


def get(process: Process, number: i32) -> Fallible[ProcessTimer]:
    """`find` for the timers that programs number; EINVAL."""
    timer = find(process, number)
    if timer is None or number == REAL:
        raise EINVAL
    return timer


def add(process: Process, number: i32) -> Fallible[ProcessTimer]:
    """A new timer, which sends SIGALRM. ENOMEM."""
    timer = process.container.account.heap.new(ProcessTimer)
    timer.process = process
    timer.number = number
    timer.info.signal = u32(Signal.ALARM)
    timer.info.code = SI_TIMER
    if number == REAL:
        timer.info.code = SI_KERNEL
    process.timers.offset = field_offset(ProcessTimer.link)
    process.timers.push_last(timer)
    return timer


def free_number(process: Process) -> i32:
    """The lowest number that no timer of the process has."""
    number: i32 = 0
    while find(process, number) is not None:
        number += 1
    return number


def real_timer(process: Process) -> Fallible[ProcessTimer]:
    """The timer of setitimer(2), made when it is first asked for. ENOMEM."""
    timer = find(process, REAL)
    if timer is None:
        return add(process, REAL)
    return timer


def delete_all(process: Process, keeps_real: bool) -> None:
    """The process ends, or runs another program."""
    for timer in process.timers:
        if not keeps_real or timer.number != REAL:
            timer.delete()
