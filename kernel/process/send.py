"""Sending signals (kill(2), tgkill(2)): who gets one, and whether it matters at all.

Sending marks the signal and wakes a thread that may take it; what it does is decided by the receiving thread on its
way back to ring 3 (deliver.py).
"""

from __future__ import annotations

from codegen.lang import u32
from kernel.process.process import Process
from kernel.process.signal_table import Signal, bit_of
from kernel.sched.thread import Thread
from kernel.sched.wait import interrupt


def send_to_thread(thread: Thread, signal: u32) -> None:
    """Let `thread` take `signal` (tgkill(2))."""
    if not thread.process.signals.is_ignored(signal) or thread.signal_mask & bit_of(signal) != 0:
        thread.pending_signals = thread.pending_signals | bit_of(signal)
        if thread.signal_mask & bit_of(signal) == 0:
            interrupt(thread)


def send_to_process(process: Process, signal: u32) -> None:
    """Let some thread of `process` take `signal` (kill(2))."""
    if process.is_zombie or process.exiting:
        return
    if is_protected(process, signal):
        return
    if signal == u32(Signal.CONTINUE) and process.stopped:
        process.stopped = False
        process.continued.wake_all()
    taker: Thread | None = None
    for thread in process.threads:
        if taker is None and thread.signal_mask & bit_of(signal) == 0:
            taker = thread
    if taker is not None and process.signals.is_ignored(signal):
        return
    process.signals.pending = process.signals.pending | bit_of(signal)
    if taker is not None:
        interrupt(taker)


def is_protected(process: Process, signal: u32) -> bool:
    """From inside, the first process of a container gets only signals that it handles (pid_namespaces(7))."""
    if process.container.init is not process or signal == u32(Signal.CHILD):
        return False
    return not process.signals.has_handler(signal)
