"""read(2), write(2) and their family, lseek(2) and truncate(2)."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    Fd,
    MutableSlice,
    UserAddr,
    UserSlice,
    deferred,
    hot,
    i64,
    local_array,
    u8,
    u32,
    u64,
)
from kernel.base.errno import (
    EBADF,
    EFBIG,
    EINVAL,
    EISDIR,
    ENXIO,
    EOVERFLOW,
    EPIPE,
    ESPIPE,
)
from kernel.files.attributes import Access, Kind
from kernel.files.content import SIZE_MAX
from kernel.files.file import OpenFile
from kernel.files.flags import AT_FDCWD, AtFlags, OpenFlags, Resolve
from kernel.files.holes import next_data, next_hole
from kernel.files.pipe_ends import PipeReader, PipeWriter
from kernel.files.watch import Happening, notify
from kernel.memory import user
from kernel.net.unix.socket import UnixSocket
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.mutex import Mutex
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.file_limit import check_new_size, within_limit
from kernel.syscalls.files_support import (
    COUNT_MAX,
    HIGHEST_OFFSET,
    advance,
    find_at,
    readable_file,
    writable_file,
)
from kernel.syscalls.sockets_transfer import read_from_socket, write_to_socket

SMALL = 256
LARGE = 4096
"""Sizes of the buffers on the stack through which user memory and files exchange bytes. A write of PIPE_BUF
bytes fits the large one, so that it stays in one piece."""

VECTORS_MAX: u64 = 1024
"""IOV_MAX (readv(2))."""

SEEK_SET = 0
SEEK_CUR = 1
SEEK_END = 2
SEEK_DATA = 3
SEEK_HOLE = 4


# Transfers at an offset.


def read_at(file: OpenFile, offset: u64, destination: UserSlice, wait: bool) -> Fallible[u64]:
    """Read into user memory; returns how many bytes. An error after the first step ends a shorter transfer."""
    done: u64 = 0
    if destination.length <= SMALL:
        done = read_steps(file, offset, destination, wait, local_array(u8, SMALL))
    else:
        done = read_steps(file, offset, destination, wait, local_array(u8, LARGE))
    tell_transfer(file, done, Happening.ACCESS)
    return done


def tell_transfer(file: OpenFile, done: u64, what: Happening) -> None:
    """Let who watches the file know that it was read or written."""
    inode = file.inode
    if inode is not None and done > 0:
        notify(inode, what)


def read_steps(
    file: OpenFile, offset: u64, destination: UserSlice, wait: bool, buffer: MutableSlice[u8]
) -> Fallible[u64]:
    """`read_at` through `buffer`. Only the first step waits."""
    total = destination.length
    done: u64 = 0
    while True:
        step = min(u64(len(buffer)), total - done)
        got: u64 = 0
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            got = file.ops.read(offset + done, buffer[0:step], wait and done == 0)
            user.copy_out(UserSlice(advance(destination.address, done), got), buffer[0:got])
        except Errno:
            if done == 0:
                raise
            return done
        done += got
        if got < step or done == total:
            return done


def write_at(file: OpenFile, offset: u64, source: UserSlice, wait: bool) -> Fallible[u64]:
    """Write from user memory; returns how many bytes. An error after the first step ends a shorter
    transfer. What has an inode is written under its `write_lock`, which the caller holds.
    """
    done: u64 = 0
    allowed = UserSlice(source.address, within_limit(file, offset, source.length))
    if allowed.length <= SMALL:
        done = write_steps(file, offset, allowed, wait, local_array(u8, SMALL))
    else:
        done = write_steps(file, offset, allowed, wait, local_array(u8, LARGE))
    tell_transfer(file, done, Happening.MODIFY)
    return done


def write_steps(file: OpenFile, offset: u64, source: UserSlice, wait: bool, buffer: MutableSlice[u8]) -> Fallible[u64]:
    """`write_at` through `buffer`."""
    total = source.length
    done: u64 = 0
    while True:
        step = min(u64(len(buffer)), total - done)
        put: u64 = 0
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            user.copy_in(buffer[0:step], UserSlice(advance(source.address, done), step))
            put = file.ops.write(offset + done, buffer[0:step], wait)
        except Errno:
            if done == 0:
                raise
            return done
        done += put
        if put < step or done == total:
            return done


# Transfers at the position of the open file.


@hot
def read_on(file: OpenFile, destination: UserSlice) -> Fallible[u64]:
    """Read from where the open file is, and move it on."""
    ops = file.ops
    if isinstance(ops, PipeReader):
        return ops.pipe.receive_to_user(destination, file.may_wait)
    if isinstance(ops, UnixSocket):
        return read_from_socket(ops, destination, file.may_wait)
    if not file.ops.is_seekable():
        return read_at(file, 0, destination, file.may_wait)
    with file.position_lock:
        done = read_at(file, file.position, destination, file.may_wait)
        file.position += done
    return done


def write_or_signal(task: Thread, file: OpenFile, source: UserSlice) -> Fallible[u64]:
    """`write_on`, with SIGPIPE for the thread when nobody can read any more (write(2), EPIPE)."""
    ops = file.ops
    if isinstance(ops, UnixSocket):
        return write_to_socket(task, ops, source, file.may_wait)
    try:
        return write_on(file, source)
    except EPIPE:
        send_to_thread(task, u32(Signal.PIPE))
        raise


@hot
def write_on(file: OpenFile, source: UserSlice) -> Fallible[u64]:
    """Write where the open file is, or at the end with O_APPEND, and move it on."""
    ops = file.ops
    if isinstance(ops, PipeWriter):
        return ops.pipe.send_from_user(source, file.may_wait)
    if not file.ops.is_seekable():
        return write_at(file, 0, source, file.may_wait)
    if source.length == 0:
        return 0
    with file.position_lock, write_lock_of(file):
        if OpenFlags.APPEND in file.flags:
            file.position = file.ops.attributes().size
        check_room(file, file.position)
        done = write_at(file, file.position, source, file.may_wait)
        file.position += done
    return done


def write_lock_of(file: OpenFile) -> Mutex:
    """What a write to a file that has places holds."""
    inode = file.inode
    assert inode is not None, "what has places has an inode"
    return inode.write_lock


def check_room(file: OpenFile, offset: u64) -> Fallible[None]:
    """EFBIG when a write at `offset` is beyond the largest file that has contents."""
    inode = file.inode
    if offset >= SIZE_MAX and inode is not None and inode.content is not None:
        raise EFBIG


def checked_count(count: u64) -> Fallible[u64]:
    """How much a call that asks for `count` bytes transfers; EINVAL when `count` is negative as an ssize_t."""
    if count > HIGHEST_OFFSET:
        raise EINVAL
    return min(count, COUNT_MAX)


@syscall(0)
@hot
def read(task: Thread, fd: Fd, buffer: UserAddr, count: u64) -> Fallible[u64]:
    """read(2)."""
    file = readable_file(task, fd)
    with deferred(file.drop):
        done = read_on(file, UserSlice(buffer, checked_count(count)))
        task.usage.note_read(done)
        return done


@syscall(1)
@hot
def write(task: Thread, fd: Fd, buffer: UserAddr, count: u64) -> Fallible[u64]:
    """write(2)."""
    file = writable_file(task, fd)
    with deferred(file.drop):
        done = write_or_signal(task, file, UserSlice(buffer, checked_count(count)))
        task.usage.note_write(done)
        return done


def check_has_places(task: Thread, fd: Fd) -> Fallible[None]:
    """ESPIPE for a stream; asked before whether `fd` may be read or written, as in ksys_pread64()."""
    file = task.process.files.get(fd)
    if not file.is_path_only and not file.ops.is_seekable():
        raise ESPIPE


@syscall(17)
def pread64(task: Thread, fd: Fd, buffer: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """pread(2)."""
    if offset < 0:
        raise EINVAL
    check_has_places(task, fd)
    file = readable_file(task, fd)
    with deferred(file.drop):
        done = read_at(file, u64(offset), UserSlice(buffer, checked_count(count)), file.may_wait)
        task.usage.note_read(done)
        return done


@syscall(18)
def pwrite64(task: Thread, fd: Fd, buffer: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """pwrite(2). As on Linux, O_APPEND overrules the offset."""
    if offset < 0:
        raise EINVAL
    check_has_places(task, fd)
    file = writable_file(task, fd)
    with deferred(file.drop):
        if count == 0:
            return 0
        with write_lock_of(file):
            start = file.ops.attributes().size if OpenFlags.APPEND in file.flags else u64(offset)
            check_room(file, start)
            done = write_at(file, start, UserSlice(buffer, checked_count(count)), file.may_wait)
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
    size = file.ops.attributes().size
    base: u64 = 0
    if whence == SEEK_CUR:
        base = file.position
    elif whence == SEEK_END:
        base = size
    elif whence == SEEK_DATA or whence == SEEK_HOLE:
        if offset < 0 or u64(offset) >= size:
            raise ENXIO
        file.position = sought(file, u64(offset), whence == SEEK_DATA, size)
        return file.position
    file.position = moved(base, offset)
    return file.position


def sought(file: OpenFile, offset: u64, wants_data: bool, size: u64) -> Fallible[u64]:
    """Where data or a hole begins from `offset` on. What has no pages is one run of data up to its size."""
    inode = file.inode
    content = None if inode is None else inode.content
    if content is None:
        return offset if wants_data else size
    if not wants_data:
        return next_hole(content, offset)
    found = next_data(content, offset)
    if found >= size:
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
    inode.check(task.process.credentials, Access.WRITE)
    check_new_size(inode.described.size, u64(length))
    inode.truncate(u64(length))


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
    check_new_size(inode.described.size, u64(length))
    inode.truncate(u64(length))
