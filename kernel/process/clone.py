"""New processes and threads out of running ones (clone(2), fork(2), vfork(2))."""

from __future__ import annotations

from enum import IntFlag

from codegen.lang import (
    Fallible,
    Pid,
    UserAddr,
    address_of,
    copy,
    deferred,
    i32,
    on_error,
    size_of,
    slice_at,
    struct,
    u8,
    u32,
    u64,
    width,
)
from kernel.base.errno import EAGAIN, EFAULT, EINVAL
from kernel.files.capability import Capability
from kernel.files.table import FileTable
from kernel.machine.layout import USER_END
from kernel.machine.trap import TrapFrame
from kernel.memory import user
from kernel.memory.space import AddressSpace
from kernel.process import alternate_stack
from kernel.process.changes import drop_space, duplicate_space
from kernel.process.deliver import has_signal, is_doomed
from kernel.process.limits import Resource
from kernel.process.pidfd import attach, open_handle
from kernel.process.process import Process, make_process
from kernel.process.start import create_user_thread
from kernel.sched import switch
from kernel.sched.scheduler import start
from kernel.sched.thread import Thread
from kernel.sched.timer import NEVER


@width(u64)
class CloneFlags(IntFlag):
    """CLONE_* (clone(2)); the low byte of clone's argument is the exit signal."""

    NONE = 0
    MEMORY = 0x100
    FILE_SYSTEM = 0x200
    FILES = 0x400
    SIGNAL_HANDLERS = 0x800
    PIDFD = 0x1000
    TRACE = 0x2000
    VFORK = 0x4000
    PARENT = 0x8000
    THREAD = 0x1_0000
    NEW_MOUNTS = 0x2_0000
    SEMAPHORES = 0x4_0000
    SET_TLS = 0x8_0000
    PARENT_SET_ID = 0x10_0000
    CHILD_CLEAR_ID = 0x20_0000
    DETACHED = 0x40_0000
    UNTRACED = 0x80_0000
    CHILD_SET_ID = 0x100_0000
    NEW_CGROUP = 0x200_0000
    NEW_HOST_NAME = 0x400_0000
    NEW_IPC = 0x800_0000
    NEW_USERS = 0x1000_0000
    NEW_PIDS = 0x2000_0000
    NEW_NETWORK = 0x4000_0000
    IO = 0x8000_0000
    CLEAR_HANDLERS = 0x1_0000_0000


NEW_NAMESPACES: u64 = 0x7E02_0000
"""Namespaces are fields of the container: a part of them is not had (EINVAL, as of a kernel without them)."""
THREAD_NEEDS: u64 = 0x900
"""A thread shares memory and signal handlers (EINVAL otherwise)."""


@struct
class CloneRequest:
    """What clone(2) is asked for."""

    flags: u64 = 0
    exit_signal: u32 = 0
    stack: UserAddr = UserAddr(0)
    parent_id: UserAddr = UserAddr(0)
    child_id: UserAddr = UserAddr(0)
    thread_pointer: u64 = 0
    pidfd: UserAddr = UserAddr(0)
    """CLONE_PIDFD: where to write the descriptor of the new process."""
    number: Pid = Pid(0)
    """The number that the child is to have, which was reserved; 0: the next one."""

    def has(self, flag: CloneFlags) -> bool:
        """Whether `flag` is set."""
        return self.flags & u64(flag) != 0


def clone(task: Thread, request: CloneRequest) -> Fallible[Pid]:
    """A new thread, in this process or in a new one; returns its number. EINVAL, EAGAIN, ENOMEM, EFAULT, EMFILE."""
    check(task, request)
    check_count(task.process)
    if request.has(CloneFlags.THREAD):
        child = add_thread(task, request)
    elif request.has(CloneFlags.PIDFD):
        child = fork_with_handle(task, request)
    else:
        child = fork_process(task, request)
    set_up(task, child, request)
    number = child.id
    if request.has(CloneFlags.PARENT_SET_ID):
        write_number(request.parent_id, number)
    process = child.process
    if request.has(CloneFlags.VFORK) and process is not task.process:
        process.lender = task
        task.lends_space = True
    start(child)
    if task.lends_space:
        await_return(task, process)
    return number


