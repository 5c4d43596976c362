"""Timers that are read: how often their moment has come since the last time (timerfd_create(2)).

Interface: `open_timer`; `TimerFile.begin` `stop` `remaining`. A timer with an interval goes on when it is read or asked
about; until then it has gone off once, however often its moment came (sched/alarm.py).
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Nanoseconds,
    Slice,
    inline,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EINVAL
from kernel.base.saturating import saturating_add
from kernel.base.writer import Writer
from kernel.files.anonymous import describe, open_anonymous
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner, OpenFile
from kernel.files.operations import Events, FileOps
from kernel.files.poll import readiness_changed
from kernel.files.timestamp import SECOND
from kernel.memory.buffer import Buffer, give_word
from kernel.memory.heap import free
from kernel.sched.alarm import Alarm, AlarmTarget
from kernel.sched.wait import WaitQueue

WORD: u64 = 8
"""A read tells one integer of 8 bytes."""


@struct
class TimerFile(FileOps, AlarmTarget):
    """One timer."""

    alarm: Alarm = inline()
    clock: u32 = 0
    expirations: u64 = 0
    changed: WaitQueue = inline()
    described: Attributes = inline()

    def begin(self, deadline: Nanoseconds, interval: u64, missed: u64) -> None:
        """Go off at `deadline` and then every `interval` nanoseconds, unless that is 0; nothing has been told of."""
        self.expirations = 0
        self.alarm.set(self, deadline, interval, missed)

    def stop(self) -> None:
        """Go off no more."""
        self.expirations = 0
        self.alarm.cancel()

    @property
    def remaining(self) -> u64:
        """Nanoseconds until its moment comes next; 0 when it will not."""
        self.go_on()
        return self.alarm.remaining

    def go_on(self) -> None:
        """Count the moments that came since it went off, and wait for the next one."""
        self.expirations = saturating_add(self.expirations, self.alarm.resume())

    def expired(self, alarm: Alarm, times: u64) -> None:
        self.expirations = saturating_add(self.expirations, times)
        self.changed.wake_all()
        readiness_changed()

    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        if buffer.left < WORD:
            raise EINVAL
        while True:
            seen = self.changed.observe()
            self.alarm.catch_up()
            if self.expirations > 0:
                break
            if not wait:
                raise EAGAIN
            self.changed.sleep(seen)
        self.go_on()
        times = self.expirations
        self.expirations = 0
        give_word(buffer, times)
        return WORD

    def title(self) -> Slice[u8]:
        return b"[timerfd]"

    def write_details(self, writer: Writer, start: u64) -> u64:
        left, period = self.alarm.remaining, self.alarm.interval
        writer(f"clockid: {self.clock}\nticks: {self.expirations}\nsettime flags: 00\n")
        writer(f"it_value: ({left // SECOND}, {left % SECOND})\nit_interval: ({period // SECOND}, {period % SECOND})\n")
        return 0

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        return Events.INPUT | Events.READ_NORMAL if self.expirations > 0 else Events.NONE

    def closed(self) -> None:
        self.alarm.cancel()
        free(self)

    def revoked(self) -> None:
        self.alarm.cancel()
        self.changed.end()


def open_timer(owner: FileOwner, clock: u32, nonblocking: bool) -> Fallible[OpenFile]:
    """A timer that is not set, charged to `owner`, as an open file with one reference."""
    timer = owner.account.heap.new(TimerFile)
    timer.clock = clock
    describe(timer.described)
    return open_anonymous(owner, timer, nonblocking)
