"""open(2), close(2), and what is done with descriptors: dup(2), fcntl(2), ioctl(2), flock(2), pipe(2)."""

from __future__ import annotations

from codegen.lang import Fallible, Fd, UserAddr, deferred, i32, i64, local, on_error, u32, u64
from kernel.base.errno import (
    EACCES,
    EBADF,
    EEXIST,
    EINVAL,
    EISDIR,
    ELOOP,
    ENOENT,
    ENOLCK,
    ENOTDIR,
    EOPNOTSUPP,
)
from kernel.devices.terminal_nodes import TerminalNode
from kernel.files import tree
from kernel.files.attributes import PERMISSION_BITS, Access, Kind
from kernel.files.file import FileOps, OpenFile, open_file
from kernel.files.flags import (
    AT_FDCWD,
    OPEN_FLAG_BITS,
    SETTABLE_FLAG_BITS,
    STATUS_FLAG_BITS,
    OpenFlags,
    Resolve,
    access_wanted,
    writable,
)
from kernel.files.inode import Inode
from kernel.files.path import LastComponent, Lookup
from kernel.files.pipe import CAPACITY, make_pipe
from kernel.files.table import DESCRIPTORS_MAX
from kernel.memory import user
from kernel.sched.thread import Thread
from kernel.syscalls import terminals
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import advance, walk_at

F_DUPFD = 0
F_GETFD = 1
F_SETFD = 2
F_GETFL = 3
F_SETFL = 4
F_GETLK = 5
F_SETLK = 6
F_SETLKW = 7
F_DUPFD_CLOEXEC = 1030
F_SETPIPE_SZ = 1031
F_GETPIPE_SZ = 1032
FD_CLOEXEC: u32 = 1
"""The commands of fcntl(2) (asm-generic/fcntl.h, linux/fcntl.h)."""

FIOCLEX: u32 = 0x5451
FIONCLEX: u32 = 0x5450
FIONBIO: u32 = 0x5421
"""The requests of ioctl(2) that every file knows (ioctl_fat(2), asm-generic/ioctls.h)."""


@syscall(2)
def open_(task: Thread, path: UserAddr, flags: u32, mode: u32) -> Fallible[Fd]:
    """open(2)."""
    return open_at(task, AT_FDCWD, path, flags, mode)


@syscall(257)
def openat(task: Thread, directory: i32, path: UserAddr, flags: u32, mode: u32) -> Fallible[Fd]:
    """openat(2)."""
    return open_at(task, directory, path, flags, mode)


@syscall(85)
def creat(task: Thread, path: UserAddr, mode: u32) -> Fallible[Fd]:
    """creat(2)."""
    flags = OpenFlags.CREATE | OpenFlags.WRITE_ONLY | OpenFlags.TRUNCATE
    return open_at(task, AT_FDCWD, path, u32(flags), mode)


def open_at(task: Thread, directory: i32, path: UserAddr, raw_flags: u32, mode: u32) -> Fallible[Fd]:
    """Open or create a file, and give it the lowest free descriptor."""
    flags = OpenFlags(raw_flags & OPEN_FLAG_BITS)
    if OpenFlags.CREATE in flags and OpenFlags.DIRECTORY in flags:
        raise EINVAL
    if OpenFlags.TEMPORARY in flags:
        raise EOPNOTSUPP
    lookup = local(Lookup)
    walk_at(task, lookup, directory, path, how_to_resolve(flags))
    found = lookup.inode
    opened = lookup.opened
    if opened is not None:
        return open_again(task, opened, flags)
    if found is None:
        inode = create_file(task, lookup, flags, mode)
    else:
        check_open(lookup, found, flags)
        inode = found
        inode.hold()
    with deferred(inode.drop), on_error(remove_created, lookup, inode):
        file = open_inode(task, inode, flags)
        with deferred(file.drop):
            return task.process.files.install(file, OpenFlags.CLOSE_ON_EXEC in flags)


def remove_created(lookup: Lookup, inode: Inode) -> None:
    """No descriptor could be had for a file: take back its name, if this very open(2) gave it."""
    if lookup.inode is None:
        tree.take_back(lookup, inode)


def open_again(task: Thread, file: OpenFile, flags: OpenFlags) -> Fallible[Fd]:
    """Open what /proc/self/fd/N leads to and no file system has, such as a pipe: one more descriptor for it.

    Unlike on Linux the flags and the position are shared with the other descriptors.
    """
    wanted = access_wanted(flags)
    if (Access.READ in wanted and not file.is_readable) or (Access.WRITE in wanted and not file.is_writable):
        raise EACCES
    return task.process.files.install(file, OpenFlags.CLOSE_ON_EXEC in flags)


def how_to_resolve(flags: OpenFlags) -> Resolve:
    """How the path of open(2) is resolved."""
    how = Resolve.FOLLOW
    creates_anew = OpenFlags.CREATE in flags and OpenFlags.EXCLUSIVE in flags
    if OpenFlags.NO_FOLLOW in flags or creates_anew:
        how = Resolve.NONE
    if OpenFlags.DIRECTORY in flags:
        how = how | Resolve.DIRECTORY
    if OpenFlags.CREATE in flags and OpenFlags.PATH not in flags:
        how = how | Resolve.CREATE
    return how


