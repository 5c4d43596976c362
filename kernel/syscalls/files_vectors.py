"""Transfers to and from several places at once: readv(2), writev(2), preadv(2), pwritev(2), preadv2(2), pwritev2(2)."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Fd, UserAddr, UserSlice, deferred, i64, local, local_array, u8, u32, u64
from kernel.base.errno import EINVAL, EOPNOTSUPP, EPIPE
from kernel.files.fifo import pipe_behind
from kernel.files.file import OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.vectors import VECTORS_MAX, Vectors
from kernel.files.watch import Happening
from kernel.memory import user
from kernel.net.socket.buffer import Buffer
from kernel.net.unix.socket import UnixSocket
from kernel.process.send import send_to_thread
from kernel.process.signal_table import Signal
from kernel.sched.cpu import current
from kernel.sched.preemption import Freezing, preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_io import check_has_places
from kernel.syscalls.files_support import HIGHEST_OFFSET, advance, readable_file, writable_file
from kernel.syscalls.files_transfer import (
    LARGE,
    check_span,
    may_read_on,
    prepare_write,
    read_bytes,
    signal_if_broken,
    tell_fifo_read,
    tell_fifo_write,
    tell_transfer,
    write_bytes,
    write_lock_of,
)
from kernel.syscalls.sockets_transfer import read_socket, write_socket

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


def check_vectors(vectors: UserAddr, count: u64, may_be_long: bool = False) -> Fallible[u64]:
    """The sum of the lengths, unless that may be any: then 0.

    EFAULT when the array cannot be read, EINVAL when it is too long, or one of its lengths is, or their sum.
    """
    if count > VECTORS_MAX:
        raise EINVAL
    total: u64 = 0
    for index in range(count):
        length = vector_at(vectors, index).length
        if length > HIGHEST_OFFSET - total:
            raise EINVAL
        if not may_be_long:
            total += length
    return total


def read_vectors(file: OpenFile, vectors: Vectors, offset: i64, wait: bool) -> Fallible[u64]:
    """Read into one place after the other, from `offset` or AT_POSITION on."""
    ops = file.ops
    if isinstance(ops, UnixSocket):
        buffer = local(Buffer)
        buffer.over_vectors(vectors.address, vectors.count, vectors.left)
        return read_socket(current(), ops, buffer, wait)
    pipe = pipe_behind(file)
    if pipe is not None:
        done = pipe.receive_to_vectors(vectors, wait)
        tell_fifo_read(file, done)
        return done
    if not file.ops.is_seekable():
        return read_parts(file, vectors, 0, wait)
    if offset != AT_POSITION:
        return read_parts(file, vectors, u64(offset), wait)
    with file.position_lock:
        done = read_parts(file, vectors, file.position, wait)
        file.position += done
    return done


def read_parts(file: OpenFile, vectors: Vectors, start: u64, wait: bool) -> Fallible[u64]:
    """`read_vectors` from `start` on. Only the first step waits."""
    check_span(start, vectors.left)
    buffer = local_array(u8, LARGE)
    done: u64 = 0
    while vectors.left > 0:
        step = min(LARGE, vectors.left)
        put: u64 = 0
        try:
            if done > 0 and not may_read_on(file):
                break
            got = read_bytes(file, start + done, buffer[0:step], wait and done == 0)
            put = vectors.put(buffer[0:got])
        except Errno:
            if done == 0:
                raise
            break
        done += put
        if put < step:
            break
    tell_transfer(file, done, Happening.ACCESS)
    return done


def write_vectors(
    task: Thread, file: OpenFile, vectors: Vectors, offset: i64, appends: bool, wait: bool
) -> Fallible[u64]:
    """Write from one place after the other, likewise."""
    pipe = pipe_behind(file)
    if pipe is not None:
        done = pipe.send_from_vectors(vectors, wait, file.is_direct)
        tell_fifo_write(file, done)
        return done
    if not file.ops.is_seekable():
        return write_parts(file, vectors, 0, wait)
    if vectors.left == 0:
        return 0
    if offset != AT_POSITION:
        check_span(u64(offset), vectors.left)
        with write_lock_of(file):
            start = file.ops.attributes().size if appends else u64(offset)
            vectors.left = prepare_write(task, file, start, vectors.left)
            return write_parts(file, vectors, start, wait)
    with file.position_lock, write_lock_of(file):
        check_span(file.position, vectors.left)
        start = file.ops.attributes().size if appends else file.position
        vectors.left = prepare_write(task, file, start, vectors.left)
        done = write_parts(file, vectors, start, wait)
        file.position = start + done
    return done


def write_parts(file: OpenFile, vectors: Vectors, start: u64, wait: bool) -> Fallible[u64]:
    """`write_vectors` from `start` on."""
    buffer = local_array(u8, LARGE)
    done: u64 = 0
    while vectors.left > 0:
        step = min(LARGE, vectors.left)
        put: u64 = 0
        try:
            if done > 0:
                preemption_point(Freezing.LATER)
            vectors.take(buffer[0:step])
            put = write_bytes(file, start + done, buffer[0:step], wait)
        except Errno:
            if done == 0:
                raise
            break
        done += put
        if put < step:
            break
    tell_transfer(file, done, Happening.MODIFY)
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


def read_from(task: Thread, fd: Fd, address: UserAddr, count: u64, offset: i64, flags: u32) -> Fallible[u64]:
    """One of the calls that read."""
    if offset != AT_POSITION:
        check_has_places(task, fd)
    file = readable_file(task, fd)
    with deferred(file.drop):
        vectors = local(Vectors)
        vectors.begin(address, count)
        if flags & READ_FLAGS != flags:
            raise EOPNOTSUPP
        done = read_vectors(file, vectors, offset, file.may_wait and flags & RWF_NOWAIT == 0)
        task.usage.note_read(done)
        return done


def write_to(task: Thread, fd: Fd, address: UserAddr, count: u64, offset: i64, flags: u32) -> Fallible[u64]:
    """One of the calls that write; SIGPIPE for the thread when nobody can read any more."""
    if offset != AT_POSITION:
        check_has_places(task, fd)
    file = writable_file(task, fd)
    with deferred(file.drop):
        vectors = local(Vectors)
        vectors.begin(address, count)
        if flags & WRITE_FLAGS != flags:
            raise EOPNOTSUPP
        if flags & RWF_APPEND != 0 and flags & RWF_NOAPPEND != 0:
            raise EINVAL
        appends = (OpenFlags.APPEND in file.flags and flags & RWF_NOAPPEND == 0) or flags & RWF_APPEND != 0
        wait = file.may_wait and flags & RWF_NOWAIT == 0
        ops = file.ops
        if isinstance(ops, UnixSocket):
            buffer = local(Buffer)
            buffer.over_vectors(vectors.address, vectors.count, vectors.left)
            return write_socket(task, ops, buffer, wait)
        try:
            done = write_vectors(task, file, vectors, offset, appends, wait)
        except EPIPE:
            send_to_thread(task, u32(Signal.PIPE))
            raise
        if vectors.left > 0:
            signal_if_broken(task, file)
        task.usage.note_write(done)
        return done
