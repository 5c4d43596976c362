"""Measures system calls, memory, files, processes, threads, sockets and containers.

Prints one line a figure, `name nanoseconds`: under `-icount shift=0` a nanosecond is one instruction, of ring 3 and of
the kernel. Started with a root whose /bin/true is `user/true`.
"""

from __future__ import annotations

from codegen.lang import Slice, export, slice_at, u8, u64
from user.bench import containers, files, memory, processes, sockets, threads
from user.bench.measure import repeat, report_time

GETPPID: u64 = 110
UNKNOWN: u64 = 999
CALLS: u64 = 10_000


def calls() -> None:
    """The way into the kernel and back."""
    repeat(GETPPID, CALLS)
    report_time(b"unknown_call", repeat(UNKNOWN, CALLS), CALLS)
    report_time(b"getppid", repeat(GETPPID, CALLS), CALLS)


def is_wanted(stack: u64, group: Slice[u8]) -> bool:
    """Whether the first argument names `group`, or there is none (System V ABI for AMD64, figure 3.9)."""
    if slice_at(u64, stack, 1)[0] < 2:
        return True
    argument = slice_at(u64, stack, 3)[2]
    return slice_at(u8, argument, len(group)) == group


@export
def user_main(stack: u64) -> None:
    """Measure everything, or the group that the first argument names."""
    if is_wanted(stack, b"calls\0"):
        calls()
    if is_wanted(stack, b"memory\0"):
        memory.measure()
    if is_wanted(stack, b"threads\0"):
        threads.measure()
    if is_wanted(stack, b"processes\0"):
        processes.measure()
    if is_wanted(stack, b"files\0"):
        files.measure()
    if is_wanted(stack, b"sockets\0"):
        sockets.measure()
    if is_wanted(stack, b"containers\0"):
        containers.measure()
