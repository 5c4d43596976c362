"""Processes: execve(2), execveat(2), clone(2), fork(2), wait4(2), waitid(2), _exit(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    MutableSlice,
    Pid,
    Slice,
    UserAddr,
    UserSlice,
    address_of,
    deferred,
    i32,
    i64,
    invert,
    local,
    local_array,
    size_of,
    slice_at,
    store,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import E2BIG, EACCES, EAGAIN, EBADF, ECHILD, EINVAL, ELOOP, EPERM, ESRCH
from kernel.base.writer import Writer
from kernel.files.capability import Capability
from kernel.files.flags import AT_FDCWD, PATH_MAX, AtFlags, Resolve
from kernel.files.path import SLASH, Lookup
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import user
from kernel.process import clone as cloning
from kernel.process.arguments import Arguments
from kernel.process.clone import CloneFlags, CloneRequest
from kernel.process.ending import status_of_exit
from kernel.process.exit import exit_process, exit_thread
from kernel.process.limits import Resource
from kernel.process.numbers import HIGHEST_PID
from kernel.process.pidfd import ProcessHandle
from kernel.process.program import Program
from kernel.process.send import change_of
from kernel.process.signal_table import SIGNALS, Signal
from kernel.process.start import replace_program
from kernel.process.usage import Report, report_process, report_thread
from kernel.process.wait import Ended, WaitOptions, wait_for_child
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import begin_lookup, checked_flags, drop_start, find_at, hold_start

EXIT_SIGNAL_BITS: u64 = 0xFF
"""CSIGNAL: the low byte of clone's flags."""
CLONE_ARGS_FIRST: u64 = 64
"""CLONE_ARGS_SIZE_VER0."""
CLONE3_FLAG_BITS: u64 = 0x1_FFBF_FF00
"""All flags but the exit signal's byte, CLONE_DETACHED and CLONE_INTO_CGROUP."""
LEVELS_MAX: u64 = 32
"""MAX_PID_NS_LEVEL."""
CLONE_MISSING = "CLONE_NEW*: EINVAL; threads of one process always share directories, umask and descriptors"
ALL: u64 = 0xFFFF_FFFF_FFFF_FFFF
WAIT_OPTION_BITS: u32 = 0xE000_000B
"""WNOHANG, WUNTRACED, WCONTINUED, __WNOTHREAD, __WALL, __WCLONE."""
WAITID_OPTION_BITS: u32 = 0xE100_000F
WAITID_CHANGE_BITS: u32 = 0xE
"""WSTOPPED, WEXITED, WCONTINUED: at least one of them."""
DESCRIPTOR_NAME: u64 = 32
"""Room for /proc/self/fd/N/."""
MICROSECONDS: u64 = 1_000_000
NANOSECONDS: u64 = 1000
KIBIBYTES_OF_PAGE: u64 = 4
LOWEST_NUMBER: i32 = -0x8000_0000
"""It has no opposite, so it is no process group."""
SIGNAL_CHILD: i32 = 17
SIGINFO_PADDING: u64 = 12
SIGINFO_FIELDS: u64 = 16
SIGINFO_KNOWN: u64 = 28
"""What lies between si_code and si_pid, and behind si_status, stays as it is."""
RUSAGE_SIZE: u64 = 144
P_ALL: u32 = 0
P_PID: u32 = 1
P_PGID: u32 = 2
P_PIDFD: u32 = 3


@struct
class CloneArguments:
    """struct clone_args (clone3(2))."""

    flags: u64 = 0
    pidfd: UserAddr = UserAddr(0)
    child_id: UserAddr = UserAddr(0)
    parent_id: UserAddr = UserAddr(0)
    exit_signal: u64 = 0
    stack: UserAddr = UserAddr(0)
    stack_size: u64 = 0
    thread_pointer: u64 = 0
    set_tid: UserAddr = UserAddr(0)
    set_tid_size: u64 = 0
    cgroup: u64 = 0


