"""The timer of the local APIC: no setting lets the one before repeat itself for a moment."""

from __future__ import annotations

from typing import Any

import pytest

from codegen.lang import Nanoseconds, from_raw
from kernel.machine import local_apic
from kernel.machine.local_apic import LocalVector

TICK = Nanoseconds(4_000_000)


class Timer:
    """The registers of the timer; notes with which counts it ever repeated itself."""

    def __init__(self) -> None:
        self.repeated: set[int] = set()
        self.timer_entry = 0
        self.initial_count = 0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("timer_entry", "initial_count") and hasattr(self, "initial_count"):
            entry = from_raw(LocalVector, self.timer_entry)
            if entry.periodic and not entry.masked and self.initial_count != 0:
                self.repeated.add(self.initial_count)


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> Timer:
    """The timer of this processor, which counts a thousand times in a millisecond."""
    made = Timer()
    monkeypatch.setattr(local_apic, "_device", lambda: made)
    monkeypatch.setattr(local_apic.TIMER_RATE, "kilohertz", 1000)
    return made


def test_a_short_delay_is_not_repeated(timer: Timer) -> None:
    """Found by random calls on four processors: QEMU did nothing but raise an interrupt each 32 ns."""
    local_apic.start_timer_once(Nanoseconds(1))
    assert timer.initial_count == 1
    local_apic.start_periodic_timer(TICK)
    assert timer.repeated == {4000}


def test_a_delay_ends_the_repetition(timer: Timer) -> None:
    local_apic.start_periodic_timer(TICK)
    local_apic.start_timer_once(Nanoseconds(7_000_000))
    assert timer.initial_count == 7000
    assert timer.repeated == {4000}


def test_a_stopped_timer_does_not_count(timer: Timer) -> None:
    local_apic.start_periodic_timer(TICK)
    local_apic.stop_timer()
    assert timer.initial_count == 0
    assert from_raw(LocalVector, timer.timer_entry).masked
