"""What several files of /proc tell of a process alike: its state, and its signals."""

from __future__ import annotations

from codegen.lang import Slice, u8, u32, u64
from kernel.process.process import Process
from kernel.process.signal_table import IGNORE, SIGNALS, bit_of
from kernel.sched.thread import Thread, ThreadState


def state_letter(process: Process, thread: Thread | None) -> Slice[u8]:
    """R, S, T or Z as ps(1) shows them."""
    if process.is_zombie:
        return b"Z"
    if process.stopped:
        return b"T"
    return b"R" if is_running(process, thread) else b"S"


def state_word(process: Process, thread: Thread | None) -> Slice[u8]:
    """The word that belongs to the letter."""
    if process.is_zombie:
        return b"zombie"
    if process.stopped:
        return b"stopped"
    return b"running" if is_running(process, thread) else b"sleeping"


def is_running(process: Process, thread: Thread | None) -> bool:
    """Whether `thread` runs or is ready to; of a process whose first thread has ended, any."""
    if thread is not None:
        return is_ready(thread)
    for other in process.threads:
        if is_ready(other):
            return True
    return False


def is_ready(thread: Thread) -> bool:
    """Whether `thread` runs or is ready to."""
    return thread.has_cpu or thread.state == ThreadState.READY


def signals_ignored(process: Process) -> u64:
    """The set of signals that are ignored."""
    found: u64 = 0
    for number in range(1, SIGNALS + 1):
        if process.signals.action(u32(number)).handler == IGNORE:
            found |= bit_of(u32(number))
    return found


def signals_caught(process: Process) -> u64:
    """The set of signals that have a handler."""
    found: u64 = 0
    for number in range(1, SIGNALS + 1):
        if process.signals.has_handler(u32(number)):
            found |= bit_of(u32(number))
    return found
