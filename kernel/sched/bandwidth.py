"""Bandwidth: how much processor time a group may use in every period (as cpu.max of Linux, cgroup-v2.rst).

The limit is in thousandths of a processor; the period is 100 ms, as on Linux by default. What a turn takes beyond the
limit is paid back in the next period, so the limit holds in the long run whatever the length of a turn. All under
`SCHEDULER.lock`; times are on the time-stamp counter.
"""

from __future__ import annotations

from codegen.lang import saturating_sub, struct, u64
from kernel.machine.clock import CLOCK

PERIODS_PER_SECOND: u64 = 10
NO_BANDWIDTH: u64 = 0
HIGHEST_BANDWIDTH: u64 = 64_000


@struct
class Limits:
    """How many groups have a limit: while none has, nobody looks for one."""

    count: u64 = 0


LIMITS = Limits()


@struct
class Bandwidth:
    """The limit of one group, and what it has used of it."""

    limit: u64 = NO_BANDWIDTH
    """Thousandths of a processor; 0: as much as there is."""
    period_end: u64 = 0
    used: u64 = 0
    """In this period."""
    throttled: u64 = 0
    """In how many periods the limit was used up."""
    was_used_up: bool = False

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self.limit != NO_BANDWIDTH

    @property
    def allowance(self) -> u64:
        """How long the group may run in a period."""
        return CLOCK.tsc_hertz // PERIODS_PER_SECOND * self.limit // 1000

    def set_limit(self, limit: u64) -> None:
        """Allow `limit` thousandths of a processor from now on."""
        if self.is_limited:
            LIMITS.count -= 1
        self.limit = limit
        if self.is_limited:
            LIMITS.count += 1
        self.used = 0
        self.period_end = 0
        self.was_used_up = False

    def charge(self, time: u64, now: u64) -> None:
        """The group ran for `time`, until `now`."""
        if not self.is_limited:
            return
        self.begin_periods(now)
        self.used += time
        if self.used >= self.allowance and not self.was_used_up:
            self.was_used_up = True
            self.throttled += 1

    def is_used_up(self, now: u64) -> bool:
        """Whether nothing is left of this period's allowance."""
        if not self.is_limited:
            return False
        self.begin_periods(now)
        return self.used >= self.allowance

    def begin_periods(self, now: u64) -> None:
        """Let the periods that have ended pay for what was used."""
        if now < self.period_end:
            return
        length = CLOCK.tsc_hertz // PERIODS_PER_SECOND
        passed = (now - self.period_end) // length + 1
        if passed > 1000 or self.allowance == 0:
            self.used = 0
        else:
            self.used = saturating_sub(u64, self.used, passed * self.allowance)
        self.period_end = now + length if self.period_end == 0 else self.period_end + passed * length
        self.was_used_up = False