def check(task: Thread, request: CloneRequest) -> Fallible[None]:
    """EINVAL for what does not go together (clone(2), "Errors")."""
    if request.flags & NEW_NAMESPACES != 0 or request.exit_signal > 64:
        raise EINVAL
    if request.has(CloneFlags.SIGNAL_HANDLERS):
        if not request.has(CloneFlags.MEMORY) or request.has(CloneFlags.CLEAR_HANDLERS):
            raise EINVAL
    if request.has(CloneFlags.THREAD) and request.flags & THREAD_NEEDS != THREAD_NEEDS:
        raise EINVAL
    if request.has(CloneFlags.PIDFD) and (request.has(CloneFlags.THREAD) or request.has(CloneFlags.DETACHED)):
        raise EINVAL
    if request.has(CloneFlags.PARENT) and task.process.container.init is task.process:
        raise EINVAL
    if request.has(CloneFlags.SET_TLS) and request.thread_pointer >= USER_END:
        raise EINVAL


def check_count(process: Process) -> Fallible[None]:
    """EAGAIN when the user of `process` has as many threads in the container as it may (RLIMIT_NPROC, getrlimit(2))."""
    mine = process.credentials
    if process.owner.threads < process.settings.limits.soft_of(Resource.PROCESSES) or mine.real_user == 0:
        return
    if not (mine.has(Capability.SYS_RESOURCE) or mine.has(Capability.SYS_ADMIN)):
        raise EAGAIN


def fork_with_handle(task: Thread, request: CloneRequest) -> Fallible[Thread]:
    """`fork_process`, with a descriptor for the new process written to where CLONE_PIDFD wants it."""
    container = task.process.container
    files = task.process.files
    file = open_handle(container.files)
    with deferred(file.drop):
        fd = files.install(file, True)
        with on_error(files.close_if_open, fd):
            user.put(i32, request.pidfd, i32(fd))
            child = fork_process(task, request)
        attach(file, child.process)
        return child


def add_thread(task: Thread, request: CloneRequest) -> Fallible[Thread]:
    """A further thread of the process of `task`, charged like a process."""
    process = task.process
    container = process.container
    container.check_alive()
    if process.exiting:
        raise EAGAIN
    process.charge_thread()
    with on_error(process.return_thread):
        number = request.number if request.number != Pid(0) else container.numbers.take()
        thread = create_user_thread(process)
    container.numbers.add_thread(thread, number)
    thread.interrupted = process.stopped
    return thread


def fork_process(task: Thread, request: CloneRequest) -> Fallible[Thread]:
    """A child process with one thread. Its memory is a copy, or the parent's with CLONE_VM."""
    parent = task.process
    process = make_process(parent.container, parent)
    with on_error(process.discard):
        process.files = share_files(parent, request)
        with on_error(process.files.drop):
            process.space = share_space(task, request)
            with on_error(drop_space, process.space):
                thread = create_user_thread(process)
                with on_error(switch.free_thread, thread):
                    share_tables(parent, process, request)
                    with on_error(drop_tables, process):
                        publish(parent, process, request)
    # From here on nothing fails, and nothing sleeps before the child is whole.
    copy_process(parent, process)
    copy(process.name[:], task.name[:])
    if process.settings.limits.has_processor_time:
        process.processor_limit.begin(process)
    process.exit_signal = parent.exit_signal if request.has(CloneFlags.PARENT) else request.exit_signal
    if request.has(CloneFlags.CLEAR_HANDLERS):
        process.signals.reset_for_exec()
    process.container.numbers.add_thread(thread, process.pid)
    hold_places(process)
    return thread


def publish(parent: Process, process: Process, request: CloneRequest) -> Fallible[None]:
    """Let others see the child, whose parent may have a reason not to have one any more. EAGAIN, EEXIST."""
    if parent.exiting:
        raise EAGAIN
    above = parent.parent
    process.publish(above if request.has(CloneFlags.PARENT) and above is not None else parent, parent, request.number)