@syscall(
    59, missing="set-user-ID and set-group-ID bits, file capabilities, ETXTBSY; E2BIG from 256 KiB of arguments on"
)
def execve(task: Thread, path: UserAddr, argv: UserAddr, envp: UserAddr) -> Fallible[None]:
    """execve(2)."""
    heap = task.process.container.account.heap
    name = heap.allocate_bytes(PATH_MAX)
    with deferred(heap.free_bytes, name):
        length = user.copy_in_string(name, path)
        execute(task, name[0:length], argv, envp)


def execute(task: Thread, path: Slice[u8], argv: UserAddr, envp: UserAddr) -> Fallible[None]:
    """Go on with the program at `path`."""
    process = task.process
    if process.settings.is_one_too_many:
        if process.owner.threads > process.settings.limits.soft_of(Resource.PROCESSES):
            raise EAGAIN
        process.settings.is_one_too_many = False
    arguments = local(Arguments)
    arguments.prepare(process.container.account.heap)
    with deferred(arguments.release):
        arguments.take(argv, ALL, envp, ALL)
        lookup = local(Lookup)
        begin_lookup(task, lookup)
        hold_start(lookup)
        with deferred(drop_start, lookup):
            program = local(Program)
            program.account = process.container.account
            program.lookup = lookup
            program.arguments = arguments
            replace_program(task, program, path)


@syscall(322, missing="as execve; and where a container has no /proc, what descriptors name: ENOENT")
def execveat(
    task: Thread, directory: i32, path: UserAddr, argv: UserAddr, envp: UserAddr, flags: u32
) -> Fallible[None]:
    """execveat(2). As on Linux, a program named by a descriptor gets a name by which it can be opened again."""
    checked = checked_flags(flags, u32(AtFlags.EMPTY_PATH | AtFlags.SYMLINK_NO_FOLLOW))
    heap = task.process.container.account.heap
    name = heap.allocate_bytes(PATH_MAX)
    with deferred(heap.free_bytes, name):
        length = user.copy_in_string(name, path)
        found = find_at(task, directory, path, checked, Resolve.NONE)
        if AtFlags.SYMLINK_NO_FOLLOW in checked and found.described.is_symlink:
            raise ELOOP
        if directory == AT_FDCWD or (length > 0 and name[0] == SLASH):
            if length == 0:
                raise EACCES
            execute(task, name[0:length], argv, envp)
            return
        longer = heap.allocate_bytes(PATH_MAX + DESCRIPTOR_NAME)
        with deferred(heap.free_bytes, longer):
            writer = local(Writer)
            writer.buffer = longer
            writer(f"/proc/self/fd/{directory}")
            if length > 0:
                writer(f"/{name[0:length]}")
            execute(task, longer[0 : writer.length], argv, envp)


@syscall(56, missing=CLONE_MISSING)
def clone(
    task: Thread, flags: u64, stack: UserAddr, parent_id: UserAddr, child_id: UserAddr, thread_pointer: u64
) -> Fallible[Pid]:
    """clone(2): a new process, or a new thread of this one."""
    request = local(CloneRequest)
    request.flags = flags & invert(u64, EXIT_SIGNAL_BITS)
    request.exit_signal = u32(flags & EXIT_SIGNAL_BITS)
    request.stack = stack
    request.parent_id = parent_id
    request.child_id = child_id
    request.thread_pointer = thread_pointer
    request.pidfd = parent_id
    if request.has(CloneFlags.PIDFD) and request.has(CloneFlags.PARENT_SET_ID):
        raise EINVAL
    return cloning.clone(task, request)


