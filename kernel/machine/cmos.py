"""The date, from the battery-backed clock of the PC (Motorola MC146818A data sheet)."""

from __future__ import annotations

from codegen.lang import u8, u16, u64
from kernel.machine.port import read_port, write_port

INDEX: u16 = 0x70
DATA: u16 = 0x71

SECONDS: u8 = 0x00
MINUTES: u8 = 0x02
HOURS: u8 = 0x04
DAY: u8 = 0x07
MONTH: u8 = 0x08
YEAR: u8 = 0x09
STATUS_A: u8 = 0x0A
STATUS_B: u8 = 0x0B
"""Addresses of its memory; the clock is set to 24 hours by every firmware."""

UPDATE_IN_PROGRESS: u8 = 0x80
BINARY: u8 = 0x04
ABSENT: u8 = 0xFF

UPDATE_POLLS = 10_000
READ_ATTEMPTS = 4


def read_cell(address: u8) -> u8:
    """One byte of the clock's memory."""
    write_port(INDEX, address)
    return read_port(DATA)


def decode(value: u8, binary: bool) -> u64:
    """A number as the clock keeps it: binary, or two decimal digits."""
    if binary:
        return u64(value)
    return u64(value >> 4) * 10 + u64(value & 0xF)


def days_before_year(year: u64) -> u64:
    """Days from 1970-01-01 to January 1 of `year`, in the Gregorian calendar."""
    return (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970)


def leap_days_before(year: u64) -> u64:
    """Leap days from year 1 to the end of the year before `year`."""
    before = year - 1
    return before // 4 - before // 100 + before // 400


DAYS_BEFORE_MONTH = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def days_since_epoch(year: u64, month: u64, day: u64) -> u64:
    """Days from 1970-01-01 to a date."""
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    leap_day: u64 = 1 if is_leap and month > 2 else 0
    return days_before_year(year) + DAYS_BEFORE_MONTH[month - 1] + leap_day + day - 1


def read_once() -> u64:
    """Seconds since 1970; 0 when there is no clock or it shows no date. May be torn by an update."""
    binary = read_cell(STATUS_B) & BINARY != 0
    month = decode(read_cell(MONTH), binary)
    day = decode(read_cell(DAY), binary)
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return 0
    days = days_since_epoch(2000 + decode(read_cell(YEAR), binary), month, day)
    hours = days * 24 + decode(read_cell(HOURS), binary)
    return (hours * 60 + decode(read_cell(MINUTES), binary)) * 60 + decode(read_cell(SECONDS), binary)


def read_date() -> u64:
    """Seconds since 1970-01-01 UTC; 0 when there is no clock. Read until two readings agree."""
    if read_cell(STATUS_B) == ABSENT:
        return 0
    before = read_once()
    for _ in range(READ_ATTEMPTS):
        polls = 0
        while polls < UPDATE_POLLS and read_cell(STATUS_A) & UPDATE_IN_PROGRESS != 0:
            polls += 1
        now = read_once()
        if now == before:
            return now
        before = now
    return before
