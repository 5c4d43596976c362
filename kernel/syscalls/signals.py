"""Signals: sigaction(2), sigprocmask(2), kill(2), tgkill(2), sigsuspend(2), sigaltstack(2), pause(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Pid, UserAddr, i32, i64, invert, local, u32, u64
from kernel.base.errno import EAGAIN, EFAULT, EINTR, EINVAL, EPERM, ESRCH
from kernel.files.capability import Capability
from kernel.memory import user
from kernel.process import alternate_stack
from kernel.process.deliver import fault, has_signal
from kernel.process.ending import kill_process
from kernel.process.process import Process
from kernel.process.send import (
    drop_pending,
    is_protected,
    retarget,
    send_information,
    send_information_to_thread,
)
from kernel.process.signal_frame import pop_frame
from kernel.process.signal_queue import SI_KERNEL, SI_TKILL, SI_USER, SignalInfo
from kernel.process.signal_table import SIGNALS, UNBLOCKABLE, Signal, bit_of
from kernel.process.timers import hear_again
from kernel.sched.preemption import give_way, preemption_point
from kernel.sched.thread import Thread
from kernel.sched.wait import WaitQueue
from kernel.syscalls.declare import syscall

SET_SIZE: u64 = 8
"""sizeof(sigset_t) of the kernel."""
KNOWN_ACTION_FLAGS: u64 = 0xDC00_0807
"""Others are not kept, by which programs find out what there is (sigaction(2), SA_UNSUPPORTED)."""
STEP: u64 = 64
"""How many processes kill(2) looks at before others may run."""
SIG_BLOCK: u32 = 0
SIG_UNBLOCK: u32 = 1
SIG_SETMASK: u32 = 2

FOREVER = WaitQueue()
"""Nobody wakes it: who sleeps here waits for a signal."""


@syscall(13)
def rt_sigaction(task: Thread, signal: u32, new: UserAddr, old: UserAddr, size: u64) -> Fallible[None]:
    """sigaction(2)."""
    if size != SET_SIZE or signal == 0 or signal > SIGNALS:
        raise EINVAL
    if u64(new) != 0 and UNBLOCKABLE & bit_of(signal) != 0:
        raise EINVAL
    action = task.process.signals.action(signal)
    handler = action.handler
    flags = action.flags
    restorer = action.restorer
    mask = action.mask
    if u64(new) != 0:
        new_handler = UserAddr(user.get(u64, new))
        new_flags = user.get(u64, UserAddr(new + 8)) & KNOWN_ACTION_FLAGS
        new_restorer = UserAddr(user.get(u64, UserAddr(new + 16)))
        new_mask = user.get(u64, UserAddr(new + 24))
        allowed = new_mask & invert(u64, UNBLOCKABLE)
        task.process.signals.set_action(signal, new_handler, new_flags, new_restorer, allowed)
        if not task.process.signals.is_ignored(signal):
            hear_again(task.process, signal)
        elif not drop_pending(task.process, bit_of(signal)):
            drop_rest(task.process, signal)
    if u64(old) != 0:
        user.put(u64, old, u64(handler))
        user.put(u64, UserAddr(old + 8), flags)
        user.put(u64, UserAddr(old + 16), u64(restorer))
        user.put(u64, UserAddr(old + 24), mask)


def drop_rest(process: Process, signal: u32) -> None:
    """Drop the rest of many entries of a signal that is ignored now; others run meanwhile."""
    give_way()
    while process.signals.is_ignored(signal) and not drop_pending(process, bit_of(signal)):
        give_way()


@syscall(14)
def rt_sigprocmask(task: Thread, how: u32, new: UserAddr, old: UserAddr, size: u64) -> Fallible[None]:
    """sigprocmask(2)."""
    if size != SET_SIZE:
        raise EINVAL
    before = task.signal_mask
    if u64(new) != 0:
        wanted = user.get(u64, new) & invert(u64, UNBLOCKABLE)
        if how == SIG_BLOCK:
            task.signal_mask = before | wanted
        elif how == SIG_UNBLOCK:
            task.signal_mask = before & invert(u64, wanted)
        elif how == SIG_SETMASK:
            task.signal_mask = wanted
        else:
            raise EINVAL
        if has_signal(task):
            task.interrupted = True
        retarget(task.process)
    if u64(old) != 0:
        user.put(u64, old, before)


@syscall(127)
def rt_sigpending(task: Thread, out: UserAddr, size: u64) -> Fallible[None]:
    """sigpending(2)."""
    if size > SET_SIZE:
        raise EINVAL
    user.put(u64, out, (task.pending_signals | task.process.signals.pending) & task.signal_mask)


@syscall(130)
def rt_sigsuspend(task: Thread, mask: UserAddr, size: u64) -> Fallible[None]:
    """sigsuspend(2)."""
    if size != SET_SIZE:
        raise EINVAL
    wanted = user.get(u64, mask) & invert(u64, UNBLOCKABLE)
    task.saved_signal_mask = task.signal_mask
    task.restore_signal_mask = True
    task.signal_mask = wanted
    retarget(task.process)
    await_signal(task)


@syscall(34)
def pause(task: Thread) -> Fallible[None]:
    """pause(2)."""
    await_signal(task)


def await_signal(task: Thread) -> Fallible[None]:
    """Sleep until a signal is to be taken; always ends with EINTR."""
    while not has_signal(task):
        task.interrupted = task.killed
        FOREVER.sleep(FOREVER.observe())
    task.interrupted = True
    raise EINTR


@syscall(15)
def rt_sigreturn(task: Thread) -> u64:
    """sigreturn(2): the way back out of a handler. What is no frame is a fault of the program (SIGSEGV)."""
    try:
        pop_frame(task)
    except EFAULT:
        fault(task, u32(Signal.SEGMENTATION), u32(SI_KERNEL), 0)
    if has_signal(task):
        task.interrupted = True
    return task.frame.rax


@syscall(131)
def sigaltstack(task: Thread, new: UserAddr, old: UserAddr) -> Fallible[None]:
    """sigaltstack(2)."""
    pointer = task.frame.rsp
    stack = task.alternate_stack
    size = task.alternate_stack_size
    state = alternate_stack.state_of(task, pointer) | task.alternate_stack_flags & alternate_stack.SS_AUTODISARM
    if u64(new) != 0:
        base = UserAddr(user.get(u64, new))
        flags = user.get(u32, UserAddr(new + 8))
        new_size = user.get(u64, UserAddr(new + 16))
        alternate_stack.change(task, pointer, base, flags, new_size)
    if u64(old) != 0:
        user.put(u64, old, u64(stack))
        user.put(u64, UserAddr(old + 8), u64(state))
        user.put(u64, UserAddr(old + 16), size)


def may_signal(task: Thread, target: Process) -> bool:
    """kill(2): one of the sender's users is one of the target's, or CAP_KILL."""
    sender = task.process.credentials
    receiver = target.credentials
    return (
        sender.real_user == receiver.real_user
        or sender.real_user == receiver.saved_user
        or sender.effective_user == receiver.real_user
        or sender.effective_user == receiver.saved_user
        or sender.has(Capability.KILL)
    )


def information_of(task: Thread, signal: u32, code: i32, info: SignalInfo) -> None:
    """What comes with a signal that `task` sends."""
    info.signal = signal
    info.code = code
    info.come_from(u32(task.process.pid), task.process.credentials.real_user)


def send(task: Thread, process: Process, signal: u32) -> None:
    """Send `signal` from inside the container; SIGKILL ends the process at once, 0 only asks."""
    if signal == u32(Signal.KILL):
        if not is_protected(process, signal):
            kill_process(process, signal)
    elif signal != 0:
        info = local(SignalInfo)
        information_of(task, signal, SI_USER, info)
        send_information(process, info)


@syscall(62)
def kill(task: Thread, pid: i32, signal: u32) -> Fallible[None]:
    """kill(2): a process, a process group, or (-1) all of the container but the first and the caller's."""
    if signal > SIGNALS:
        raise EINVAL
    if pid > 0:
        process = task.process.container.numbers.process_of(Pid(pid))
        if not may_signal(task, process):
            raise EPERM
        send(task, process, signal)
        return
    container = task.process.container
    found = False
    allowed = False
    steps: u64 = 0
    target = container.numbers.processes.first
    while target is not None:
        cursor = u64(target.pid) + 1
        if is_meant(task, target, pid):
            found = True
            if may_signal(task, target):
                allowed = True
                send(task, target, signal)
        steps += 1
        if steps % STEP == 0:
            preemption_point()
        target = container.numbers.processes.at_or_above(cursor)
    if not found:
        raise ESRCH
    if not allowed:
        raise EPERM


