"""Signals with what comes with them: sigqueue(3), sigtimedwait(2), signalfd(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    Nanoseconds,
    Pid,
    UserAddr,
    UserSlice,
    deferred,
    i32,
    invert,
    local,
    local_array,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EAGAIN, EINTR, EINVAL, EPERM, ESRCH
from kernel.files.poll import SIGNAL_SOURCE, observe, readiness_changed, wait_for_change
from kernel.memory import user
from kernel.process.deliver import has_signal, take_signal
from kernel.process.ending import kill_process
from kernel.process.send import is_protected, send_information, send_information_to_thread
from kernel.process.signal_queue import SI_TKILL, SignalInfo
from kernel.process.signal_table import SIGNALS, UNBLOCKABLE, Signal
from kernel.process.signalfd import SignalFile, open_signals
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER, after
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_epoll import CLOSE_ON_EXEC, NONBLOCK, install_new
from kernel.syscalls.files_support import advance
from kernel.syscalls.signals import SET_SIZE, may_signal
from kernel.syscalls.threads import thread_of
from kernel.syscalls.time import get_timespec

INFORMATION_SIZE: u64 = 128
"""sizeof(siginfo_t)."""


@syscall(128)
def rt_sigtimedwait(task: Thread, wanted: UserAddr, out: UserAddr, time: UserAddr, size: u64) -> Fallible[u32]:
    """sigtimedwait(2)."""
    if size != SET_SIZE:
        raise EINVAL
    signals = user.get(u64, wanted) & invert(u64, UNBLOCKABLE)
    deadline = NEVER if u64(time) == 0 else after(get_timespec(time))
    info = local(SignalInfo)
    mask = task.signal_mask
    # As long as it waits, none of them is handled, nor dropped because it is ignored.
    task.signal_mask = mask | signals
    with deferred(set_mask, task, mask):
        await_one(task, signals, deadline, info)
    if u64(out) != 0:
        information = local_array(u8, INFORMATION_SIZE)
        info.put(information)
        user.copy_out(UserSlice(out, INFORMATION_SIZE), information)
    return info.signal


def set_mask(task: Thread, mask: u64) -> None:
    """Let the signal mask be `mask`, and take what that lets through."""
    task.signal_mask = mask
    if has_signal(task):
        task.interrupted = True


def await_one(task: Thread, signals: u64, deadline: Nanoseconds, info: SignalInfo) -> Fallible[None]:
    """Take a signal in a set that is blocked, when it comes. EAGAIN at the deadline; EINTR for another signal."""
    while True:
        seen = observe()
        if take_signal(task, signals, info):
            return
        if has_signal(task):
            raise EINTR
        task.interrupted = task.killed
        if not wait_for_change(seen, deadline, SIGNAL_SOURCE):
            raise EAGAIN


def take_information(source: UserAddr, signal: u32, info: SignalInfo) -> Fallible[None]:
    """Read a siginfo_t of the program; the number is that of the call. EFAULT, EINVAL."""
    info.signal = signal
    info.code = user.get(i32, advance(source, 8))
    info.word = user.get(u64, advance(source, 16))
    info.value = user.get(u64, advance(source, 24))
    if signal > SIGNALS:
        raise EINVAL


def check_claim(task: Thread, pid: i32, info: SignalInfo) -> Fallible[None]:
    """EPERM for who would pretend to another process that the kernel or tgkill(2) sent it."""
    if pid != i32(task.process.pid) and (info.code >= 0 or info.code == SI_TKILL):
        raise EPERM


@syscall(129, missing="only the first 32 bytes of the siginfo_t are passed on")
def rt_sigqueueinfo(task: Thread, pid: i32, signal: u32, information: UserAddr) -> Fallible[None]:
    """sigqueue(3) as the kernel has it (rt_sigqueueinfo(2)). EAGAIN when there is no room for it."""
    info = local(SignalInfo)
    take_information(information, signal, info)
    check_claim(task, pid, info)
    if pid <= 0:
        raise ESRCH
    process = task.process.container.numbers.process_of(Pid(pid))
    if not may_signal(task, process):
        raise EPERM
    if signal == u32(Signal.KILL):
        if not is_protected(process, signal):
            kill_process(process, signal)
    elif signal != 0:
        send_information(process, info)
        if info.lost:
            raise EAGAIN


@syscall(297, missing="as rt_sigqueueinfo")
def rt_tgsigqueueinfo(task: Thread, pid: i32, thread_id: i32, signal: u32, information: UserAddr) -> Fallible[None]:
    """rt_tgsigqueueinfo(2). EAGAIN when there is no room for it."""
    info = local(SignalInfo)
    take_information(information, signal, info)
    if pid <= 0 or thread_id <= 0:
        raise EINVAL
    check_claim(task, pid, info)
    thread = thread_of(task, thread_id)
    if thread.process.pid != Pid(pid):
        raise ESRCH
    if not may_signal(task, thread.process):
        raise EPERM
    if signal == u32(Signal.KILL):
        if not is_protected(thread.process, signal):
            kill_process(thread.process, signal)
    elif signal != 0:
        send_information_to_thread(thread, info)
        if info.lost:
            raise EAGAIN


@syscall(282)
def signalfd(task: Thread, fd: Fd, mask: UserAddr, size: u64) -> Fallible[Fd]:
    """signalfd(2)."""
    return signalfd4(task, fd, mask, size, 0)


@syscall(289)
def signalfd4(task: Thread, fd: Fd, mask: UserAddr, size: u64, flags: u32) -> Fallible[Fd]:
    """signalfd(2), the call that takes flags. With a descriptor of a signal file, that gets the new mask."""
    if size != SET_SIZE or flags & (CLOSE_ON_EXEC | NONBLOCK) != flags:
        raise EINVAL
    signals = user.get(u64, mask) & invert(u64, UNBLOCKABLE)
    if i32(fd) == -1:
        return install_new(task, open_signals(task.process.container.files, signals, flags & NONBLOCK != 0), flags)
    ops = task.process.files.get(fd).ops
    if not isinstance(ops, SignalFile):
        raise EINVAL
    ops.mask = signals
    readiness_changed(SIGNAL_SOURCE)
    return fd