def share_space(task: Thread, request: CloneRequest) -> Fallible[AddressSpace]:
    """The memory of a new process: a copy, or with CLONE_VM that of the parent. ENOMEM."""
    space = task.process.space
    if request.has(CloneFlags.MEMORY):
        space.hold()
        return space
    return duplicate_space(space, task.frame.rsp)


def share_tables(parent: Process, process: Process, request: CloneRequest) -> Fallible[None]:
    """Let a new process have the directories and signal handlers of its parent, or copies. ENOMEM."""
    heap = parent.container.account.heap
    if request.has(CloneFlags.FILE_SYSTEM):
        parent.paths = parent.paths.shared(heap)
        process.paths = parent.paths
        process.paths.references += 1
    else:
        process.paths.copy_from(parent.paths)
    with on_error(process.paths.drop):
        if request.has(CloneFlags.SIGNAL_HANDLERS):
            parent.signals.share_with(process.signals, heap)
        else:
            process.signals.copy_from(parent.signals)


def drop_tables(process: Process) -> None:
    """Undo `share_tables`."""
    process.paths.drop()
    process.signals.drop_table()


def share_files(parent: Process, request: CloneRequest) -> Fallible[FileTable]:
    """The descriptors of a new process: a copy, or with CLONE_FILES those of the parent. ENOMEM."""
    if request.has(CloneFlags.FILES):
        parent.files.hold()
        return parent.files
    return parent.files.duplicate(parent.container.account)


def copy_process(parent: Process, process: Process) -> None:
    """What a child has from its parent and what cannot fail (fork(2))."""
    process.has_given_terminal_up = parent.has_given_terminal_up
    process.settings.inherit(parent.settings)
    process.credentials.copy_from(parent.credentials)
    process.executable = parent.executable


def hold_places(process: Process) -> None:
    """Hold what `copy_process` took over."""
    executable = process.executable
    if executable is not None:
        executable.hold()


def set_up(task: Thread, child: Thread, request: CloneRequest) -> None:
    """Give the child's thread the registers of `task`, but for a result of 0 and what was asked for."""
    frame = child.frame
    size = size_of(TrapFrame)
    copy(slice_at(u8, address_of(frame), size), slice_at(u8, address_of(task.frame), size))
    frame.rax = 0
    frame.return_fully()
    if u64(request.stack) != 0:
        frame.rsp = u64(request.stack)
    child.fs_base = request.thread_pointer if request.has(CloneFlags.SET_TLS) else task.fs_base
    child.signal_mask = task.signal_mask
    if request.has(CloneFlags.MEMORY) and not request.has(CloneFlags.VFORK):
        alternate_stack.forget(child)
    else:
        alternate_stack.inherit(child, task)
    child.policy.inherit(task.policy)
    copy(child.name[:], task.name[:])
    if request.has(CloneFlags.CHILD_CLEAR_ID):
        child.clear_child_tid = request.child_id
    if request.has(CloneFlags.CHILD_SET_ID):
        child.set_child_tid = request.child_id
    switch.keep_fpu(task)
    source = task.fpu_area
    target = child.fpu_area
    if source is not None and target is not None:
        copy(target.bytes(), source.bytes())
    switch.prepare_user(child)


def write_number(address: UserAddr, number: Pid) -> None:
    """CLONE_PARENT_SETTID: a bad address is not an error, as in Linux."""
    try:
        user.put(u32, address, u32(number))
    except EFAULT:
        return


def await_return(task: Thread, child: Process) -> None:
    """vfork(2): wait until the child runs another program or has ended. Only what ends the process cuts that short."""
    returned = task.process.returned
    while task.lends_space and not is_doomed(task):
        seen = returned.observe()
        task.interrupted = False
        returned.wait(seen, NEVER, True)
    if task.lends_space:
        child.lender = None
        task.lends_space = False
    task.interrupted = has_signal(task)
