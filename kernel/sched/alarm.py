"""Alarms: what is to happen at a moment, once or again and again (timerfd, setitimer(2), timer_create(2)).

Interface: `Alarm.set` `Alarm.cancel` `Alarm.remaining`; `start_clock_thread` at start.

A thread of the kernel sleeps until the earliest alarm and then tells its target. It is a thread and not the tick that
does so, because targets change what system calls change, and those are only interrupted, never preempted.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Interface,
    Nanoseconds,
    Never,
    export,
    inline,
    struct,
    symbol_address,
    u64,
    uninitialised,
)
from kernel.base.list import Link, List
from kernel.machine.instructions import enable_interrupts
from kernel.memory.account import Account
from kernel.sched import switch
from kernel.sched.group import RunGroup
from kernel.sched.kernel_lock import KERNEL_LOCK
from kernel.sched.scheduler import start
from kernel.sched.timer import NEVER, now
from kernel.sched.wait import WaitQueue


class AlarmTarget(Interface):
    """What an alarm tells."""

    def expired(self, alarm: Alarm, times: u64) -> None:
        """The moment has come; with an interval, `times` moments since it was last told."""
        ...


@struct
class Alarm:
    """A moment and whom to tell. Its owner cancels it before it goes away."""

    target: AlarmTarget = uninitialised()
    deadline: Nanoseconds = NEVER
    """NEVER: not set."""
    interval: u64 = 0
    """Nanoseconds from one moment to the next; 0: only once."""
    link: Link[Alarm] = inline()

    @property
    def is_set(self) -> bool:
        """Whether its moment is still to come."""
        return self.link.linked

    def set(self, target: AlarmTarget, deadline: Nanoseconds, interval: u64) -> None:
        """Tell `target` at `deadline`, and then every `interval` nanoseconds if that is not 0."""
        self.cancel()
        self.target = target
        self.deadline = deadline
        self.interval = interval
        ALARMS.insert(self)

    def cancel(self) -> None:
        """Tell nobody."""
        if self.link.linked:
            ALARMS.pending.remove(self)
        self.deadline = NEVER
        self.interval = 0

    @property
    def remaining(self) -> u64:
        """Nanoseconds until its moment, at least 1; 0 when it is not set."""
        if not self.is_set:
            return 0
        moment = now()
        return u64(self.deadline - moment) if self.deadline > moment else 1

    def go_off(self, moment: Nanoseconds) -> None:
        """Its moment has come: tell the target, after setting the next one."""
        times: u64 = 1
        ALARMS.pending.remove(self)
        if 0 < self.interval <= NEVER - moment:
            times += u64(moment - self.deadline) // self.interval
            self.deadline = Nanoseconds(u64(self.deadline) + times * self.interval)
            ALARMS.insert(self)
        self.target.expired(self, times)


@struct
class Alarms:
    """The alarms that are set, the earliest first."""

    pending: List[Alarm] = inline(List(Alarm.link))
    changed: WaitQueue = inline()

    def insert(self, alarm: Alarm) -> None:
        """Put `alarm` in its place, and let the clock thread know when it is the first."""
        for other in self.pending:
            if alarm.deadline < other.deadline:
                self.pending.insert_before(other, alarm)
                break
        else:
            self.pending.push_last(alarm)
        if self.pending.first is alarm:
            self.changed.wake_all()

    def run_due(self) -> Nanoseconds:
        """Let every alarm go off whose moment has come; returns the moment of the next one."""
        while True:
            first = self.pending.first
            if first is None:
                return NEVER
            moment = now()
            if first.deadline > moment:
                return first.deadline
            first.go_off(moment)


ALARMS = Alarms()


@export
def run_clock_thread(argument: u64) -> Never:
    """Sleep until the next alarm, for ever."""
    switch.finish()
    enable_interrupts()
    KERNEL_LOCK.enter()
    while True:
        seen = ALARMS.changed.observe()
        deadline = ALARMS.run_due()
        ALARMS.changed.wait(seen, deadline, False)


def start_clock_thread(owner: Account, group: RunGroup) -> Fallible[None]:
    """Start the thread that alarms need, charged to `owner`. ENOMEM."""
    thread = switch.create_thread(owner, group)
    switch.prepare_kernel(thread, symbol_address("run_clock_thread"), 0)
    start(thread)
