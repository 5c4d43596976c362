"""TimePage: what a program needs to tell the time by itself (vdso(7)).

The kernel fills it in once: its clocks go by the time-stamp counter alone, at a rate that stays as it was found at
start, and are never set.
"""

from __future__ import annotations

from codegen.lang import struct, u64


@struct
class TimePage:
    """The fields of `Clock`, for ring 3."""

    tsc_hertz: u64 = 0
    start_ticks: u64 = 0
    start_date: u64 = 0
    """Seconds since 1970 at the start."""
