"""read(2), write(2) and their family, lseek(2) and truncate(2)."""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    Fd,
    UserAddr,
    deferred,
    hot,
    i64,
    inline,
    local,
    u32,
    u64,
)
from kernel.base.errno import (
    EBADF,
    EINVAL,
    EISDIR,
    ENXIO,
    EOVERFLOW,
    ESPIPE,
)
from kernel.files.attributes import Access, Kind
from kernel.files.execution import check_writable
from kernel.files.file import OpenFile
from kernel.files.flags import AT_FDCWD, AtFlags, OpenFlags, Resolve
from kernel.files.holes import next_data, next_hole
from kernel.files.inode import Inode
from kernel.files.lease import break_leases
from kernel.files.privileges import remove_privileges
from kernel.files.read_only import check_changeable
from kernel.files.watch import Happening, notify
from kernel.memory.buffer import Buffer
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.file_limit import check_new_size
from kernel.syscalls.files_support import (
    HIGHEST_OFFSET,
    find_at,
    readable_file,
    writable_file,
)
from kernel.syscalls.files_transfer import (
    checked_range,
    read_at,
    read_on,
    write_at,
    write_on,
)

SEEK_SET = 0
SEEK_CUR = 1
SEEK_END = 2
SEEK_DATA = 3
SEEK_HOLE = 4


@syscall(0)
@hot
def read(task: Thread, fd: Fd, buffer: UserAddr, count: u64) -> Fallible[u64]:
    """read(2)."""
    file = readable_file(task, fd)
    with deferred(file.drop):
        destination = local(Buffer)
        destination.over_user(checked_range(buffer, count))
        done = read_on(file, destination, file.may_wait)
        task.usage.note_read(done)
        return done


@syscall(1)
@hot
def write(task: Thread, fd: Fd, buffer: UserAddr, count: u64) -> Fallible[u64]:
    """write(2)."""
    file = writable_file(task, fd)
    with deferred(file.drop):
        source = local(Buffer)
        source.over_user(checked_range(buffer, count))
        done = write_on(task, file, source, OpenFlags.APPEND in file.flags, file.may_wait)
        task.usage.note_write(done)
        return done


@inline
def check_has_places(file: OpenFile) -> Fallible[None]:
    """ESPIPE for a stream; asked before whether `file` may be read or written, as in ksys_pread64()."""
    if not file.has_position and not file.is_path_only and not file.ops.is_seekable():
        raise ESPIPE


@syscall(17)
def pread64(task: Thread, fd: Fd, buffer: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """pread(2)."""
    if offset < 0:
        raise EINVAL
    check_has_places(task.process.files.get(fd))
    file = readable_file(task, fd)
    with deferred(file.drop):
        destination = local(Buffer)
        destination.over_user(checked_range(buffer, count))
        done = read_at(file, u64(offset), destination, file.may_wait)
        task.usage.note_read(done)
        return done


@syscall(18)
def pwrite64(task: Thread, fd: Fd, buffer: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """pwrite(2). As on Linux, O_APPEND overrules the offset."""
    if offset < 0:
        raise EINVAL
    check_has_places(task.process.files.get(fd))
    file = writable_file(task, fd)
    with deferred(file.drop):
        source = local(Buffer)
        source.over_user(checked_range(buffer, count))
        done = write_at(task, file, u64(offset), source, OpenFlags.APPEND in file.flags, file.may_wait)
        task.usage.note_write(done)
        return done


# Position and size.


@syscall(8)
def lseek(task: Thread, fd: Fd, offset: i64, whence: u32) -> Fallible[u64]:
    """lseek(2)."""
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    if whence > SEEK_HOLE:
        raise EINVAL
    if not file.ops.is_seekable():
        raise ESPIPE
    if file.ops.attributes().kind == Kind.CHARACTER:
        return 0  # as null_lseek() has it; the random devices have no other position either
    inode = file.inode
    if inode is not None and inode.made is not None and whence > SEEK_CUR and not inode.described.is_strict:
        raise EINVAL  # seq_lseek() of Linux: the length of the text is not known
    if inode is not None and inode.described.is_directory and whence > SEEK_CUR:
        raise EINVAL  # as tmpfs has it: a listing has no length
    size = file.ops.attributes().size
    base: u64 = 0
    if whence == SEEK_CUR:
        base = file.position
    elif whence == SEEK_END:
        base = size
    elif whence == SEEK_DATA or whence == SEEK_HOLE:
        if offset < 0 or u64(offset) >= size:
            raise ENXIO
        file.hold()
        with deferred(file.drop):
            file.position = sought(file, u64(offset), whence == SEEK_DATA, size)
            return file.position
    file.position = moved(base, offset)
    return file.position


def sought(file: OpenFile, offset: u64, wants_data: bool, size: u64) -> Fallible[u64]:
    """Where data or a hole begins from `offset` on. What has no pages is one run of data up to its size."""
    inode = file.inode
    content = None if inode is None else inode.content
    if inode is None or content is None:
        return offset if wants_data else size
    inode.hold()
    with deferred(inode.drop):
        found = next_data(content, offset) if wants_data else next_hole(content, offset)
    if wants_data and found >= size:
        raise ENXIO
    return found


def moved(base: u64, offset: i64) -> Fallible[u64]:
    """`base` moved by `offset`: EINVAL below zero, EOVERFLOW beyond what an offset can tell."""
    if offset < 0:
        distance = u64(-(offset + 1)) + 1
        if distance > base:
            raise EINVAL
        return base - distance
    if u64(offset) > HIGHEST_OFFSET - base:
        raise EOVERFLOW
    return base + u64(offset)


@syscall(76)
def truncate(task: Thread, path: UserAddr, length: i64) -> Fallible[None]:
    """truncate(2)."""
    if length < 0:
        raise EINVAL
    inode = find_at(task, AT_FDCWD, path, AtFlags.NONE, Resolve.FOLLOW)
    if inode.described.is_directory:
        raise EISDIR
    if inode.described.is_regular:
        check_changeable(inode)
    inode.check(task.process.credentials, Access.WRITE)
    check_writable(inode)
    if inode.leases is not None:
        inode.hold()
        with deferred(inode.drop):
            break_leases(inode, True, True)
            resize(task, inode, u64(length), inode.described.size != u64(length))
        return
    resize(task, inode, u64(length), inode.described.size != u64(length))


@syscall(77)
def ftruncate(task: Thread, fd: Fd, length: i64) -> Fallible[None]:
    """ftruncate(2)."""
    if length < 0:
        raise EINVAL
    file = task.process.files.get(fd)
    if file.is_path_only:
        raise EBADF
    inode = file.inode
    if not file.is_writable or inode is None or not inode.described.is_regular:
        raise EINVAL
    resize(task, inode, u64(length), True)


def resize(task: Thread, inode: Inode, size: u64, touches: bool) -> Fallible[None]:
    """Make a regular file `size` bytes long; `touches`: its times change even if that is its size already.

    EISDIR, EINVAL for what has no contents, EPERM for what is sealed, EFBIG, ENOMEM.
    """
    inode.hold()
    with deferred(inode.drop), inode.write_lock:
        inode.check_resize(size)
        check_new_size(inode.described.size, size)
        remove_privileges(inode, task.process.credentials)
        if touches:
            inode.set_size(size)
        notify(inode, Happening.MODIFY)
