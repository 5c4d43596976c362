"""Alarms: what is to happen at a moment, once or again and again (timerfd, setitimer(2), timer_create(2)).

Interface: `Alarm.set` `cancel` `resume` `remaining`; `start_clock_thread` at start.

A thread of the kernel sleeps until the earliest alarm and then tells its target. It is a thread and not the tick that
does so, because targets change what system calls change, and those are only interrupted, never preempted.

An alarm goes off once and then waits for `resume`, which its owner calls when the program has taken what it was told:
only then the moments that came meanwhile are counted, by one division. So an interval of a nanosecond costs no more
than the calls that the program makes (as on Linux, where expired timers are forwarded).
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Interface,
    Nanoseconds,
    Never,
    export,
    inline,
    saturating_sub,
    struct,
    symbol_address,
    u64,
    uninitialised,
)
from kernel.base.saturating import saturating_add
from kernel.base.tree import Tree, TreeNode
from kernel.machine.instructions import enable_interrupts
from kernel.memory.account import Account
from kernel.sched import switch
from kernel.sched.group import RunGroup
from kernel.sched.kernel_lock import KERNEL_LOCK
from kernel.sched.preemption import give_way
from kernel.sched.scheduler import start
from kernel.sched.timer import NEVER, now
from kernel.sched.wait import WaitQueue

ROUND: u64 = 64
"""How many alarms go off before others may run."""


class AlarmTarget(Interface):
    """What an alarm tells."""

    def expired(self, alarm: Alarm, times: u64) -> None:
        """The moment has come; `times` is above 1 where moments had been missed before the alarm was set."""
        ...


@struct
class Alarm:
    """A moment and whom to tell. Its owner cancels it before it goes away."""

    target: AlarmTarget = uninitialised()
    deadline: Nanoseconds = NEVER
    """The next moment that was not told of; NEVER: there is none."""
    interval: u64 = 0
    """Nanoseconds from one moment to the next; 0: only once."""
    missed: u64 = 0
    """How many moments had come before it was set, besides `deadline`."""
    has_gone_off: bool = False
    """It waits for `resume`."""
    node: TreeNode[Alarm] = inline()

    @property
    def is_set(self) -> bool:
        """Whether its moment is still to come."""
        return ALARMS.pending.contains(self)

    def set(self, target: AlarmTarget, deadline: Nanoseconds, interval: u64, missed: u64 = 0) -> None:
        """Tell `target` at `deadline`; with an interval, `resume` goes on from there."""
        self.cancel()
        self.target = target
        self.deadline = deadline
        self.interval = interval
        self.missed = missed
        ALARMS.insert(self)

    def cancel(self) -> None:
        """Tell nobody."""
        if self.is_set:
            ALARMS.pending.remove(self)
        self.deadline = NEVER
        self.interval = 0
        self.has_gone_off = False

    @property
    def remaining(self) -> u64:
        """Nanoseconds until its next moment; 0 when that has come or there is none."""
        return 0 if self.deadline == NEVER else saturating_sub(u64, self.deadline, now())

    def catch_up(self) -> None:
        """Go off now, if the moment has come and the clock thread only has not run yet."""
        if self.is_set and self.deadline <= now():
            self.go_off()

    def go_off(self) -> None:
        """Its moment has come: tell the target, and wait for `resume`."""
        ALARMS.pending.remove(self)
        self.has_gone_off = True
        self.deadline = NEVER if self.interval == 0 else Nanoseconds(saturating_add(self.deadline, self.interval))
        self.target.expired(self, saturating_add(self.missed, 1))

    def advance(self) -> u64:
        """Look beyond the moments that came since it has gone off; returns how many."""
        moment = now()
        if not self.has_gone_off or self.interval == 0 or self.deadline > moment:
            return 0
        times = (moment - self.deadline) // self.interval + 1
        self.deadline = Nanoseconds(saturating_add(self.deadline + (times - 1) * self.interval, self.interval))
        return times

    def resume(self) -> u64:
        """Go on with the next moment of one that has gone off; returns how many came since that."""
        if not self.has_gone_off or self.interval == 0:
            return 0
        times = self.advance()
        self.has_gone_off = False
        self.missed = 0
        ALARMS.insert(self)
        return times


@struct
class Alarms:
    """The alarms that are set, by their moments."""

    pending: Tree[Alarm] = inline(Tree(Alarm.node))
    changed: WaitQueue = inline()

    def insert(self, alarm: Alarm) -> None:
        """Put `alarm` in its place, and let the clock thread know when it is the first."""
        self.pending.insert_last(alarm, u64(alarm.deadline))
        if self.pending.first is alarm:
            self.changed.wake_all()

    def run_due(self) -> Nanoseconds:
        """Let alarms go off whose moment has come, at most ROUND; returns the moment of the next one."""
        for _ in range(ROUND):
            first = self.pending.first
            if first is None:
                return NEVER
            if first.deadline > now():
                return first.deadline
            first.go_off()
        return now()


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
        if deadline > now():
            ALARMS.changed.wait(seen, deadline, False)
        else:
            give_way()


def start_clock_thread(owner: Account, group: RunGroup) -> Fallible[None]:
    """Start the thread that alarms need, charged to `owner`. ENOMEM."""
    thread = switch.create_thread(owner, group)
    switch.prepare_kernel(thread, symbol_address("run_clock_thread"), 0)
    start(thread)
