"""The functions of the vDSO, for ring 3: they compute what clock.py of the kernel does, from the same numbers.

What they cannot tell they ask the kernel for.
"""

from __future__ import annotations

from codegen.lang import (
    Never,
    export,
    i32,
    i64,
    inline,
    instruction,
    reference,
    struct,
    truncate,
    u32,
    u64,
    unreachable,
)
from kernel.machine.instructions import read_time_stamp
from kernel.machine.time_page import TimePage
from kernel.memory.user_layout import TIME_PAGE

SECOND: u64 = 1_000_000_000
MICROSECOND: u64 = 1_000
CLOCK_REALTIME: i32 = 0
CLOCK_MONOTONIC: i32 = 1
CLOCK_MONOTONIC_RAW: i32 = 4
CLOCK_REALTIME_COARSE: i32 = 5
CLOCK_MONOTONIC_COARSE: i32 = 6
CLOCK_BOOTTIME: i32 = 7
CLOCK_TAI: i32 = 11
"""clock_gettime(2)."""
CALL_CLOCK_GETTIME: u64 = 228
CALL_CLOCK_GETRES: u64 = 229
CALL_GETCPU: u64 = 309


@struct
class TimeSpec:
    """struct timespec, and with microseconds struct timeval."""

    seconds: u64 = 0
    fraction: u64 = 0


@instruction("syscall", "={rax},{rax},{rdi},{rsi},{rdx},~{rcx},~{r11},~{memory}")
def system_call(number: u64, a0: u64, a1: u64, a2: u64) -> i64:
    """Ask the kernel."""
    ...


@export
def trap_failed(kind: u32) -> Never:
    """A check of the compiler failed: the program has overwritten what it cannot write. It ends here."""
    system_call(231, 134, 0, 0)
    unreachable()


@inline
def since_start(page: TimePage) -> u64:
    """Nanoseconds since the start of the machine."""
    ticks = read_time_stamp() - page.start_ticks
    rate = page.tsc_hertz
    return ticks // rate * SECOND + ticks % rate * SECOND // rate


@export
def vdso_clock_gettime(clock: i32, time: u64) -> i64:
    """clock_gettime(2)."""
    page = reference(TimePage, TIME_PAGE)
    offset: u64 = 0
    if clock == CLOCK_REALTIME or clock == CLOCK_REALTIME_COARSE or clock == CLOCK_TAI:
        offset = page.start_date
    elif (
        clock != CLOCK_MONOTONIC
        and clock != CLOCK_BOOTTIME
        and (clock != CLOCK_MONOTONIC_RAW and clock != CLOCK_MONOTONIC_COARSE)
    ):
        return system_call(CALL_CLOCK_GETTIME, truncate(u64, clock), time, 0)
    nanoseconds = since_start(page)
    answer = reference(TimeSpec, time)
    answer.seconds = offset + nanoseconds // SECOND
    answer.fraction = nanoseconds % SECOND
    return 0


@export
def vdso_gettimeofday(time: u64, zone: u64) -> i64:
    """gettimeofday(2): the time zone is always UTC."""
    if time != 0:
        page = reference(TimePage, TIME_PAGE)
        nanoseconds = since_start(page)
        answer = reference(TimeSpec, time)
        answer.seconds = page.start_date + nanoseconds // SECOND
        answer.fraction = nanoseconds % SECOND // MICROSECOND
    if zone != 0:
        reference(TimeSpec, zone).seconds = 0
    return 0


@export
def vdso_time(out: u64) -> u64:
    """time(2)."""
    page = reference(TimePage, TIME_PAGE)
    seconds = page.start_date + since_start(page) // SECOND
    if out != 0:
        reference(TimeSpec, out).seconds = seconds
    return seconds


@export
def vdso_clock_getres(clock: i32, resolution: u64) -> i64:
    """clock_getres(2)."""
    return system_call(CALL_CLOCK_GETRES, truncate(u64, clock), resolution, 0)


@export
def vdso_getcpu(cpu: u64, node: u64, unused: u64) -> i64:
    """getcpu(2)."""
    return system_call(CALL_GETCPU, cpu, node, 0)