def is_meant(task: Thread, process: Process, pid: i32) -> bool:
    """Whether kill's `pid`, which is not positive, means `process`."""
    if pid == -1:
        return process.pid != Pid(1) and process is not task.process
    if pid == 0:
        return process.group_id == task.process.group_id
    return i64(process.group_id) == -i64(pid)


@syscall(234)
def tgkill(task: Thread, process_id: i32, thread_id: i32, signal: u32) -> Fallible[None]:
    """tgkill(2)."""
    if signal > SIGNALS or process_id <= 0 or thread_id <= 0:
        raise EINVAL
    thread = task.process.container.numbers.thread(Pid(thread_id))
    if thread.process.pid != Pid(process_id):
        raise ESRCH
    send_to_one(task, thread, signal)


@syscall(200)
def tkill(task: Thread, thread_id: i32, signal: u32) -> Fallible[None]:
    """tkill(2)."""
    if signal > SIGNALS or thread_id <= 0:
        raise EINVAL
    send_to_one(task, task.process.container.numbers.thread(Pid(thread_id)), signal)


def send_to_one(task: Thread, thread: Thread, signal: u32) -> Fallible[None]:
    """Send `signal` to one thread. EPERM; EAGAIN when there is no room for a real-time signal."""
    if not may_signal(task, thread.process):
        raise EPERM
    if signal == u32(Signal.KILL):
        send(task, thread.process, signal)
    elif signal != 0:
        info = local(SignalInfo)
        information_of(task, signal, SI_TKILL, info)
        send_information_to_thread(thread, info)
        if info.lost:
            raise EAGAIN
