"""Measures system calls, memory, processes, threads and containers.

Prints one line a figure, `name nanoseconds`: under `-icount shift=0` a nanosecond is one instruction, of ring 3 and of
the kernel. Started with a root whose /bin/true is `user/true`.
"""

from __future__ import annotations

from codegen.lang import export, u64
from user.bench import containers, memory, processes, threads
from user.bench.measure import repeat, report_time

GETPPID: u64 = 110
UNKNOWN: u64 = 999
CALLS: u64 = 10_000


def calls() -> None:
    """The way into the kernel and back."""
    repeat(GETPPID, CALLS)
    report_time(b"unknown_call", repeat(UNKNOWN, CALLS), CALLS)
    report_time(b"getppid", repeat(GETPPID, CALLS), CALLS)


@export
def user_main(stack: u64) -> None:
    """Measure everything."""
    calls()
    memory.measure()
    threads.measure()
    processes.measure()
    containers.measure()
