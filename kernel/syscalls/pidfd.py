"""Processes by descriptor: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, Pid, UserAddr, deferred, i32, local, struct, u32, u64
from kernel.base.errno import EAGAIN, EBADF, EINVAL, EPERM, ESRCH
from kernel.memory import user
from kernel.process.access import LookAs, may_look_into
from kernel.process.ending import kill_process
from kernel.process.pidfd import ProcessHandle, open_process
from kernel.process.process import Process
from kernel.process.send import is_protected, send_information
from kernel.process.signal_queue import SI_TKILL, SI_USER, SignalInfo
from kernel.process.signal_table import SIGNALS, Signal
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_epoll import NONBLOCK
from kernel.syscalls.signals import information_of, may_signal
from kernel.syscalls.signals_queued import take_information
from kernel.syscalls.threads import thread_of
from kernel.views.proc import PROCESSES
from kernel.views.subject import process_of


def handle_behind(task: Thread, fd: Fd) -> Fallible[ProcessHandle]:
    """The handle that `fd` refers to. EBADF for any other file."""
    ops = task.process.files.get(fd).ops
    if isinstance(ops, ProcessHandle):
        return ops
    raise EBADF


@syscall(434)
def pidfd_open(task: Thread, pid: i32, flags: u32) -> Fallible[Fd]:
    """pidfd_open(2)."""
    if flags & NONBLOCK != flags or pid <= 0:
        raise EINVAL
    process = thread_leader(task, pid)
    file = open_process(task.process.container.files, process, False, flags != 0)
    with deferred(file.drop):
        return task.process.files.install(file, True)


def thread_leader(task: Thread, pid: i32) -> Fallible[Process]:
    """The process `pid`. ESRCH; EINVAL for the number of a thread that is none."""
    try:
        return task.process.container.numbers.process(Pid(pid))
    except ESRCH:
        thread_of(task, pid)
        raise EINVAL from None


@struct
class Target:
    """What a descriptor says of a process that is to be signalled."""

    process: Process | None = None
    is_from_outside: bool = False
    """The caller ran it in a container of its own, where it has no number itself."""

    def find(self, task: Thread, fd: Fd) -> Fallible[None]:
        """What `fd` stands for: a handle, or the directory /proc/PID. EBADF for any other file."""
        file = task.process.files.get(fd)
        ops = file.ops
        if isinstance(ops, ProcessHandle):
            self.process = ops.process
            self.is_from_outside = ops.may_wait
            return
        inode = file.inode
        if inode is None or file.is_path_only or inode.subject is None or not inode.described.is_directory:
            raise EBADF
        origin = inode.origin
        if origin is None:
            return  # a directory of a process that is no more
        if origin is not PROCESSES.template:
            raise EBADF
        try:
            self.process = process_of(inode)
        except ESRCH:
            self.process = None


@syscall(424)
def pidfd_send_signal(task: Thread, fd: Fd, signal: u32, information: UserAddr, flags: u32) -> Fallible[None]:
    """pidfd_send_signal(2): who ran a process in a container may signal it, too; /proc/PID stands for a process."""
    if flags != 0:
        raise EINVAL
    target = local(Target)
    target.find(task, fd)
    info = local(SignalInfo)
    if u64(information) != 0:
        take_information(information, user.get(u32, information), info)
        if info.signal != signal:
            raise EINVAL
        # The copy may have slept: who the descriptor stands for is looked up again.
        target.find(task, fd)
        if (info.code >= 0 or info.code == SI_TKILL) and target.process is not task.process:
            raise EPERM
    else:
        information_of(task, signal, SI_USER, info)
        if target.is_from_outside:
            info.come_from(0, 0)  # from outside of the container: nobody that has a number there
    if signal > SIGNALS:
        raise EINVAL
    process = target.process
    if process is None or process.is_zombie:
        raise ESRCH
    if not target.is_from_outside and not may_signal(task, process):
        raise EPERM
    if signal == u32(Signal.KILL):
        if target.is_from_outside or not is_protected(process, signal):
            kill_process(process, signal)
    elif signal != 0:
        send_information(process, info)
        if info.lost:
            raise EAGAIN


@syscall(438)
def pidfd_getfd(task: Thread, fd: Fd, wanted: Fd, flags: u32) -> Fallible[Fd]:
    """pidfd_getfd(2): from processes of the container; of others' EPERM."""
    if flags != 0:
        raise EINVAL
    process = handle_behind(task, fd).process
    if process is None or process.is_zombie:
        raise ESRCH
    if process.container is not task.process.container or not may_look_into(process, LookAs.REAL):
        raise EPERM
    return task.process.files.install(process.files.get(wanted), True)