@syscall(435, missing=CLONE_MISSING + ", CLONE_INTO_CGROUP: EINVAL")
def clone3(task: Thread, arguments: UserAddr, size: u64) -> Fallible[Pid]:
    """clone3(2)."""
    wanted = local(CloneArguments)
    take_grown_struct(slice_at(u8, address_of(wanted), size_of(CloneArguments)), arguments, size, CLONE_ARGS_FIRST)
    if wanted.flags & invert(u64, CLONE3_FLAG_BITS) != 0 or wanted.exit_signal > SIGNALS:
        raise EINVAL
    if (u64(wanted.set_tid) == 0) != (wanted.set_tid_size == 0) or wanted.cgroup != 0:
        raise EINVAL
    if (u64(wanted.stack) == 0) != (wanted.stack_size == 0):
        raise EINVAL
    user.check_range(wanted.stack, wanted.stack_size)
    request = local(CloneRequest)
    request.flags = wanted.flags
    request.exit_signal = u32(wanted.exit_signal)
    if wanted.exit_signal != 0 and (request.has(CloneFlags.THREAD) or request.has(CloneFlags.PARENT)):
        raise EINVAL
    request.stack = UserAddr(u64(wanted.stack) + wanted.stack_size)
    request.parent_id = wanted.parent_id
    request.child_id = wanted.child_id
    request.thread_pointer = wanted.thread_pointer
    request.pidfd = wanted.pidfd
    if wanted.set_tid_size != 0:
        request.number = take_number(task, wanted.set_tid, wanted.set_tid_size)
    return cloning.clone(task, request)


def take_number(task: Thread, numbers: UserAddr, count: u64) -> Fallible[Pid]:
    """The number that the child is to have (clone3(2), "The set_tid array"): the one of the innermost container.

    A container is one level: EINVAL for more, and for no possible number; EPERM; EEXIST.
    """
    if count > LEVELS_MAX:
        raise EINVAL
    number = user.get(i32, numbers)
    if count > 1 or number < 1 or u64(number) > HIGHEST_PID:
        raise EINVAL
    mine = task.process.credentials
    if not (mine.has(Capability.CHECKPOINT_RESTORE) or mine.has(Capability.SYS_ADMIN)):
        raise EPERM
    task.process.container.numbers.reserve(Pid(number))
    return Pid(number)


def take_grown_struct(destination: MutableSlice[u8], source: UserAddr, size: u64, first: u64) -> Fallible[None]:
    """Copy a struct of `size` bytes that has grown since it had `first` (copy_struct_from_user() of Linux).

    EINVAL when it is smaller; E2BIG when it is larger than a page, or what is beyond `destination` is not zero.
    """
    if size < first:
        raise EINVAL
    if size > PAGE_SIZE:
        raise E2BIG
    known = min(size, u64(len(destination)))
    user.copy_in(destination[0:known], UserSlice(source, known))
    for position in range(known, size):
        if user.get(u8, UserAddr(source + position)) != 0:
            raise E2BIG


@syscall(57)
def fork(task: Thread) -> Fallible[Pid]:
    """fork(2)."""
    request = local(CloneRequest)
    request.exit_signal = u32(Signal.CHILD)
    return cloning.clone(task, request)


@syscall(58)
def vfork(task: Thread) -> Fallible[Pid]:
    """vfork(2)."""
    request = local(CloneRequest)
    request.flags = u64(CloneFlags.VFORK | CloneFlags.MEMORY)
    request.exit_signal = u32(Signal.CHILD)
    return cloning.clone(task, request)


@syscall(60)
def exit(task: Thread, code: u32) -> None:
    """_exit(2) of one thread; the last one's code is that of the process."""
    exit_thread(status_of_exit(code))


@syscall(231)
def exit_group(task: Thread, code: u32) -> None:
    """exit_group(2)."""
    exit_process(status_of_exit(code))


@syscall(61)
def wait4(task: Thread, pid: i32, status: UserAddr, options: u32, usage: UserAddr) -> Fallible[Pid]:
    """wait4(2)."""
    if options & WAIT_OPTION_BITS != options:
        raise EINVAL
    if pid == LOWEST_NUMBER:
        raise ESRCH
    ended = local(Ended)
    wait_for_child(task.process, i64(pid), WaitOptions(options) | WaitOptions.EXITED, ended)
    if ended.pid != Pid(0):
        if u64(status) != 0:
            user.put(u32, status, ended.status)
        if u64(usage) != 0:
            put_usage(usage, ended.used)
    return ended.pid


