"""Sending signals (kill(2), tgkill(2)): who gets one, and whether it matters at all.

Sending marks the signal and wakes a thread that may take it; what it does is decided by the receiving thread on its
way back to ring 3 (deliver.py).
"""

from __future__ import annotations

from codegen.lang import i32, invert, local, u32, u64
from kernel.files.poll import SIGNAL_SOURCE, readiness_changed
from kernel.process.limits import Resource
from kernel.process.process import Process
from kernel.process.signal_queue import SI_KERNEL, QueuedSignal, SignalInfo, discard, enqueue, first_of
from kernel.process.signal_table import STOPPING_BY_DEFAULT, ActionFlags, Signal, bit_of
from kernel.sched.thread import Thread
from kernel.sched.wait import interrupt

CONTINUED_STATUS: u32 = 0xFFFF
"""__W_CONTINUED: the status word of a process that SIGCONT let go on."""
CHILD_EXITED: i32 = 1
CHILD_KILLED: i32 = 2
CHILD_STOPPED: i32 = 5
CHILD_CONTINUED: i32 = 6
"""CLD_*: `si_code` of SIGCHLD (sigaction(2))."""


def send_to_thread(thread: Thread, signal: u32) -> None:
    """Let `thread` take `signal`, which the kernel sends."""
    info = local(SignalInfo)
    info.signal = signal
    info.code = SI_KERNEL
    send_information_to_thread(thread, info)


def send_information_to_thread(thread: Thread, info: SignalInfo) -> None:
    """Let `thread` take a signal (tgkill(2))."""
    signal = info.signal
    process = thread.process
    prepare(process, signal)
    if is_unheard_by(thread, signal):
        return
    is_pending = thread.pending_signals & bit_of(signal) != 0
    if enqueue(thread.signal_queue, process.owner, signal_limit(process), info, is_pending):
        note_pending(thread, signal)


def is_unheard_by(thread: Thread, signal: u32) -> bool:
    """Whether a signal to `thread` alone would do nothing."""
    return thread.process.signals.is_ignored(signal) and thread.signal_mask & bit_of(signal) == 0


def note_pending(thread: Thread, signal: u32) -> None:
    """`signal` is pending for `thread` alone."""
    thread.pending_signals = thread.pending_signals | bit_of(signal)
    if thread.signal_mask & bit_of(signal) == 0:
        interrupt(thread)
    readiness_changed(SIGNAL_SOURCE)


def send_to_process(process: Process, signal: u32) -> None:
    """Let some thread of `process` take `signal`, which the kernel sends."""
    info = local(SignalInfo)
    info.signal = signal
    info.code = SI_KERNEL
    send_information(process, info)


def send_information(process: Process, info: SignalInfo) -> None:
    """Let some thread of `process` take a signal (kill(2))."""
    if process.is_zombie or process.exiting:
        return
    prepare(process, info.signal)
    post(process, info)


def post(process: Process, info: SignalInfo) -> None:
    """Make a signal pending for `process`, which lives, and let a thread see it."""
    signal = info.signal
    taker = find_taker(process, signal)
    if taker is not None and (process.signals.is_ignored(signal) or is_protected(process, signal)):
        return
    is_pending = process.signals.pending & bit_of(signal) != 0
    if enqueue(process.signals.queue, process.owner, signal_limit(process), info, is_pending):
        note_shared(process, signal, taker)


def signal_limit(process: Process) -> u64:
    """How many signals may be queued for the user of `process` (getrlimit(2), RLIMIT_SIGPENDING)."""
    return process.settings.limits.soft_of(Resource.PENDING_SIGNALS)


def find_taker(process: Process, signal: u32) -> Thread | None:
    """The first thread of `process` that does not block `signal`."""
    for thread in process.threads:
        if thread.signal_mask & bit_of(signal) == 0:
            return thread
    return None


def note_shared(process: Process, signal: u32, taker: Thread | None) -> None:
    """`signal` is pending for `process`; `taker` does not block it."""
    process.signals.pending = process.signals.pending | bit_of(signal)
    if taker is not None:
        interrupt(taker)
    # signalfd(2) and sigtimedwait(2) look at signals that are blocked.
    readiness_changed(SIGNAL_SOURCE)


