"""The way back to ring 3: turns end, marked threads end, signals are taken (signal(7)).

Interface: `is_delayed` and `before_return`, called by the entries of system calls and traps; `fault` for exceptions.
"""

from __future__ import annotations

from codegen.lang import Fallible, count_trailing_zeros, i32, inline, invert, local, u32, u64
from kernel.base.errno import EFAULT
from kernel.files.content import DYING, release_dying
from kernel.machine.instructions import disable_interrupts, enable_interrupts
from kernel.memory.pressure import PRESSURE
from kernel.process import job_control, restart, timers
from kernel.process.ending import status_of_signal
from kernel.process.exit import exit_process, exit_thread
from kernel.process.processor_time import look
from kernel.process.send import retarget
from kernel.process.signal_frame import push_frame
from kernel.process.signal_queue import SI_KERNEL, SignalInfo, take
from kernel.process.signal_table import (
    DEFAULT,
    IGNORED_BY_DEFAULT,
    STOPPING_BY_DEFAULT,
    UNBLOCKABLE,
    ActionFlags,
    Signal,
    SignalAction,
    bit_of,
)
from kernel.process.tracer import tell_of_signal
from kernel.sched.cpu import this_cpu
from kernel.sched.kernel_lock import KERNEL_LOCK
from kernel.sched.preemption import sleep_while_frozen
from kernel.sched.scheduler import end_turn
from kernel.sched.thread import Thread


@inline
def is_delayed(thread: Thread) -> bool:
    """Whether something has to be done before the running `thread` goes on in ring 3. Who is killed is interrupted."""
    return thread.interrupted or this_cpu().need_resched or thread.group.frozen


def before_return(thread: Thread, from_call: bool) -> None:
    """Do what has to be done before `thread` goes on in ring 3; interrupts are off when that may happen."""
    while True:
        enable_interrupts()
        if this_cpu().need_resched:
            if PRESSURE.limit_hit or thread.shared_time.is_look_due or not DYING.contents.is_empty:
                do_duties(thread)
            end_turn()
        else:
            KERNEL_LOCK.enter()
            if thread.killed:
                exit_thread(0)
            if thread.group.frozen:
                sleep_while_frozen(thread)
            elif thread.interrupted:
                take_signals(thread, from_call)
            KERNEL_LOCK.leave()
        disable_interrupts()
        if not is_delayed(thread):
            return


def do_duties(thread: Thread) -> None:
    """Tell of limits that were hit, look what is to happen at a moment of the processor time of `thread`, and give back
    what is left of large files.
    """
    KERNEL_LOCK.enter()
    if PRESSURE.limit_hit:
        thread.process.container.tell_limits()
    if thread.shared_time.is_look_due:
        look(thread)
    release_dying()
    KERNEL_LOCK.leave()


def take_signals(thread: Thread, from_call: bool) -> None:
    """Take signals until a handler is to run, or none is left."""
    thread.interrupted = False
    wants_restart = from_call and restart.is_interrupted(thread)
    if from_call and thread.restore_signal_mask and thread.frame.rax != restart.MINUS_EINTR:
        # The call had what it waited for: what its mask let through waits for a mask that does.
        thread.restore_signal_mask = False
        thread.signal_mask = thread.saved_signal_mask
    info = local(SignalInfo)
    while not thread.killed:
        job_control.sleep_while_stopped(thread)
        if not take_signal(thread, invert(u64, thread.signal_mask), info):
            break
        signal = info.signal
        tell_of_signal(thread, info)
        action = thread.process.signals.action(signal)
        if thread.process.signals.has_handler(signal):
            if wants_restart:
                restart.restart_after_handler(thread, action)
            run_handler(thread, info, False)
            thread.interrupted = has_signal(thread)
            return
        if action.handler == DEFAULT:
            act_by_default(thread, signal)
    if thread.killed:
        thread.interrupted = True  # which a stop before has cleared; it is what the way to ring 3 looks at
        return
    if thread.restore_signal_mask:
        thread.restore_signal_mask = False
        thread.signal_mask = thread.saved_signal_mask
        thread.interrupted = has_signal(thread)
    if wants_restart:
        restart.restart(thread)


def has_signal(thread: Thread) -> bool:
    """Whether a signal that is not blocked is pending, SIGKILL included."""
    if thread.killed:
        return True
    pending = thread.pending_signals | thread.process.signals.pending
    return pending & invert(u64, thread.signal_mask) != 0


