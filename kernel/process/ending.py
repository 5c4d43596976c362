"""Telling a process to end, and the status words that say how it did (wait4(2)). How it then ends is in exit.py."""

from __future__ import annotations

from codegen.lang import u32
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.sched.wait import kill


def status_of_exit(code: u32) -> u32:
    """The status word of a process that called exit(code): W_EXITCODE(code & 0xff, 0)."""
    return (code & 0xFF) << 8


def status_of_signal(signal: u32) -> u32:
    """The status word of a process that a signal ended; there are no core files, so WCOREDUMP is never set."""
    return signal & 0x7F


def end_threads(process: Process, status: u32) -> None:
    """Let every thread of `process` end as soon as it can; the first status that is given counts."""
    if not process.exiting:
        process.exiting = True
        process.status = status
    for thread in process.threads:
        if thread is current():
            thread.killed = True  # it runs, and is in the kernel already
            thread.interrupted = True
        else:
            kill(thread)


def kill_process(process: Process, signal: u32) -> None:
    """`process` ends by `signal`, whatever it thinks of it."""
    if not process.is_zombie:
        end_threads(process, status_of_signal(signal))