def send_entry(process: Process, entry: QueuedSignal, thread_id: i32) -> bool:
    """Let a thread of `process`, or (0) any, take the signal of a timer, whose `entry` is in no queue.

    False when nobody is there to take it, or it is ignored.
    """
    signal = entry.info.signal
    if process.is_zombie or process.exiting:
        return False
    prepare(process, signal)
    if thread_id == 0:
        taker = find_taker(process, signal)
        if taker is not None and (process.signals.is_ignored(signal) or is_protected(process, signal)):
            return False
        process.signals.queue.insert_last(entry, u64(signal))
        note_shared(process, signal, taker)
        return True
    thread = thread_in(process, thread_id)
    if thread is None or is_unheard_by(thread, signal):
        return False
    thread.signal_queue.insert_last(entry, u64(signal))
    note_pending(thread, signal)
    return True


def withdraw_entry(process: Process, entry: QueuedSignal, thread_id: i32) -> None:
    """Take the signal of a timer back that was sent and is pending."""
    signal = entry.info.signal
    if thread_id == 0:
        process.signals.queue.remove(entry)
        if first_of(process.signals.queue, signal) is None:
            process.signals.take_pending(bit_of(signal))
        return
    thread = thread_in(process, thread_id)
    assert thread is not None, "a thread that ends drops what is pending for it"
    thread.signal_queue.remove(entry)
    if first_of(thread.signal_queue, signal) is None:
        thread.pending_signals = thread.pending_signals & invert(u64, bit_of(signal))


def thread_in(process: Process, thread_id: i32) -> Thread | None:
    """The thread of `process` with a number."""
    for thread in process.threads:
        if i32(thread.id) == thread_id:
            return thread
    return None


def retarget(process: Process) -> None:
    """A thread of `process` has ended or blocks more signals: let others see what it may have been woken to take
    (retarget_shared_pending() of Linux).
    """
    pending = process.signals.pending
    if pending == 0:
        return
    for thread in process.threads:
        if pending & invert(u64, thread.signal_mask) != 0 and not thread.interrupted:
            interrupt(thread)


def send_child_change(parent: Process, child: Process, signal: u32, status: u32) -> None:
    """Tell `parent` by `signal` what `child` did, given as the status word of wait4(2)."""
    if parent.is_zombie or parent.exiting:
        return
    info = local(SignalInfo)
    info.signal = signal
    info.come_from(u32(child.pid), child.credentials.real_user)
    code, value = change_of(status)
    info.code = code
    info.value = u64(value)
    post(parent, info)


def change_of(status: u32) -> tuple[i32, u32]:
    """`si_code` and `si_status` of the status word of wait4(2)."""
    if status == CONTINUED_STATUS:
        return CHILD_CONTINUED, u32(Signal.CONTINUE)
    if status & 0x7F == 0x7F:
        return CHILD_STOPPED, status >> 8
    if status & 0x7F != 0:
        return CHILD_KILLED, status & 0x7F
    return CHILD_EXITED, status >> 8


def prepare(process: Process, signal: u32) -> None:
    """What a signal does when it is sent, whatever becomes of it: SIGCONT and those that stop cancel each other out,
    and SIGCONT lets the process go on (prepare_signal() of Linux; signal(7)).
    """
    if signal == u32(Signal.CONTINUE):
        _ = drop_pending(process, STOPPING_BY_DEFAULT)
        resume(process)
    elif bit_of(signal) & STOPPING_BY_DEFAULT != 0:
        _ = drop_pending(process, bit_of(u32(Signal.CONTINUE)))


def drop_pending(process: Process, signals: u64) -> bool:
    """None of `signals` is pending any more; False when too many were queued, and it has to be called again."""
    is_whole = discard(process.signals.queue, signals)
    if is_whole:
        process.signals.take_pending(signals)
    for thread in process.threads:
        if thread.pending_signals & signals != 0:
            if discard(thread.signal_queue, signals):
                thread.pending_signals = thread.pending_signals & invert(u64, signals)
            else:
                is_whole = False
    return is_whole


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
        status = process.stop_signal << 8 | 0x7F if process.stopped else CONTINUED_STATUS
        send_child_change(parent, process, u32(Signal.CHILD), status)
    parent.child_ended.wake_all()


def is_protected(process: Process, signal: u32) -> bool:
    """From inside, the first process of a container gets only signals that it handles (pid_namespaces(7))."""
    if process.container.init is not process or signal == u32(Signal.CHILD):
        return False
    return not process.signals.has_handler(signal)
