"""Sending signals (kill(2), tgkill(2)): who gets one, and whether it matters at all.

Sending marks the signal and wakes a thread that may take it; what it does is decided by the receiving thread on its
way back to ring 3 (deliver.py).
"""

from __future__ import annotations

from codegen.lang import invert, u32, u64
from kernel.process.process import Process
from kernel.process.signal_table import STOPPING_BY_DEFAULT, ActionFlags, Signal, bit_of
from kernel.sched.thread import Thread
from kernel.sched.wait import interrupt


def send_to_thread(thread: Thread, signal: u32) -> None:
    """Let `thread` take `signal` (tgkill(2))."""
    prepare(thread.process, signal)
    if not thread.process.signals.is_ignored(signal) or thread.signal_mask & bit_of(signal) != 0:
        thread.pending_signals = thread.pending_signals | bit_of(signal)
        if thread.signal_mask & bit_of(signal) == 0:
            interrupt(thread)


def send_to_process(process: Process, signal: u32) -> None:
    """Let some thread of `process` take `signal` (kill(2))."""
    if process.is_zombie or process.exiting:
        return
    prepare(process, signal)
    post(process, signal)


def post(process: Process, signal: u32) -> None:
    """Make `signal` pending for `process`, which lives, and let a thread see it."""
    if is_protected(process, signal):
        return
    taker: Thread | None = None
    for thread in process.threads:
        if taker is None and thread.signal_mask & bit_of(signal) == 0:
            taker = thread
    if taker is not None and process.signals.is_ignored(signal):
        return
    process.signals.pending = process.signals.pending | bit_of(signal)
    if taker is not None:
        interrupt(taker)


def prepare(process: Process, signal: u32) -> None:
    """What a signal does when it is sent, whatever becomes of it: SIGCONT and those that stop cancel each other out,
    and SIGCONT lets the process go on (prepare_signal() of Linux; signal(7)).
    """
    if signal == u32(Signal.CONTINUE):
        drop_pending(process, STOPPING_BY_DEFAULT)
        resume(process)
    elif bit_of(signal) & STOPPING_BY_DEFAULT != 0:
        drop_pending(process, bit_of(u32(Signal.CONTINUE)))


def drop_pending(process: Process, signals: u64) -> None:
    """None of `signals` is pending any more."""
    process.signals.take_pending(signals)
    for thread in process.threads:
        thread.pending_signals = thread.pending_signals & invert(u64, signals)


def resume(process: Process) -> None:
    """A stopped `process` goes on, and its parent hears of it."""
    if process.stopped:
        process.stopped = False
        process.stop_untold = False
        process.continue_untold = True
        process.continued.wake_all()
        tell_of_change(process)


def tell_of_change(process: Process) -> None:
    """The parent of `process`, which was stopped or goes on, can wait for that, and gets SIGCHLD if it wants to."""
    parent = process.parent
    if parent is None or parent.is_zombie or parent.exiting:
        return
    if parent.signals.action(u32(Signal.CHILD)).flags & u64(ActionFlags.NO_CHILD_STOP) == 0:
        post(parent, u32(Signal.CHILD))
    parent.child_ended.wake_all()


def is_protected(process: Process, signal: u32) -> bool:
    """From inside, the first process of a container gets only signals that it handles (pid_namespaces(7))."""
    if process.container.init is not process or signal == u32(Signal.CHILD):
        return False
    return not process.signals.has_handler(signal)
