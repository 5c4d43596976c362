"""Timers of a process that send it signals (timer_create(2), setitimer(2)).

A timer is charged to the container and freed with its process, or by execve(2), which keeps those of setitimer(2).

Once its signal is sent, a timer waits until that is taken, and goes on then: the moments that came meanwhile are
counted as overruns, by one division. Time that passes is told by an alarm, processor time by a watch (clock_watch.py).

A timer has the entry of its signal embedded, so that it can be sent when there is no memory, once at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import (
    Fallible,
    Nanoseconds,
    Pid,
    field_offset,
    i32,
    i64,
    inline,
    on_error,
    saturating_sub,
    struct,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import EAGAIN, EINVAL, ESRCH
from kernel.base.saturating import saturating_add
from kernel.base.tree import TreeNode
from kernel.process.clock_watch import ClockWatch, WatchTarget
from kernel.process.processor_time import ProcessorClock
from kernel.process.send import send_entry, send_to_process, signal_limit, withdraw_entry
from kernel.process.signal_queue import SI_TIMER, QueuedSignal, SignalInfo, SignalOwner
from kernel.process.signal_table import Signal, bit_of
from kernel.sched.alarm import Alarm, AlarmTarget
from kernel.sched.preemption import give_way

if TYPE_CHECKING:
    from kernel.process.process import Process

REAL: i32 = -1
VIRTUAL: i32 = -2
PROFILE: i32 = -3
"""The numbers of those that setitimer(2) sets."""
OWN_TIMERS: u64 = 3
OVERRUN_MAX: u64 = 0x7FFF_FFFF
"""DELAYTIMER_MAX."""
NUMBER_MAX: u64 = 0x7FFF_FFFF
ROUND: u64 = 64
"""How many are deleted before others may run."""


@struct
class ProcessTimer(AlarmTarget, WatchTarget, SignalOwner):
    """One timer."""

    process: Process = uninitialised()
    number: i32 = 0
    is_ready: bool = True
    """Programs may use it: timer_create(2) has told its number."""
    clock: i32 = 0
    is_silent: bool = False
    """SIGEV_NONE: no signal."""
    thread_id: i32 = 0
    """SIGEV_THREAD_ID: the thread that gets the signal; 0: the process."""
    entry: QueuedSignal = inline()
    """The signal, and its place in a queue while it is pending."""
    is_pending: bool = False
    overrun: u64 = 0
    """How often its moment came again since the signal was sent that is pending."""
    told_overrun: u64 = 0
    """What `overrun` was when the last signal was taken (timer_getoverrun(2))."""
    node: TreeNode[ProcessTimer] = inline()

    # For clocks of time that passes.
    alarm: Alarm = inline()

    # For clocks of processor time.
    counts_processor: bool = False
    used: ProcessorClock = inline()
    watch: ClockWatch = inline()
    period: u64 = 0
    has_gone_off: bool = False
    """Its moment has come, and the next one, `watch.due`, is not waited for yet."""

    @property
    def signal(self) -> u32:
        """What it sends."""
        return self.entry.info.signal

    def begin_real(self, deadline: Nanoseconds, period: u64, missed: u64) -> None:
        """Go off at `deadline`, and then every `period` nanoseconds if that is not 0."""
        self.stop()
        self.alarm.set(self, deadline, period, missed)

    def begin_processor(self, due: u64, period: u64) -> None:
        """Go off when the clock of processor time shows `due`, and then every `period` nanoseconds of it."""
        self.stop()
        self.period = period
        self.watch.due = due
        if self.shown() >= due:
            self.reached(self.watch)
        else:
            self.watch_for(due)

    def watch_for(self, due: u64) -> None:
        """Go off when the clock of processor time shows `due`; never when there is nobody any more whose time it is."""
        self.has_gone_off = False
        try:
            thread_id = self.used.id if self.used.is_thread else Pid(0)
            self.watch.set(self, self.used.subject(self.process), thread_id, due)
        except ESRCH:
            self.period = 0

    def stop(self) -> None:
        """Go off no more, and take back a signal that is pending."""
        self.alarm.cancel()
        self.watch.cancel()
        self.has_gone_off = False
        self.period = 0
        self.overrun = 0
        self.told_overrun = 0
        if self.is_pending:
            withdraw_entry(self.process, self.entry, self.thread_id)
            self.is_pending = False

    @property
    def interval(self) -> u64:
        """Nanoseconds from one signal to the next; 0 when there is only one."""
        return self.period if self.counts_processor else self.alarm.interval

    @property
    def remaining(self) -> u64:
        """Nanoseconds until the next signal, at least 1; 0 when there is none to come.

        What timer_create(2) made looks ahead while its signal is pending; what setitimer(2) sets shows 0 then.
        """
        if self.number >= 0:
            self.overrun = saturating_add(self.overrun, self.advance())
        waits = self.watch.is_set if self.counts_processor else self.alarm.is_set
        if not waits and (self.number < 0 or self.interval == 0):
            return 0
        left = saturating_sub(u64, self.watch.due, self.shown()) if self.counts_processor else self.alarm.remaining
        return max(left, 1)

    def shown(self) -> u64:
        """What the clock of processor time shows; 0 once there is nobody whose time it is."""
        try:
            return self.used.shown(self.process)
        except ESRCH:
            return 0

    def advance(self) -> u64:
        """Look beyond the moments that came since it has gone off; returns how many."""
        if not self.counts_processor:
            return self.alarm.advance()
        shown = self.shown()
        if not self.has_gone_off or self.period == 0 or self.watch.due > shown:
            return 0
        times = (shown - self.watch.due) // self.period + 1
        self.watch.due = saturating_add(self.watch.due + (times - 1) * self.period, self.period)
        return times

    def go_on(self) -> None:
        """If it has gone off, count the moments that came since, and wait for the next one."""
        self.overrun = saturating_add(self.overrun, self.advance())
        if not self.counts_processor:
            _ = self.alarm.resume()
        elif self.has_gone_off and self.period != 0:
            self.watch_for(self.watch.due)

    # AlarmTarget, WatchTarget.

    def expired(self, alarm: Alarm, times: u64) -> None:
        self.tell(times)

    def reached(self, watch: ClockWatch) -> None:
        self.has_gone_off = True
        self.watch.due = saturating_add(self.watch.due, self.period)
        self.tell(1)
        if self.number < 0:
            # As on Linux, what setitimer(2) sets on processor time does not wait for its signal to be taken.
            self.go_on()

    def forgotten(self, watch: ClockWatch) -> None:
        self.period = 0

    def tell(self, times: u64) -> None:
        """Send the signal for `times` moments that have come."""
        if self.is_silent:
            return
        if self.number < 0:
            send_to_process(self.process, self.signal)
        elif self.is_pending:
            self.overrun = saturating_add(self.overrun, times)
        else:
            self.overrun = saturating_add(self.overrun, times - 1)
            self.is_pending = send_entry(self.process, self.entry, self.thread_id)
            if not self.is_pending:
                self.note_unheard()

    @property
    def is_unheard(self) -> bool:
        """Whether it would go on if its signal were taken, which is not pending."""
        return self.interval != 0 and not self.is_pending and (self.alarm.has_gone_off or self.has_gone_off)

    def note_unheard(self) -> None:
        """The signal is ignored: one with an interval sends it again when that changes (`hear_again`)."""
        if self.interval != 0:
            self.process.unheard = self.process.unheard | bit_of(self.signal)

    # SignalOwner.

    def taken(self, info: SignalInfo) -> None:
        self.is_pending = False
        self.go_on()
        self.told_overrun = min(self.overrun, OVERRUN_MAX)
        self.overrun = 0
        info.word = u64(self.number) | self.told_overrun << 32

    def dropped(self) -> None:
        self.is_pending = False
        self.note_unheard()

    def delete(self) -> None:
        """Stop it and free it."""
        process = self.process
        payer = self.entry.payer
        self.stop()
        process.timers.remove(self)
        process.container.account.heap.free(self)
        payer.return_signal()


def key_of(number: i32) -> u64:
    """Where a timer is in the tree of its process."""
    return u64(i64(number) + i64(OWN_TIMERS))


def find(process: Process, number: i32) -> ProcessTimer | None:
    """The timer of a process with `number`."""
    timer = process.timers.at_or_above(key_of(number))
    return None if timer is None or timer.number != number else timer


def get(process: Process, number: i32) -> Fallible[ProcessTimer]:
    """`find` for the timers that programs number; EINVAL."""
    if number < 0:
        raise EINVAL
    timer = find(process, number)
    if timer is None or not timer.is_ready:
        raise EINVAL
    return timer


def add(process: Process, number: i32, signal: u32) -> Fallible[ProcessTimer]:
    """A new timer, which sends `signal`. ENOMEM; EAGAIN when the user has too many (RLIMIT_SIGPENDING)."""
    payer = process.owner
    if not payer.charge_signal(signal_limit(process), number < 0):
        raise EAGAIN
    with on_error(payer.return_signal):
        timer = process.container.account.heap.new(ProcessTimer)
    timer.entry.payer = payer
    timer.process = process
    timer.number = number
    timer.entry.owner = timer
    timer.entry.info.signal = signal
    timer.entry.info.code = SI_TIMER
    process.timers.offset = field_offset(ProcessTimer.node)
    process.timers.insert(timer, key_of(number))
    return timer


def free_number(process: Process) -> Fallible[i32]:
    """The next number that no timer of the process has, around from 0 after the highest; EAGAIN."""
    number = process.next_timer
    for _ in range(2):
        timer = process.timers.at_or_above(number + OWN_TIMERS)
        while timer is not None and key_of(timer.number) == number + OWN_TIMERS:
            number += 1
            timer = process.timers.after(timer)
        if number <= NUMBER_MAX:
            process.next_timer = number + 1 if number < NUMBER_MAX else 0
            return i32(number)
        number = 0
    raise EAGAIN


def own_timer(process: Process, number: i32) -> Fallible[ProcessTimer]:
    """One of the three of setitimer(2), made when it is first asked for. ENOMEM."""
    timer = find(process, number)
    if timer is not None:
        return timer
    if number == REAL:
        return add(process, number, u32(Signal.ALARM))
    timer = add(process, number, u32(Signal.VIRTUAL_ALARM if number == VIRTUAL else Signal.PROFILE))
    timer.counts_processor = True
    timer.used.id = process.pid
    return timer


def resume_real(process: Process) -> None:
    """A SIGALRM of the process was taken: the timer of setitimer(2) goes on, if it has gone off."""
    timer = find(process, REAL)
    if timer is not None:
        timer.go_on()
        timer.overrun = 0


def hear_again(process: Process, signal: u32) -> None:
    """`signal` is ignored no more: timers send it that would have done so before."""
    if process.unheard & bit_of(signal) == 0:
        return
    process.unheard ^= bit_of(signal)
    for timer in process.timers:
        if timer.number >= 0 and timer.signal == signal and timer.is_unheard:
            timer.tell(1)


def delete_all(process: Process, keeps_own: bool) -> None:
    """The process ends, or runs another program, which keeps those of setitimer(2). Others may run meanwhile."""
    count: u64 = 0
    while True:
        timer = process.timers.at_or_above(key_of(0) if keeps_own else 0)
        if timer is None:
            return
        timer.delete()
        count += 1
        if count % ROUND == 0:
            give_way()
