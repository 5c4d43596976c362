"""Transfers to and from several places at once: readv(2), writev(2), preadv(2), pwritev(2), preadv2(2), pwritev2(2)."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Fd, UserAddr, UserSlice, deferred, i64, local, u32, u64
from kernel.base.errno import EINVAL, EOPNOTSUPP, EPIPE
from kernel.files.attributes import Kind
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.memory import user
from kernel.net.socket.buffer import Buffer
from kernel.net.unix.socket import UnixSocket
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.cpu import current
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_io import check_has_places, check_room, read_at, write_at, write_lock_of
from kernel.syscalls.files_support import COUNT_MAX, HIGHEST_OFFSET, advance, readable_file, writable_file
from kernel.syscalls.sockets_transfer import read_socket, write_socket

VECTORS_MAX: u64 = 1024
"""IOV_MAX (readv(2))."""

AT_POSITION: i64 = -1
"""In place of an offset: where the open file is, which then moves on."""

RWF_NOWAIT: u32 = 0x8
RWF_APPEND: u32 = 0x10
RWF_NOAPPEND: u32 = 0x20
READ_FLAGS: u32 = 0xF
WRITE_FLAGS: u32 = 0x3F
"""What preadv2(2) and pwritev2(2) know: besides these RWF_HIPRI, RWF_DSYNC and RWF_SYNC, which change nothing here."""


def vector_at(vectors: UserAddr, index: u64) -> Fallible[UserSlice]:
    """Entry `index` of an array of `struct iovec` (readv(2))."""
    entry = advance(vectors, index * 16)
    base = user.get(u64, entry)
    return UserSlice(UserAddr(base), user.get(u64, advance(entry, 8)))


def check_vectors(vectors: UserAddr, count: u64) -> Fallible[None]:
    """EFAULT when the array cannot be read, EINVAL when it is too long or the sum of its lengths is."""
    if count > VECTORS_MAX:
        raise EINVAL
    total_of(vectors, count)


def total_of(vectors: UserAddr, count: u64) -> Fallible[u64]:
    """The sum of the lengths in an array. EFAULT when it cannot be read, EINVAL when the sum is too large."""
    total: u64 = 0
    for index in range(count):
        length = vector_at(vectors, index).length
        if length > HIGHEST_OFFSET - total:
            raise EINVAL
        total += length
    return total


def read_vectors(file: OpenFile, vectors: UserAddr, count: u64, offset: i64, wait: bool) -> Fallible[u64]:
    """Read into one place after the other, from `offset` or AT_POSITION on; stops at the first that is not filled."""
    check_vectors(vectors, count)
    ops = file.ops
    if isinstance(ops, UnixSocket):
        buffer = local(Buffer)
        buffer.over_vectors(vectors, count, min(total_of(vectors, count), COUNT_MAX))
        return read_socket(current(), ops, buffer, wait)
    if not file.ops.is_seekable():
        return read_parts(file, vectors, count, 0, wait)
    if offset != AT_POSITION:
        return read_parts(file, vectors, count, u64(offset), wait)
    with file.position_lock:
        done = read_parts(file, vectors, count, file.position, wait)
        file.position += done
    return done


def read_parts(file: OpenFile, vectors: UserAddr, count: u64, start: u64, wait: bool) -> Fallible[u64]:
    """`read_vectors` from `start` on."""
    # What a terminal or an eventfd gives is one line or one value; a pipe gives what it has.
    goes_on = file.ops.is_seekable() or file.ops.attributes().kind == Kind.FIFO
    done: u64 = 0
    for index in range(count):
        part = vector_at(vectors, index)
        if part.length == 0:
            continue
        if done > 0 and not goes_on:
            break
        length = min(part.length, COUNT_MAX - done)
        got: u64 = 0
        try:
            got = read_at(file, start + done, UserSlice(part.address, length), wait and done == 0)
        except Errno:
            if done == 0:
                raise
            break
        done += got
        if got < part.length:
            break
    return done


def write_vectors(
    task: Thread, file: OpenFile, vectors: UserAddr, count: u64, offset: i64, appends: bool, wait: bool
) -> Fallible[u64]:
    """Write from one place after the other, likewise; SIGPIPE for the thread when nobody can read any more."""
    check_vectors(vectors, count)
    ops = file.ops
    if isinstance(ops, UnixSocket):
        buffer = local(Buffer)
        buffer.over_vectors(vectors, count, min(total_of(vectors, count), COUNT_MAX))
        return write_socket(task, ops, buffer, wait)
    if not file.ops.is_seekable():
        return write_parts(task, file, vectors, count, 0, wait)
    if offset != AT_POSITION:
        with write_lock_of(file):
            start = file.ops.attributes().size if appends else u64(offset)
            return write_parts(task, file, vectors, count, start, wait)
    with file.position_lock, write_lock_of(file):
        start = file.ops.attributes().size if appends else file.position
        done = write_parts(task, file, vectors, count, start, wait)
        if done > 0:
            file.position = start + done
    return done


def write_parts(task: Thread, file: OpenFile, vectors: UserAddr, count: u64, start: u64, wait: bool) -> Fallible[u64]:
    """`write_vectors` from `start` on."""
    done: u64 = 0
    for index in range(count):
        part = vector_at(vectors, index)
        if part.length == 0:
            continue
        length = min(part.length, COUNT_MAX - done)
        put: u64 = 0
        try:
            check_room(file, start + done)
            put = write_at(file, start + done, UserSlice(part.address, length), wait)
        except Errno as error:
            if error.code == EPIPE.code:
                send_to_thread(task, u32(Signal.PIPE))
            if done == 0:
                raise
            break
        done += put
        if put < part.length:
            break
    return done


@syscall(19)
def readv(task: Thread, fd: Fd, vectors: UserAddr, count: u64) -> Fallible[u64]:
    """readv(2)."""
    return read_from(task, fd, vectors, count, AT_POSITION, 0)


@syscall(20)
def writev(task: Thread, fd: Fd, vectors: UserAddr, count: u64) -> Fallible[u64]:
    """writev(2)."""
    return write_to(task, fd, vectors, count, AT_POSITION, 0)


@syscall(295)
def preadv(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """preadv(2)."""
    if offset < 0:
        raise EINVAL
    return read_from(task, fd, vectors, count, offset, 0)


@syscall(296)
def pwritev(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64) -> Fallible[u64]:
    """pwritev(2)."""
    if offset < 0:
        raise EINVAL
    return write_to(task, fd, vectors, count, offset, 0)


@syscall(327)
def preadv2(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64, high: u64, flags: u32) -> Fallible[u64]:
    """preadv2(2)."""
    if offset < AT_POSITION:
        raise EINVAL
    return read_from(task, fd, vectors, count, offset, flags)


@syscall(328)
def pwritev2(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64, high: u64, flags: u32) -> Fallible[u64]:
    """pwritev2(2)."""
    if offset < AT_POSITION:
        raise EINVAL
    return write_to(task, fd, vectors, count, offset, flags)


def read_from(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64, flags: u32) -> Fallible[u64]:
    """One of the calls that read."""
    if offset != AT_POSITION:
        check_has_places(task, fd)
    file = readable_file(task, fd)
    with deferred(file.drop):
        if flags & READ_FLAGS != flags:
            raise EOPNOTSUPP
        done = read_vectors(file, vectors, count, offset, file.may_wait and flags & RWF_NOWAIT == 0)
        task.usage.note_read(done)
        return done


def write_to(task: Thread, fd: Fd, vectors: UserAddr, count: u64, offset: i64, flags: u32) -> Fallible[u64]:
    """One of the calls that write."""
    if offset != AT_POSITION:
        check_has_places(task, fd)
    file = writable_file(task, fd)
    with deferred(file.drop):
        if flags & WRITE_FLAGS != flags:
            raise EOPNOTSUPP
        if flags & RWF_APPEND != 0 and flags & RWF_NOAPPEND != 0:
            raise EINVAL
        appends = (OpenFlags.APPEND in file.flags and flags & RWF_NOAPPEND == 0) or flags & RWF_APPEND != 0
        wait = file.may_wait and flags & RWF_NOWAIT == 0
        done = write_vectors(task, file, vectors, count, offset, appends, wait)
        task.usage.note_write(done)
        return done