def create_file(task: Thread, lookup: Lookup, flags: OpenFlags, mode: u32) -> Fallible[Inode]:
    """The file that open(2) makes, held; ENOENT unless it is asked to."""
    if OpenFlags.CREATE not in flags or OpenFlags.PATH in flags:
        raise ENOENT
    permissions = mode & PERMISSION_BITS & (task.process.umask ^ PERMISSION_BITS)
    return tree.create(lookup, Kind.REGULAR, permissions)


def check_open(lookup: Lookup, inode: Inode, flags: OpenFlags) -> Fallible[None]:
    """Whether a file that exists may be opened so; the order is that of do_open() and may_open()."""
    if OpenFlags.PATH in flags:
        return
    about = inode.described
    if OpenFlags.CREATE in flags:
        if OpenFlags.EXCLUSIVE in flags:
            raise EEXIST
        if about.is_directory or lookup.last != LastComponent.NAME:
            raise EISDIR
    if about.is_symlink:
        raise ELOOP
    if OpenFlags.DIRECTORY in flags and not about.is_directory:
        raise ENOTDIR
    if about.is_directory and (writable(flags) or OpenFlags.TRUNCATE in flags):
        raise EISDIR
    about.check(lookup.credentials, access_wanted(flags))


def open_inode(task: Thread, inode: Inode, flags: OpenFlags) -> Fallible[OpenFile]:
    """An open file on `inode`, cut to nothing if the flags say so. One reference, the caller's."""
    ops: FileOps = inode
    device = inode.device
    if device is not None:
        if isinstance(device, TerminalNode) and OpenFlags.PATH not in flags:
            return terminals.open_node(task, device, inode, flags)
        ops = device
    elif OpenFlags.TRUNCATE in flags and OpenFlags.PATH not in flags and inode.described.size > 0:
        inode.truncate(0)
    kept = OpenFlags(u32(flags) & STATUS_FLAG_BITS) | OpenFlags.LARGE_FILE
    file = open_file(task.process.container.files, ops, inode, kept)
    inode.hold()
    return file


@syscall(3)
def close(task: Thread, fd: Fd) -> Fallible[None]:
    """close(2)."""
    task.process.files.close(fd)


@syscall(436)
def close_range(task: Thread, first: u32, last: u32, flags: u32) -> Fallible[None]:
    """close_range(2), without flags or with CLOSE_RANGE_CLOEXEC."""
    if first > last or flags & 4 != flags:
        raise EINVAL
    task.process.files.close_range(u64(first), u64(last), flags == 4)


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
    """fcntl(2). Record locks are not offered: ENOLCK."""
    files = task.process.files
    descriptor = files.descriptor(fd)
    file = files.get(fd)
    if command == F_DUPFD or command == F_DUPFD_CLOEXEC:
        if argument >= DESCRIPTORS_MAX:
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
        kept = u32(file.flags) & (SETTABLE_FLAG_BITS ^ 0xFFFF_FFFF)
        file.flags = OpenFlags(kept | u32(argument & u64(SETTABLE_FLAG_BITS)))
        return 0
    if command == F_GETPIPE_SZ:
        if file.inode is not None or file.ops.attributes().kind != Kind.FIFO:
            raise EBADF
        return CAPACITY
    if command == F_GETLK or command == F_SETLK or command == F_SETLKW:
        raise ENOLCK
    raise EINVAL


@syscall(73)
def flock(task: Thread, fd: Fd, operation: u32) -> Fallible[None]:
    """flock(2). Locks are not offered: ENOLCK, as on file systems without them."""
    task.process.files.get(fd)
    raise ENOLCK


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
    if request == FIONBIO:
        enabled = user.get(u32, UserAddr(argument)) != 0
        others = OpenFlags(u32(file.flags) & (u32(OpenFlags.NONBLOCK) ^ 0xFFFF_FFFF))
        file.flags = others | OpenFlags.NONBLOCK if enabled else others
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
    if flags & u32(known) != flags or flags & u32(OpenFlags.DIRECT) != 0:
        raise EINVAL
    make_descriptors(task, ends, OpenFlags(flags))


def make_descriptors(task: Thread, ends: UserAddr, flags: OpenFlags) -> Fallible[None]:
    """Make a pipe and tell its two descriptors at `ends`; neither stays if that fails."""
    process = task.process
    close_on_exec = OpenFlags.CLOSE_ON_EXEC in flags
    status = OpenFlags(u32(flags) & u32(OpenFlags.NONBLOCK))
    reader, writer = make_pipe(process.container.files, process.credentials, status)
    with deferred(reader.drop), deferred(writer.drop):
        first = process.files.install(reader, close_on_exec)
        with on_error(process.files.close_if_open, first):
            second = process.files.install(writer, close_on_exec)
            with on_error(process.files.close_if_open, second):
                user.put(i32, ends, i32(first))
                user.put(i32, advance(ends, 4), i32(second))
