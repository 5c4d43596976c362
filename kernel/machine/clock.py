"""Time: nanoseconds since start from the time-stamp counter, and the date from the CMOS clock."""

from __future__ import annotations

from codegen.lang import Nanoseconds, struct, u64
from kernel.machine.cmos import read_date
from kernel.machine.instructions import read_time_stamp, spin_hint
from kernel.machine.local_apic import TIMER_RATE
from kernel.machine.rates import DEFAULT_TSC_KILOHERTZ, measured_rates, told_rates

NANOSECONDS_PER_SECOND: u64 = 1_000_000_000


@struct
class Clock:
    """The rate of the time-stamp counter, and what it and the calendar showed at start. Then constant."""

    tsc_hertz: u64 = DEFAULT_TSC_KILOHERTZ * 1000
    start_ticks: u64 = 0
    start_date: u64 = 0

    def initialise(self, tsc_kilohertz: u64, timer_kilohertz: u64) -> None:
        """Find out both rates; arguments other than 0 are taken as they are. The local APIC is enabled."""
        tsc, timer = tsc_kilohertz, timer_kilohertz
        if tsc == 0 or timer == 0:
            told_tsc, told_timer = told_rates()
            tsc = told_tsc if tsc == 0 else tsc
            timer = told_timer if timer == 0 else timer
        if tsc == 0 or timer == 0:
            measured_tsc, measured_timer = measured_rates()
            tsc = measured_tsc if tsc == 0 else tsc
            timer = measured_timer if timer == 0 else timer
        self.tsc_hertz = tsc * 1000
        TIMER_RATE.kilohertz = timer
        self.start_ticks = read_time_stamp()
        self.start_date = read_date()

    def nanoseconds(self) -> Nanoseconds:
        """Since start; never goes back on one processor."""
        return self.nanoseconds_of(read_time_stamp() - self.start_ticks)

    def nanoseconds_of(self, ticks: u64) -> Nanoseconds:
        """How long `ticks` of the counter last."""
        rest = ticks % self.tsc_hertz * NANOSECONDS_PER_SECOND // self.tsc_hertz
        return Nanoseconds(ticks // self.tsc_hertz * NANOSECONDS_PER_SECOND + rest)


CLOCK = Clock()


def monotonic() -> Nanoseconds:
    """Nanoseconds since start (CLOCK_MONOTONIC)."""
    return CLOCK.nanoseconds()


def pause(duration: Nanoseconds) -> None:
    """Let time pass, busily: for the waits of less than a tick that hardware asks for."""
    deadline = CLOCK.nanoseconds() + duration
    while CLOCK.nanoseconds() < deadline:
        spin_hint()


def wall_time() -> Nanoseconds:
    """Nanoseconds since 1970-01-01 UTC (CLOCK_REALTIME); since start where no clock told the date."""
    return Nanoseconds(CLOCK.start_date * NANOSECONDS_PER_SECOND + CLOCK.nanoseconds())
