"""Timers of a process that send it signals (timer_create(2), setitimer(2), and the limit of setrlimit(2)).

A timer is charged to the container and freed with its process, or by execve(2), which keeps those of setitimer(2).

Time that passes is told by an alarm. Processor time has none: the alarm goes off when so much time can have been used
at the earliest, and is set again for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, Nanoseconds, field_offset, i32, inline, struct, u32, u64, uninitialised
from kernel.base.errno import EINVAL, ESRCH
from kernel.base.list import Link, List
from kernel.process.processor_time import ProcessorClock
from kernel.process.send import send_information, send_information_to_thread
from kernel.process.signal_queue import SI_KERNEL, SI_TIMER, QueuedSignal, SignalInfo
from kernel.process.signal_table import Signal
from kernel.sched.alarm import Alarm, AlarmTarget
from kernel.sched.timer import NEVER, TICK, after

if TYPE_CHECKING:
    from kernel.process.process import Process

REAL: i32 = -1
VIRTUAL: i32 = -2
PROFILE: i32 = -3
"""The numbers of those that setitimer(2) sets."""
OVERRUN_MAX: u64 = 0x7FFF_FFFF
"""DELAYTIMER_MAX."""


@struct
class ProcessTimer(AlarmTarget):
    """One timer."""

    process: Process = uninitialised()
    number: i32 = 0
    clock: i32 = 0
    is_silent: bool = False
    """SIGEV_NONE: no signal."""
    thread_id: i32 = 0
    """SIGEV_THREAD_ID: the thread that gets the signal; 0: the process."""
    info: SignalInfo = inline()
    overrun: u64 = 0
    """How often its moment came again since the signal was sent that is pending or was taken last."""
    told_overrun: u64 = 0
    """What `overrun` was when the last signal was taken (timer_getoverrun(2))."""
    alarm: Alarm = inline()
    link: Link[ProcessTimer] = inline()

    # For clocks of processor time.
    counts_processor: bool = False
    used: ProcessorClock = inline()
    due: u64 = 0
    """What the clock shows when the next signal is sent; 0: stopped."""
    period: u64 = 0

    def begin_real(self, deadline: Nanoseconds, period: u64) -> None:
        """Go off at `deadline`, and then every `period` nanoseconds if that is not 0."""
        self.alarm.set(self, deadline, period)

    def begin_processor(self, due: u64, period: u64) -> None:
        """Go off when the clock of processor time shows `due`, and then every `period` nanoseconds of it."""
        self.due = due
        self.period = period
        self.look()

    def stop(self) -> None:
        """Go off no more."""
        self.alarm.cancel()
        self.due = 0
        self.period = 0

    @property
    def interval(self) -> u64:
        """Nanoseconds from one signal to the next; 0 when there is only one."""
        return self.period if self.counts_processor else self.alarm.interval

    @property
    def remaining(self) -> u64:
        """Nanoseconds until the next signal, at least 1; 0 when it is stopped."""
        if not self.counts_processor:
            return self.alarm.remaining
        if self.due == 0:
            return 0
        shown = self.shown()
        return self.due - shown if self.due > shown else 1

    def shown(self) -> u64:
        """What the clock of processor time shows; 0 once there is nobody whose time it is."""
        try:
            return self.used.shown(self.process)
        except ESRCH:
            return 0

    def look(self) -> None:
        """Send a signal if the processor time is used; set the alarm for when it can be at the earliest."""
        shown = self.shown()
        due = self.due
        if shown < due:
            self.alarm.set(self, after(max((due - shown) // max(self.process.threads.count, 1), u64(TICK))), 0)
            return
        times: u64 = 1
        self.due = 0
        if 0 < self.period <= u64(NEVER) - shown:
            times += (shown - due) // self.period
            self.due = due + times * self.period
            self.alarm.set(self, after(max(self.due - shown, u64(TICK))), 0)
        self.signal(times)

    def expired(self, alarm: Alarm, times: u64) -> None:
        if self.counts_processor:
            self.look()
        else:
            self.signal(times)

    def signal(self, times: u64) -> None:
        """Send the signal for `times` moments that have come."""
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
        if self.number >= 0:
            self.info.word = u64(self.number) | self.overrun << 32

    def is_pending(self, queue: List[QueuedSignal], times: u64) -> bool:
        """Whether the last signal was not taken yet; then `times` are more overruns."""
        if self.number < 0:
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
    if timer is None or number < 0:
        raise EINVAL
    return timer


def add(process: Process, number: i32) -> Fallible[ProcessTimer]:
    """A new timer, which sends SIGALRM. ENOMEM."""
    timer = process.container.account.heap.new(ProcessTimer)
    timer.process = process
    timer.number = number
    timer.info.signal = u32(Signal.ALARM)
    timer.info.code = SI_TIMER
    if number < 0:
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


def own_timer(process: Process, number: i32) -> Fallible[ProcessTimer]:
    """One of the three of setitimer(2), made when it is first asked for. ENOMEM."""
    timer = find(process, number)
    if timer is not None:
        return timer
    timer = add(process, number)
    if number != REAL:
        timer.counts_processor = True
        timer.used.id = process.pid
        timer.info.signal = u32(Signal.VIRTUAL_ALARM if number == VIRTUAL else Signal.PROFILE)
    return timer


def note_taken(process: Process, info: SignalInfo) -> None:
    """The signal of a timer was taken: its overruns are those that timer_getoverrun(2) tells from now on."""
    timer = find(process, i32(info.word & 0x7FFF_FFFF))
    if timer is not None:
        timer.told_overrun = info.word >> 32


def delete_all(process: Process, keeps_own: bool) -> None:
    """The process ends, or runs another program, which keeps those of setitimer(2)."""
    for timer in process.timers:
        if not keeps_own or timer.number >= 0:
            timer.delete()
