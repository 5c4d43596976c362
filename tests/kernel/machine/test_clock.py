"""Dates and durations, on the host."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.lang import Nanoseconds
from kernel.machine.clock import Clock
from kernel.machine.cmos import days_since_epoch, decode
from kernel.machine.local_apic import TIMER_RATE, timer_count

EPOCH = datetime.date(1970, 1, 1)


@given(st.dates(datetime.date(1970, 1, 1), datetime.date(2399, 12, 31)))
def test_days_are_those_of_the_calendar(date: datetime.date) -> None:
    assert days_since_epoch(date.year, date.month, date.day) == (date - EPOCH).days


@pytest.mark.parametrize(("value", "binary", "number"), [(0x59, False, 59), (0x3B, True, 59), (0, False, 0)])
def test_numbers_of_the_cmos_clock(value: int, binary: bool, number: int) -> None:
    assert decode(value, binary) == number


@given(st.integers(0, (1 << 64) - 1), st.integers(100_000, 5_000_000_000))
def test_ticks_become_nanoseconds(ticks: int, hertz: int) -> None:
    clock = Clock()
    clock.tsc_hertz = hertz
    expected = ticks * 1_000_000_000 // hertz
    if expected < 1 << 64:
        assert clock.nanoseconds_of(ticks) == expected


@given(st.integers(0, (1 << 64) - 1), st.integers(1, 4_000_000))
def test_timer_counts_fit_their_register(duration: int, kilohertz: int) -> None:
    TIMER_RATE.kilohertz = kilohertz
    count = timer_count(Nanoseconds(duration))
    exact = duration * kilohertz // 1_000_000
    assert 1 <= count <= 0xFFFFFFFF
    if 1 <= exact < 0xFFFFFFFF:
        assert count == exact