def is_doomed(thread: Thread) -> bool:
    """Whether `thread` is to end: it was told to, or a signal is pending whose default action ends its process."""
    if thread.killed:
        return True
    if thread.process.container.init is thread.process:
        return False
    pending = (thread.pending_signals | thread.process.signals.pending) & invert(u64, thread.signal_mask)
    pending = pending & invert(u64, IGNORED_BY_DEFAULT | STOPPING_BY_DEFAULT)
    while pending != 0:
        signal = u32(count_trailing_zeros(u64, pending)) + 1
        if thread.process.signals.action(signal).handler == DEFAULT:
            return True
        pending = pending & invert(u64, bit_of(signal))
    return False


def take_signal(thread: Thread, wanted: u64, info: SignalInfo) -> bool:
    """Take a pending signal in the set `wanted`, with what came with it; whether there was one.

    As on Linux: those sent to the thread itself come first, and of each kind the lowest.
    """
    process = thread.process
    own = thread.pending_signals & wanted
    waiting = own if own != 0 else process.signals.pending & wanted
    if waiting == 0:
        return False
    info.signal = u32(count_trailing_zeros(u64, waiting)) + 1
    bit = bit_of(info.signal)
    if own != 0:
        if not take(thread.signal_queue, info):
            thread.pending_signals = thread.pending_signals & invert(u64, bit)
        return True
    if not take(process.signals.queue, info):
        process.signals.take_pending(bit)
    if info.signal == u32(Signal.ALARM):
        timers.resume_real(process)
    return True


def act_by_default(thread: Thread, signal: u32) -> None:
    """SIG_DFL: "Term" and "Core" end the process, "Ign" is nothing; "Stop" stops it until SIGCONT."""
    bit = bit_of(signal)
    if bit & IGNORED_BY_DEFAULT != 0:
        return
    if thread.process.container.init is thread.process:
        # The first process gets only what it handles (pid_namespaces(7)); SIGKILL from outside does not come here.
        return
    if bit & STOPPING_BY_DEFAULT != 0:
        if signal == u32(Signal.STOP) or not job_control.is_orphaned(thread.process, None):
            job_control.stop(thread.process, signal)
        return
    exit_process(status_of_signal(signal))


def run_handler(thread: Thread, info: SignalInfo, is_fault: bool) -> None:
    """Let the program's handler run next. Where there is no room for its frame, that is a SIGSEGV in its place."""
    try:
        begin_handler(thread, info, is_fault)
    except EFAULT:
        if info.signal != u32(Signal.SEGMENTATION):
            fault_again(thread, info)
        else:
            exit_process(status_of_signal(u32(Signal.SEGMENTATION)))


def begin_handler(thread: Thread, info: SignalInfo, is_fault: bool) -> Fallible[None]:
    """Push the frame of a handler, and block what it blocks. EFAULT: then the thread is as it was."""
    action = local(SignalAction)
    thread.process.signals.begin_action(info.signal, action)
    mask_before = thread.saved_signal_mask if thread.restore_signal_mask else thread.signal_mask
    push_frame(thread, action, info, mask_before, is_fault)
    thread.restore_signal_mask = False
    mask = thread.signal_mask | action.mask
    if action.flags & u64(ActionFlags.NO_DEFER) == 0:
        mask = mask | bit_of(info.signal)
    thread.signal_mask = mask & invert(u64, UNBLOCKABLE)
    retarget(thread.process)


def fault_again(thread: Thread, info: SignalInfo) -> None:
    """The frame of another signal did not fit: SIGSEGV, whose handler may have another stack, or the end."""
    info.forget()
    info.signal = u32(Signal.SEGMENTATION)
    info.code = SI_KERNEL
    if may_handle(thread, info.signal):
        try:
            begin_handler(thread, info, False)
            return
        except EFAULT:
            pass
    exit_process(status_of_signal(info.signal))


def may_handle(thread: Thread, signal: u32) -> bool:
    """Whether a handler gets a signal that cannot wait."""
    return thread.process.signals.has_handler(signal) and thread.signal_mask & bit_of(signal) == 0


def fault(thread: Thread, signal: u32, code: u32, address: u64) -> None:
    """The program did what the processor does not allow: its handler runs, unless it blocks the signal, or it ends."""
    if may_handle(thread, signal):
        info = local(SignalInfo)
        info.signal = signal
        info.code = i32(code)
        info.word = address
        run_handler(thread, info, True)
    else:
        exit_process(status_of_signal(signal))
