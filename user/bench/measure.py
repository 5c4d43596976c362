"""What every measurement needs: the clock, calls that have to succeed, and the line of a figure."""

from __future__ import annotations

from codegen.lang import Slice, address_of, i64, instruction, local_array, noinline, truncate, u8, u64
from user.lib.system import exit_group, system_call
from user.lib.text import OUT

CLOCK_GETTIME: u64 = 228
CLOCK_MONOTONIC: u64 = 1


@noinline
def now() -> u64:
    """CLOCK_MONOTONIC in nanoseconds. bench/profile.py looks for calls of this."""
    spec = local_array(u64, 2)
    system_call(CLOCK_GETTIME, CLOCK_MONOTONIC, address_of(spec), 0, 0, 0, 0)
    return spec[0] * 1_000_000_000 + spec[1]


def checked(result: i64, what: Slice[u8]) -> u64:
    """The result of a call that has to succeed."""
    if result < 0:
        OUT(f"{what} failed: errno {-result}\n")
        exit_group(1)
    return truncate(u64, result)


def report(name: Slice[u8], start: u64, count: u64) -> None:
    """The line of a figure that was measured from `start` until now, for one of `count`."""
    report_time(name, now() - start, count)


@noinline
def report_time(name: Slice[u8], time: u64, count: u64) -> None:
    """The line of a figure: `count` took `time`. bench/profile.py looks for calls of this."""
    OUT(f"{name} {time // count}\n")


@instruction("", "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9},~{rcx},~{r11},~{memory}")
def no_call(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64) -> i64:
    """What `system_call` is but for the call: its arguments are loaded."""
    ...


@noinline
def empty_loop(count: u64) -> u64:
    """The time that the loop of `repeat` takes by itself."""
    start = now()
    for _ in range(count):
        no_call(0, 0, 0, 0, 0, 0, 0)
    return now() - start


@noinline
def repeat(number: u64, count: u64) -> u64:
    """The time that `count` calls of `number` without arguments take, without that of the loop."""
    loop = empty_loop(count)
    start = now()
    for _ in range(count):
        system_call(number, 0, 0, 0, 0, 0, 0)
    return now() - start - loop