@syscall(247)
def waitid(task: Thread, kind: u32, id: i32, information: UserAddr, options: u32, usage: UserAddr) -> Fallible[None]:
    """waitid(2); with P_PIDFD also for what run_in_container started."""
    if options & WAITID_OPTION_BITS != options or options & WAITID_CHANGE_BITS == 0:
        raise EINVAL
    ended = local(Ended)
    if kind == P_ALL:
        wait_for_child(task.process, -1, WaitOptions(options), ended)
    elif kind == P_PID and id > 0:
        wait_for_child(task.process, i64(id), WaitOptions(options), ended)
    elif kind == P_PGID and id >= 0:
        wait_for_child(task.process, -i64(id), WaitOptions(options), ended)
    elif kind == P_PIDFD:
        wait_for_handle(task, Fd(id), WaitOptions(options), ended)
    else:
        raise EINVAL
    if u64(information) != 0:
        put_information(information, ended)
    if u64(usage) != 0:
        put_usage(usage, ended.used)


def wait_for_handle(task: Thread, fd: Fd, options: WaitOptions, ended: Ended) -> Fallible[None]:
    """Wait for the process behind a pidfd. EBADF; ECHILD unless it is a child or was run by who has the handle.

    EAGAIN when it has done nothing yet and the descriptor was opened with PIDFD_NONBLOCK.
    """
    file = task.process.files.pin(fd)
    with deferred(file.drop):
        ops = file.ops
        if not isinstance(ops, ProcessHandle):
            raise EBADF
        patience = options if file.may_wait else options | WaitOptions.NO_HANG
        if ops.may_wait:
            if ops.ended or WaitOptions.NO_HANG not in patience:
                ops.wait_ended()
                ended.pid = ops.pid
                ended.user = ops.user
                ended.status = ops.status
                ended.used.add(ops.used)
        else:
            process = ops.process
            if process is None or process.parent is not task.process:
                raise ECHILD
            wait_for_child(task.process, i64(process.pid), patience, ended)
        if ended.pid == Pid(0) and WaitOptions.NO_HANG not in options:
            raise EAGAIN


def put_information(information: UserAddr, ended: Ended) -> Fallible[None]:
    """Fill in the six fields of a siginfo_t that waitid(2) does; all zero when no child has done anything."""
    buffer = local_array(u8, SIGINFO_KNOWN)
    if ended.pid != Pid(0):
        code, value = change_of(ended.status)
        store(i32, buffer, 0, SIGNAL_CHILD)
        store(i32, buffer, 8, code)
        store(i32, buffer, 16, i32(ended.pid))
        store(u32, buffer, 20, ended.user)
        store(u32, buffer, 24, value)
    user.copy_out(UserSlice(information, SIGINFO_PADDING), buffer[0:SIGINFO_PADDING])
    known = UserAddr(information + SIGINFO_FIELDS)
    user.copy_out(UserSlice(known, SIGINFO_KNOWN - SIGINFO_FIELDS), buffer[SIGINFO_FIELDS:SIGINFO_KNOWN])


def put_usage(usage: UserAddr, report: Report) -> Fallible[None]:
    """Fill a struct rusage (getrusage(2)). Files are in memory, so no blocks are read or written."""
    buffer = local_array(u8, RUSAGE_SIZE)
    user_time = report.split.user // NANOSECONDS
    kernel_time = report.split.kernel // NANOSECONDS
    store(u64, buffer, 0, user_time // MICROSECONDS)
    store(u64, buffer, 8, user_time % MICROSECONDS)
    store(u64, buffer, 16, kernel_time // MICROSECONDS)
    store(u64, buffer, 24, kernel_time % MICROSECONDS)
    store(u64, buffer, 32, report.used.largest * KIBIBYTES_OF_PAGE)
    store(u64, buffer, 64, report.used.faults)
    store(u64, buffer, 128, report.used.voluntary_switches)
    store(u64, buffer, 136, report.used.involuntary_switches)
    user.copy_out(UserSlice(usage, RUSAGE_SIZE), buffer)


@syscall(98)
def getrusage(task: Thread, who: i32, usage: UserAddr) -> Fallible[None]:
    """getrusage(2): RUSAGE_SELF, RUSAGE_THREAD, RUSAGE_CHILDREN."""
    process = task.process
    if who == -1:
        put_usage(usage, process.used_by_children)
        return
    report = local(Report)
    if who == 0:
        report_process(process, report)
    elif who == 1:
        report_thread(task, report)
    else:
        raise EINVAL
    put_usage(usage, report)
