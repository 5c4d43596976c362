"""What is done with descriptors: close(2), dup(2), fcntl(2), ioctl(2), pipe(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, deferred, i32, i64, invert, on_error, truncate, u32, u64, wrapping_sub
from kernel.base.errno import EBADF, EINVAL
from kernel.files.attributes import Kind
from kernel.files.content import PAGE
from kernel.files.file import OpenFile
from kernel.files.flags import SETTABLE_FLAG_BITS, OpenFlags
from kernel.files.operations import FIONREAD
from kernel.files.pipe_making import make_pipe
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls import files_locks, files_memory, files_signals, terminals
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_memory import F_ADD_SEALS, F_GET_SEALS
from kernel.syscalls.files_signals import FIOSETOWN, SIOCGPGRP
from kernel.syscalls.files_support import advance

F_DUPFD = 0
F_GETFD = 1
F_SETFD = 2
F_GETFL = 3
F_SETFL = 4
F_DUPFD_CLOEXEC = 1030
F_SETPIPE_SZ = 1031
F_GETPIPE_SZ = 1032
FD_CLOEXEC: u32 = 1
PIPE_SIZE_HIGHEST: u32 = 1 << 31
"""The commands of fcntl(2) (asm-generic/fcntl.h, linux/fcntl.h)."""

CLOSE_RANGE_UNSHARE: u32 = 2
CLOSE_RANGE_CLOEXEC: u32 = 4

FIOCLEX: u32 = 0x5451
FIONCLEX: u32 = 0x5450
FIONBIO: u32 = 0x5421
FIOASYNC: u32 = 0x5452
FIGETBSZ: u32 = 2
"""The requests of ioctl(2) that every file knows (ioctl_fat(2), asm-generic/ioctls.h)."""


@syscall(3)
def close(task: Thread, fd: Fd) -> Fallible[None]:
    """close(2)."""
    task.process.files.close(fd)


@syscall(436, missing="CLOSE_RANGE_UNSHARE by one of several threads (EINVAL)")
def close_range(task: Thread, first: u32, last: u32, flags: u32) -> Fallible[None]:
    """close_range(2)."""
    if first > last or flags & (CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != flags:
        raise EINVAL
    process = task.process
    if flags & CLOSE_RANGE_UNSHARE != 0:
        if len(process.threads) > 1:
            raise EINVAL  # the table is that of all threads of the process
        if process.files.references > 1:
            own = process.files.duplicate(process.container.account)
            process.files.drop()
            process.files = own
    process.files.close_range(u64(first), u64(last), flags & CLOSE_RANGE_CLOEXEC != 0)


@syscall(32)
def dup(task: Thread, fd: Fd) -> Fallible[Fd]:
    """dup(2)."""
    files = task.process.files
    return files.install(files.get(fd), False)


@syscall(33)
def dup2(task: Thread, old: Fd, new: Fd) -> Fallible[Fd]:
    """dup2(2)."""
    files = task.process.files
    file = files.get(old)
    if old != new:
        files.replace(file, False, new)
    return new


@syscall(292)
def dup3(task: Thread, old: Fd, new: Fd, flags: u32) -> Fallible[Fd]:
    """dup3(2)."""
    if flags & u32(OpenFlags.CLOSE_ON_EXEC) != flags or old == new:
        raise EINVAL
    files = task.process.files
    files.replace(files.get(old), flags != 0, new)
    return new


@syscall(72)
def fcntl(task: Thread, fd: Fd, command: u32, argument: u64) -> Fallible[u64]:
    """fcntl(2)."""
    files = task.process.files
    descriptor = files.descriptor(fd)
    file = files.get(fd)
    if file.is_path_only and not F_DUPFD <= command <= F_GETFL and command != F_DUPFD_CLOEXEC:
        raise EBADF
    if command == F_DUPFD or command == F_DUPFD_CLOEXEC:
        if argument >= files.limit:
            raise EINVAL
        return u64(files.install(file, command == F_DUPFD_CLOEXEC, argument))
    if command == F_GETFD:
        return u64(FD_CLOEXEC) if descriptor.close_on_exec else 0
    if command == F_SETFD:
        descriptor.close_on_exec = argument & u64(FD_CLOEXEC) != 0
        return 0
    if command == F_GETFL:
        return u64(u32(file.flags))
    if command == F_SETFL:
        set_flags(task, file, fd, OpenFlags(truncate(u32, argument)))
        return 0
    if command == F_GETPIPE_SZ or command == F_SETPIPE_SZ:
        return control_pipe(task, file, command, truncate(u32, argument))
    if files_signals.is_about_signals(command):
        return files_signals.control(task, fd, command, argument)
    if files_locks.is_about_locks(command):
        files_locks.control(task, fd, command, UserAddr(argument))
        return 0
    if command == F_ADD_SEALS or command == F_GET_SEALS:
        return files_memory.control_seals(task, file, command, argument)
    raise EINVAL


def set_flags(task: Thread, file: OpenFile, fd: Fd, wanted: OpenFlags) -> Fallible[None]:
    """F_SETFL. EPERM for O_NOATIME on a file of others, ENOMEM."""
    inode = file.inode
    if inode is not None and OpenFlags.NO_ACCESS_TIME in wanted and OpenFlags.NO_ACCESS_TIME not in file.flags:
        inode.described.check_owner(task.process.credentials)
    files_signals.set_asynchronous(task, file, fd, OpenFlags.ASYNC in wanted)
    kept = u32(file.flags) & invert(u32, SETTABLE_FLAG_BITS)
    file.flags = OpenFlags(kept | u32(wanted) & SETTABLE_FLAG_BITS)


def control_pipe(task: Thread, file: OpenFile, command: u32, size: u32) -> Fallible[u64]:
    """F_GETPIPE_SZ, and F_SETPIPE_SZ: the next power of two, at least a page. EBADF for other files."""
    pipe = file.ops.pipe_behind()
    if pipe is None:
        raise EBADF
    if command == F_SETPIPE_SZ:
        if size > PIPE_SIZE_HIGHEST:
            raise EINVAL
        places: u64 = 1
        while places * PAGE < size:
            places *= 2
        file.hold()
        with deferred(file.drop):
            pipe.resize(places, task.process.credentials)
            return pipe.ring.places * PAGE
    return pipe.ring.places * PAGE


@syscall(16)
def ioctl(task: Thread, fd: Fd, request: u32, argument: u64) -> Fallible[i64]:
    """ioctl(2): what every file knows here, the rest by the file; ENOTTY if it does not know the request."""
    files = task.process.files
    descriptor = files.descriptor(fd)
    file = files.get(fd)
    if file.is_path_only:
        raise EBADF
    if request == FIOCLEX or request == FIONCLEX:
        descriptor.close_on_exec = request == FIOCLEX
        return 0
    file.hold()
    with deferred(file.drop):
        return control(task, file, fd, request, argument)


def control(task: Thread, file: OpenFile, fd: Fd, request: u32, argument: u64) -> Fallible[i64]:
    """ioctl(2) as far as it is about an open file, which is held: requests copy, and another thread may close it."""
    if request == FIONBIO:
        enabled = user.get(u32, UserAddr(argument)) != 0
        others = OpenFlags(u32(file.flags) & (u32(OpenFlags.NONBLOCK) ^ 0xFFFF_FFFF))
        file.flags = others | OpenFlags.NONBLOCK if enabled else others
        return 0
    if request == FIOASYNC:
        files_signals.control_asynchronous(task, file, fd, UserAddr(argument))
        return 0
    if FIOSETOWN <= request <= SIOCGPGRP and file.ops.attributes().kind == Kind.SOCKET:
        files_signals.control_receiver(task, file, request, UserAddr(argument))
        return 0
    inode = file.inode
    if request == FIGETBSZ:
        user.put(u32, UserAddr(argument), u32(PAGE))
        return 0
    if request == FIONREAD and inode is not None and inode.described.is_regular:
        user.put(u32, UserAddr(argument), truncate(u32, wrapping_sub(u64, inode.described.size, file.position)))
        return 0
    if terminals.is_about_session(request):
        return terminals.control(task, file, request, argument)
    return file.ops.control(request, UserAddr(argument))


@syscall(22)
def pipe(task: Thread, ends: UserAddr) -> Fallible[None]:
    """pipe(2)."""
    make_descriptors(task, ends, OpenFlags.NONE)


@syscall(293)
def pipe2(task: Thread, ends: UserAddr, flags: u32) -> Fallible[None]:
    """pipe2(2)."""
    known = OpenFlags.CLOSE_ON_EXEC | OpenFlags.NONBLOCK | OpenFlags.DIRECT
    if flags & u32(known) != flags:
        raise EINVAL
    make_descriptors(task, ends, OpenFlags(flags))


def make_descriptors(task: Thread, ends: UserAddr, flags: OpenFlags) -> Fallible[None]:
    """Make a pipe and tell its two descriptors at `ends`; neither stays if that fails."""
    process = task.process
    close_on_exec = OpenFlags.CLOSE_ON_EXEC in flags
    status = OpenFlags(u32(flags) & u32(OpenFlags.NONBLOCK | OpenFlags.DIRECT))
    reader, writer = make_pipe(process.container.files, process.credentials, status)
    with deferred(reader.drop), deferred(writer.drop):
        first = process.files.install(reader, close_on_exec)
        with on_error(process.files.close_if_open, first):
            second = process.files.install(writer, close_on_exec)
            with on_error(process.files.close_if_open, second):
                user.put(i32, ends, i32(first))
                user.put(i32, advance(ends, 4), i32(second))
